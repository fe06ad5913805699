#include "telemetry/pipeline/ring.h"

#include <bit>
#include <cstddef>
#include <cstring>
#include <new>

#include "base/check.h"

namespace glassgate::telemetry {
namespace {

using model::Attempt;
using model::Connection;
using model::Event;
using model::Exchange;
using model::PolicyStep;
using model::TextRef;

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kAlign = 8;
constexpr std::size_t align_up(std::size_t n) noexcept { return (n + kAlign - 1) & ~(kAlign - 1); }

enum Kind : uint32_t { kPadding, kExchange, kInterim, kConnection, kEvent };

// In front of every record. Records are contiguous: one that does not fit before the end of the
// memory begins at its start, and padding fills the gap.
struct Head {
    uint32_t bytes;  // with this head, a multiple of kAlign
    uint32_t kind;
};
static_assert(sizeof(Head) == kAlign);

// How an exchange is cut: its facts before the captures, the captures in use, the facts up to the
// attempts, attempts and policy steps in use, the facts behind them, text.
constexpr std::size_t kCaptures = offsetof(Exchange, captures);
constexpr std::size_t kAfterCaptures = kCaptures + sizeof(Exchange::captures);
constexpr std::size_t kAttempts = offsetof(Exchange, attempts);
constexpr std::size_t kPolicies = offsetof(Exchange, policies);
constexpr std::size_t kAfterPolicies = kPolicies + sizeof(Exchange::policies);
static_assert(kCaptures < kAttempts && kAttempts < kPolicies);
static_assert(kAttempts + sizeof(Exchange::attempts) == kPolicies, "nothing may lie between them");

struct ExchangeCut {
    uint32_t text;
    uint16_t captures;
    uint8_t attempts, policies;
};
static_assert(sizeof(ExchangeCut) % kAlign == 0);
static_assert(model::kMaxAttempts < 256 && model::kMaxPolicySteps < 256);

std::size_t bytes_of(const ExchangeCut& cut) noexcept {
    return sizeof(ExchangeCut) + kCaptures + cut.captures * sizeof(TextRef) +
           (kAttempts - kAfterCaptures) + cut.attempts * sizeof(Attempt) +
           cut.policies * sizeof(PolicyStep) + (sizeof(Exchange) - kAfterPolicies) + cut.text;
}

char* put(char* to, const void* from, std::size_t count) noexcept {
    if (count != 0) std::memcpy(to, from, count);
    return to + count;
}
const char* take(const char* from, void* to, std::size_t count) noexcept {
    if (count != 0) std::memcpy(to, from, count);
    return from + count;
}
const char* bytes(const Exchange& x) noexcept { return reinterpret_cast<const char*>(&x); }
char* bytes(Exchange& x) noexcept { return reinterpret_cast<char*>(&x); }

void copy_in(const Exchange& x, const ExchangeCut& cut, char* to) noexcept {
    to = put(to, &cut, sizeof cut);
    to = put(to, bytes(x), kCaptures);
    to = put(to, x.captures, cut.captures * sizeof(TextRef));
    to = put(to, bytes(x) + kAfterCaptures, kAttempts - kAfterCaptures);
    to = put(to, x.attempts.begin(), cut.attempts * sizeof(Attempt));
    to = put(to, x.policies.begin(), cut.policies * sizeof(PolicyStep));
    to = put(to, bytes(x) + kAfterPolicies, sizeof(Exchange) - kAfterPolicies);
    put(to, x.text, cut.text);
}

void copy_out(const char* from, Exchange& x) noexcept {
    ExchangeCut cut;
    from = take(from, &cut, sizeof cut);
    from = take(from, bytes(x), kCaptures);
    from = take(from, x.captures, cut.captures * sizeof(TextRef));
    for (std::size_t i = cut.captures; i < model::kMaxCaptures; ++i) x.captures[i] = {};
    from = take(from, bytes(x) + kAfterCaptures, kAttempts - kAfterCaptures);
    x.attempts.clear();
    x.policies.clear();
    for (unsigned i = 0; i < cut.attempts; ++i) {
        Attempt attempt;
        from = take(from, &attempt, sizeof attempt);
        x.attempts.push_back(attempt);
    }
    for (unsigned i = 0; i < cut.policies; ++i) {
        PolicyStep step;
        from = take(from, &step, sizeof step);
        x.policies.push_back(step);
    }
    from = take(from, bytes(x) + kAfterPolicies, sizeof(Exchange) - kAfterPolicies);
    x.text = from;
    x.text_size = cut.text;
}

using Count = std::atomic<uint64_t>;

// Only one thread writes each counter, so no read-modify-write is needed.
void add_one(Count& count) noexcept {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace

struct RecordRing::State {
    explicit State(std::size_t capacity_bytes)
        : capacity(capacity_bytes), memory(std::make_unique<char[]>(capacity_bytes)) {}

    const std::size_t capacity;
    const std::unique_ptr<char[]> memory;

    // written by the producer
    alignas(kCacheLine) Count written{0};  // bytes since the beginning of time
    uint64_t reserved = 0;                 // what `written` becomes when the record is published
    uint64_t read_seen = 0;                // the producer's last look at `read`
    Count pushed_exchanges{0}, lost_exchanges{0}, pushed_events{0}, lost_events{0};

    // written by the consumer
    alignas(kCacheLine) Count read{0};
    Count read_exchanges{0}, read_events{0};
    uint64_t written_seen = 0;  // the consumer's last look at `written`
    Head front{};
    Exchange exchange;  // the one at the front, put together again
};

RecordRing::RecordRing(std::size_t capacity_bytes)
    : state_(std::make_unique<State>(capacity_bytes)) {
    GW_CHECK(std::has_single_bit(capacity_bytes) && capacity_bytes >= kCacheLine &&
             capacity_bytes <= 0x8000'0000u);
}
RecordRing::~RecordRing() = default;

// Where a record of `size` bytes begins, its head written; or null. It exists once it is published.
char* RecordRing::reserve(std::size_t size, uint32_t kind) noexcept {
    State& s = *state_;
    const uint64_t written = s.written.load(std::memory_order_relaxed);
    const std::size_t at = written & (s.capacity - 1);
    const std::size_t to_end = s.capacity - at;
    const std::size_t padding = size > to_end ? to_end : 0;
    const std::size_t room = kind == kInterim ? s.capacity / 2 : s.capacity;
    const auto fits = [&] { return written + padding + size - s.read_seen <= room; };
    if (size > room) return nullptr;
    if (!fits()) {
        s.read_seen = s.read.load(std::memory_order_acquire);
        if (!fits()) return nullptr;
    }
    if (padding != 0) {
        const Head gap{static_cast<uint32_t>(padding), kPadding};
        std::memcpy(s.memory.get() + at, &gap, sizeof gap);
    }
    s.reserved = written + padding + size;
    const Head head{static_cast<uint32_t>(size), kind};
    return put(s.memory.get() + (padding != 0 ? 0 : at), &head, sizeof head);
}

// The count goes up first, so that a reader of both never sees more read than pushed.
void RecordRing::publish(Count& pushed) noexcept {
    add_one(pushed);
    state_->written.store(state_->reserved, std::memory_order_release);
}

bool RecordRing::push(const Exchange& x) noexcept {
    const std::size_t slots = x.names == nullptr ? 0 : x.names->captured.slots().size();
    const ExchangeCut cut{x.text_size, static_cast<uint16_t>(slots),
                          static_cast<uint8_t>(x.attempts.size()),
                          static_cast<uint8_t>(x.policies.size())};
    State& s = *state_;
    char* const to =
        reserve(align_up(sizeof(Head) + bytes_of(cut)), x.final ? kExchange : kInterim);
    if (to == nullptr) {
        add_one(x.final ? s.lost_exchanges : s.lost_events);
        return false;
    }
    copy_in(x, cut, to);
    publish(x.final ? s.pushed_exchanges : s.pushed_events);
    return true;
}

bool RecordRing::push_whole(const void* record, std::size_t size, uint32_t kind) noexcept {
    char* const to = reserve(align_up(sizeof(Head) + size), kind);
    if (to == nullptr) {
        add_one(state_->lost_events);
        return false;
    }
    std::memcpy(to, record, size);
    publish(state_->pushed_events);
    return true;
}
bool RecordRing::push(const Connection& c) noexcept {
    return push_whole(&c, sizeof c, kConnection);
}
bool RecordRing::push(const Event& e) noexcept { return push_whole(&e, sizeof e, kEvent); }

RecordRing::Record RecordRing::front() noexcept {
    State& s = *state_;
    while (true) {
        const uint64_t read = s.read.load(std::memory_order_relaxed);
        if (read == s.written_seen) {
            s.written_seen = s.written.load(std::memory_order_acquire);
            if (read == s.written_seen) return {};
        }
        Head head;
        const char* const body =
            take(s.memory.get() + (read & (s.capacity - 1)), &head, sizeof head);
        s.front = head;
        switch (head.kind) {
            case kExchange:
            case kInterim:
                copy_out(body, s.exchange);
                return {&s.exchange, nullptr, nullptr};
            case kConnection:
                return {nullptr, std::launder(reinterpret_cast<const Connection*>(body)), nullptr};
            case kEvent:
                return {nullptr, nullptr, std::launder(reinterpret_cast<const Event*>(body))};
            default:
                s.read.store(read + head.bytes, std::memory_order_release);  // padding
        }
    }
}

void RecordRing::pop() noexcept {
    State& s = *state_;
    add_one(s.front.kind == kExchange ? s.read_exchanges : s.read_events);
    s.read.store(s.read.load(std::memory_order_relaxed) + s.front.bytes, std::memory_order_release);
}

namespace {
uint64_t value(const std::atomic<uint64_t>& count) noexcept {
    return count.load(std::memory_order_acquire);
}
}  // namespace

uint64_t RecordRing::pushed_exchanges() const noexcept { return value(state_->pushed_exchanges); }
uint64_t RecordRing::lost_exchanges() const noexcept { return value(state_->lost_exchanges); }
uint64_t RecordRing::read_exchanges() const noexcept { return value(state_->read_exchanges); }
uint64_t RecordRing::pushed_events() const noexcept { return value(state_->pushed_events); }
uint64_t RecordRing::lost_events() const noexcept { return value(state_->lost_events); }
uint64_t RecordRing::read_events() const noexcept { return value(state_->read_events); }
uint64_t RecordRing::write_position() const noexcept { return value(state_->written); }
uint64_t RecordRing::read_position() const noexcept { return value(state_->read); }

}  // namespace glassgate::telemetry
