#include "telemetry/pipeline/lane.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/ids.h"
#include "base/thread_name.h"

namespace glassgate::telemetry {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// end_stop waits so much longer than the deadline: a sink that keeps its promise to the millisecond
// should not be taken for a hung one.
constexpr milliseconds kGrace{100};

// A queue that was once large gives its memory back.
constexpr std::size_t kKeptBytes = 1u << 20;

}  // namespace

void Projection::clear() noexcept {
    bytes.clear();
    entries.clear();
    filtered = sampled_out = events_filtered = 0;
}

struct Lane::State {
    explicit State(std::unique_ptr<Sink> s) : sink(std::move(s)), traits(sink->traits()) {}

    using Lock = std::unique_lock<std::mutex>;
    using Entry = Projection::Entry;

    // the thread
    void run();
    void wait_until_due(Lock& lock);
    void deliver_all(Lock& lock);
    [[nodiscard]] bool deliver_batch(Lock& lock);
    void form_batch();
    void back_off(Lock& lock, uint32_t retry_after_ms);
    // under the mutex
    [[nodiscard]] bool due(Clock::time_point now) const noexcept;
    [[nodiscard]] bool past_deadline() const noexcept {
        return stopping && Clock::now() >= deadline;
    }
    void add(std::string_view bytes, Entry entry);
    void settle_front(std::size_t records, bool delivered) noexcept;
    void settle(Entry entry, bool delivered) noexcept;
    void lose(Entry entry) noexcept;
    void lose_everything() noexcept;

    const std::unique_ptr<Sink> sink;
    const SinkTraits traits;

    mutable std::mutex mutex;
    std::condition_variable changed;
    // What has been pushed and not taken up, and since when its oldest record waits.
    std::string open;
    std::vector<Entry> open_entries;
    Clock::time_point oldest;
    SinkCounts counts;
    Losses losses;
    bool reopening = false, stopping = false, finished = false;
    bool abandoned = false;  // the thread is left behind: all is counted, it must touch nothing
    Clock::time_point deadline;

    // What the thread has taken up; entries from `front` on are still counted as queued.
    std::string held;
    std::vector<Entry> held_entries;
    std::size_t front = 0, front_byte = 0;
    std::vector<std::string_view> batch;
    uint32_t failures = 0;  // in a row, at the same batch
    Random random;

    std::thread thread;
};

// --- counting, under the mutex -------------------------------------------------------------------

void Lane::State::add(std::string_view bytes, Entry entry) {
    const uint64_t room = entry.interim ? traits.queue_bytes / 2 : traits.queue_bytes;
    if (counts.queue_bytes + entry.bytes > room) {
        lose(entry);
        return;
    }
    if (open_entries.empty()) oldest = Clock::now();
    open += bytes;
    open_entries.push_back(entry);
    counts.queue_bytes += entry.bytes;
    ++(entry.event ? counts.events_queued : counts.queued);
}

void Lane::State::lose(Entry entry) noexcept {
    ++(entry.event ? counts.events_lost : counts.lost);
    if (!entry.about_loss) ++(entry.event ? losses.events : losses.records);
}

void Lane::State::settle(Entry entry, bool delivered) noexcept {
    counts.queue_bytes -= entry.bytes;
    --(entry.event ? counts.events_queued : counts.queued);
    if (delivered)
        ++(entry.event ? counts.events_delivered : counts.delivered);
    else
        lose(entry);
}

void Lane::State::settle_front(std::size_t records, bool delivered) noexcept {
    for (; records != 0; --records, ++front) {
        front_byte += held_entries[front].bytes;
        settle(held_entries[front], delivered);
    }
}

void Lane::State::lose_everything() noexcept {
    settle_front(held_entries.size() - front, false);
    for (const Entry entry : open_entries) settle(entry, false);
    open.clear();
    open_entries.clear();
}

bool Lane::State::due(Clock::time_point now) const noexcept {
    if (open_entries.empty()) return false;
    return open_entries.size() >= traits.batch_records || open.size() >= traits.batch_bytes ||
           now >= oldest + milliseconds(traits.flush_ms);
}

// --- the thread ----------------------------------------------------------------------------------

void Lane::State::run() {
    Lock lock(mutex);
    while (!abandoned) {
        wait_until_due(lock);
        if (std::exchange(reopening, false)) {
            lock.unlock();
            sink->reopen();
            lock.lock();
        }
        if (abandoned || (stopping && open_entries.empty())) break;
        if (!stopping && !due(Clock::now())) continue;
        held.swap(open);
        held_entries.swap(open_entries);
        open.clear();
        open_entries.clear();
        front = front_byte = 0;
        failures = 0;
        deliver_all(lock);
        if (held.capacity() > kKeptBytes && held.size() < kKeptBytes / 2) held.shrink_to_fit();
    }
    finished = true;
    changed.notify_all();
}

void Lane::State::wait_until_due(Lock& lock) {
    while (!stopping && !reopening && !abandoned && !due(Clock::now())) {
        if (open_entries.empty())
            changed.wait(lock);
        else
            changed.wait_until(lock, oldest + milliseconds(traits.flush_ms));
    }
}

