#include "shared/breaker_board.h"

#include <algorithm>

namespace glassgate::shared {
namespace {

constexpr uint64_t kTimeMask = (uint64_t{1} << 40) - 1;
constexpr uint32_t kFieldMask = 0x7ff;

struct Word {
    BreakerState state = BreakerState::closed;
    uint32_t a = 0;
    uint32_t b = 0;
    uint64_t time_ms = 0;

    static Word unpack(uint64_t w) noexcept {
        return {static_cast<BreakerState>(w >> 62), static_cast<uint32_t>(w >> 51) & kFieldMask,
                static_cast<uint32_t>(w >> 40) & kFieldMask, w & kTimeMask};
    }
    [[nodiscard]] uint64_t pack() const noexcept {
        return static_cast<uint64_t>(state) << 62 | uint64_t{std::min(a, kFieldMask)} << 51 |
               uint64_t{std::min(b, kFieldMask)} << 40 | (time_ms & kTimeMask);
    }
    // How long until time_ms; 0 when it has come.
    [[nodiscard]] uint64_t wait_ms(uint64_t now_ms) const noexcept {
        const uint64_t ahead = (time_ms - now_ms) & kTimeMask;
        return ahead > kTimeMask / 2 ? 0 : ahead;
    }
    [[nodiscard]] bool is_spell_of(const Breaker::Ticket& ticket) const noexcept {
        return state == BreakerState::half_open && ticket.probe && time_ms == ticket.time_ms;
    }
    // An ordinary request's outcome counts: it was admitted since the circuit closed.
    [[nodiscard]] bool counts(const Breaker::Ticket& ticket) const noexcept {
        return state == BreakerState::closed && !ticket.probe && wait_ms(ticket.time_ms) == 0;
    }
};

}  // namespace

Breaker::Admitted Breaker::admit(uint64_t now_ms, uint32_t probes) noexcept {
    uint64_t seen = word_.load(std::memory_order_acquire);
    while (true) {
        Word w = Word::unpack(seen);
        if (w.state == BreakerState::closed) return {Admission::pass, false, 0, {false, now_ms}};
        const uint64_t wait = w.wait_ms(now_ms);
        bool became_half_open = false;
        if (wait == 0) {
            became_half_open = w.state == BreakerState::open;
            w = {BreakerState::half_open, 1, 0, (now_ms + kProbePatienceMs) & kTimeMask};
        } else if (w.state == BreakerState::open) {
            return {Admission::refuse, false, wait, {}};
        } else if (w.a >= probes) {
            return {Admission::refuse, false, 0, {}};  // the probes' answer may come any moment
        } else {
            ++w.a;
        }
        if (word_.compare_exchange_weak(seen, w.pack(), std::memory_order_acq_rel,
                                        std::memory_order_acquire))
            return {Admission::probe, became_half_open, 0, {true, w.time_ms}};
    }
}

uint32_t Breaker::failed(const Ticket& ticket, uint64_t now_ms, uint32_t consecutive_failures,
                         uint32_t open_ms) noexcept {
    uint64_t seen = word_.load(std::memory_order_acquire);
    while (true) {
        Word w = Word::unpack(seen);
        const bool probe = w.is_spell_of(ticket);
        if (!probe && !w.counts(ticket)) return 0;
        if (!probe) ++w.a;
        const uint32_t failures = w.a;
        const bool opens = probe || failures >= consecutive_failures;
        if (opens) w = {BreakerState::open, 0, 0, now_ms + open_ms};
        if (!word_.compare_exchange_weak(seen, w.pack(), std::memory_order_acq_rel,
                                         std::memory_order_acquire))
            continue;
        if (!opens) return 0;
        if (probe) return streak_.fetch_add(1, std::memory_order_relaxed) + 1;
        streak_.store(failures, std::memory_order_relaxed);
        return failures;
    }
}

bool Breaker::succeeded(const Ticket& ticket, uint64_t now_ms, uint32_t probes) noexcept {
    uint64_t seen = word_.load(std::memory_order_acquire);
    while (true) {
        Word w = Word::unpack(seen);
        bool closes = false;
        if (w.is_spell_of(ticket)) {
            ++w.b;
            closes = w.b >= probes;
            if (closes) w = {BreakerState::closed, 0, 0, now_ms};
        } else {
            if (!w.counts(ticket) || w.a == 0) return false;  // the steady state: no write
            w.a = 0;
        }
        if (word_.compare_exchange_weak(seen, w.pack(), std::memory_order_acq_rel,
                                        std::memory_order_acquire))
            return closes;
    }
}

void Breaker::abandoned(const Ticket& ticket) noexcept {
    if (!ticket.probe) return;
    uint64_t seen = word_.load(std::memory_order_acquire);
    while (true) {
        Word w = Word::unpack(seen);
        if (!w.is_spell_of(ticket) || w.a == 0) return;
        --w.a;
        if (word_.compare_exchange_weak(seen, w.pack(), std::memory_order_acq_rel,
                                        std::memory_order_acquire))
            return;
    }
}

BreakerState Breaker::state() const noexcept {
    return Word::unpack(word_.load(std::memory_order_acquire)).state;
}

std::shared_ptr<Breaker> BreakerBoard::find(const std::string& route, const std::string& upstream) {
    const std::lock_guard lock(mutex_);
    const std::pair key(route, upstream);
    std::erase_if(breakers_,
                  [&](const auto& entry) { return entry.second.expired() && entry.first != key; });
    std::weak_ptr<Breaker>& known = breakers_[key];
    std::shared_ptr<Breaker> breaker = known.lock();
    if (!breaker) known = breaker = std::make_shared<Breaker>();
    return breaker;
}

void BreakerBoard::for_each(
    const std::function<void(const std::string&, const std::string&, const Breaker&)>& use) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, known] : breakers_)
        if (const auto breaker = known.lock()) use(key.first, key.second, *breaker);
}

}  // namespace glassgate::shared