void Lane::State::deliver_all(Lock& lock) {
    while (!abandoned && front < held_entries.size()) {
        if (past_deadline()) return lose_everything();
        if (!deliver_batch(lock)) return;
    }
}

void Lane::State::form_batch() {
    batch.clear();
    std::size_t at = front_byte;
    for (std::size_t i = front; i < held_entries.size() && batch.size() < traits.batch_records;
         ++i) {
        const std::size_t bytes = held_entries[i].bytes;
        if (!batch.empty() && at + bytes - front_byte > traits.batch_bytes) break;
        batch.push_back(std::string_view(held).substr(at, bytes));
        at += bytes;
    }
}

// False: the thread has been left behind meanwhile.
bool Lane::State::deliver_batch(Lock& lock) {
    form_batch();
    lock.unlock();
    Delivered result = sink->deliver(batch);
    lock.lock();
    if (abandoned) return false;
    const std::size_t safe = std::min(result.records, batch.size());
    settle_front(safe, true);
    if (safe == batch.size()) {
        failures = 0;
        return true;
    }
    if (!result.error.empty()) losses.error = std::move(result.error);
    failures = safe != 0 ? 1 : failures + 1;
    if (!result.retry || failures >= traits.retry_attempts) {
        settle_front(batch.size() - safe, false);
        failures = 0;
        return true;
    }
    back_off(lock, result.retry_after_ms);
    return !abandoned;
}

// Doubling with jitter (between half and all of it), or what the receiver asks for. A stop cuts it
// to the deadline.
void Lane::State::back_off(Lock& lock, uint32_t retry_after_ms) {
    uint64_t wait_ms = retry_after_ms;
    if (wait_ms == 0) {
        const uint64_t doubled = uint64_t{traits.retry_initial_ms} << std::min(failures - 1, 20u);
        const uint64_t full =
            std::max<uint64_t>(std::min<uint64_t>(doubled, traits.retry_max_ms), 1);
        wait_ms = full - random.below(full / 2 + 1);
    }
    const Clock::time_point until = Clock::now() + milliseconds(wait_ms);
    while (!abandoned) {
        const Clock::time_point end = stopping ? std::min(until, deadline) : until;
        if (Clock::now() >= end) return;
        changed.wait_until(lock, end);
    }
}

// --- the outside ---------------------------------------------------------------------------------

Lane::Lane(std::unique_ptr<Sink> sink) : state_(std::make_shared<State>(std::move(sink))) {
    state_->thread = std::thread([state = state_] {
        name_this_thread("sink " + state->traits.name);
        state->run();
    });
}

Lane::~Lane() {
    begin_stop(0);
    end_stop();
}

Sink& Lane::sink() noexcept { return *state_->sink; }
const SinkTraits& Lane::traits() const noexcept { return state_->traits; }

void Lane::push(Projection& projection) {
    if (projection.empty()) return;
    State& s = *state_;
    bool wake = false;
    {
        const std::lock_guard lock(s.mutex);
        s.counts.filtered += projection.filtered;
        s.counts.sampled_out += projection.sampled_out;
        s.counts.events_filtered += projection.events_filtered;
        const bool was_empty = s.open_entries.empty();
        std::size_t at = 0;
        for (const Projection::Entry entry : projection.entries) {
            if (s.stopping)
                s.lose(entry);  // too late: counted, not kept
            else
                s.add(std::string_view(projection.bytes).substr(at, entry.bytes), entry);
            at += entry.bytes;
        }
        // An empty queue that fills starts the clock of flush_ms; a full batch ends its waiting.
        wake = !s.open_entries.empty() && (was_empty || s.due(s.oldest));
    }
    if (wake) s.changed.notify_all();
    projection.clear();
}

SinkCounts Lane::counts() const {
    const std::lock_guard lock(state_->mutex);
    return state_->counts;
}

Lane::Losses Lane::losses() const {
    const std::lock_guard lock(state_->mutex);
    return state_->losses;
}

void Lane::reopen() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->reopening = true;
    }
    state_->changed.notify_all();
}

void Lane::begin_stop(uint32_t deadline_ms) {
    {
        const std::lock_guard lock(state_->mutex);
        const Clock::time_point deadline = Clock::now() + milliseconds(deadline_ms);
        if (state_->finished || (state_->stopping && state_->deadline <= deadline)) return;
        state_->stopping = true;
        state_->deadline = deadline;
    }
    state_->sink->hurry(deadline_ms);
    state_->changed.notify_all();
}

void Lane::end_stop() {
    State& s = *state_;
    if (!s.thread.joinable()) return;
    State::Lock lock(s.mutex);
    s.changed.wait_until(lock, s.deadline + kGrace, [&s] { return s.finished; });
    if (!s.finished) {
        s.lose_everything();
        s.abandoned = true;
        s.thread.detach();
        return;
    }
    lock.unlock();
    s.thread.join();
}

bool Lane::finished() const {
    const std::lock_guard lock(state_->mutex);
    return state_->finished;
}

}  // namespace glassgate::telemetry
