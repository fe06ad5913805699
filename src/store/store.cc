#include "store/store.h"

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "base/ids.h"
#include "base/thread_name.h"
#include "store/store_state.h"

namespace glassgate::store {
namespace {

constexpr uint64_t kLargeJournal = 64u << 20;  // becomes segments before its time

Status check(const Settings& settings) {
    if (settings.tiers.empty() || settings.tiers.size() > kMaxTiers)
        return failure("the store needs 1 to " + std::to_string(kMaxTiers) + " tiers");
    for (std::size_t i = 0; i < settings.tiers.size(); ++i) {
        const Tier& tier = settings.tiers[i];
        if (tier.step_ms <= 0 || tier.retention_ms < tier.step_ms)
            return failure("a tier's step must be positive and within its retention");
        if (i > 0 && (tier.step_ms <= settings.tiers[i - 1].step_ms ||
                      tier.retention_ms < settings.tiers[i - 1].retention_ms))
            return failure(
                "tiers must go from fine to coarse, and a coarser one must be kept as "
                "long as a finer one at least");
    }
    if (settings.max_series == 0) return failure("the store needs room for one series at least");
    if (settings.flush_interval_ms <= 0 || settings.checkpoint_interval_ms <= 0)
        return failure("the store's intervals must be positive");
    return {};
}

}  // namespace

// --- faults --------------------------------------------------------------------------------------

void Faults::block(const std::string& where, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (seen_.size() < 1000 && !seen_.insert(where).second) return;
    ++blocks_;
    last_error_ = what;
}
void Faults::blocks(uint64_t count, const std::string& what) {
    if (count == 0) return;
    const std::lock_guard lock(mutex_);
    blocks_ += count;
    last_error_ = what;
}
void Faults::segment(const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++segments_;
    last_error_ = what;
}
void Faults::error(const std::string& what) {
    const std::lock_guard lock(mutex_);
    last_error_ = what;
}
void Faults::fill(Stats& stats) const {
    const std::lock_guard lock(mutex_);
    stats.corrupt_blocks_total = blocks_;
    stats.corrupt_segments_total = segments_;
    stats.last_error = last_error_;
}

// --- state ---------------------------------------------------------------------------------------

StoreState::StoreState(Settings s)
    : settings(std::move(s)),
      disk(settings.disk != nullptr ? *settings.disk : Disk::real()),
      table(settings.max_series, settings.tiers.size(), Random().next(), meter),
      exemplars(settings.max_exemplars) {
    for (auto& capped : capped_ms) capped.store(kNever);
    safe_ms.store(now());
    checkpointed_ms = now();
}

uint64_t StoreState::memory_bytes() const {
    return meter.bytes() + table.index_bytes() + segments.index_bytes() + exemplars.bytes();
}
uint64_t StoreState::disk_bytes() const { return segments.bytes() + journal_bytes.load(); }

void StoreState::note_first(TimeMs t_ms) noexcept {
    TimeMs known = first_ms.load(std::memory_order_relaxed);
    while (t_ms < known && !first_ms.compare_exchange_weak(known, t_ms)) {
    }
}

void StoreState::run() {
    using std::chrono::milliseconds;
    std::unique_lock lock(wake_mutex);
    while (!stopping) {
        wake.wait_for(lock, milliseconds(settings.flush_interval_ms),
                      [&] { return stopping || pressed.load(); });
        if (stopping) return;
        lock.unlock();
        {
            const std::lock_guard held(upkeep);
            const bool due = now() - checkpointed_ms >= settings.checkpoint_interval_ms ||
                             now() < checkpointed_ms || journal.size() >= kLargeJournal ||
                             pressed.load();
            (void)(due ? checkpoint(false) : flush());  // failures are counted
            trim();
        }
        lock.lock();
        if (!pressed.exchange(false)) continue;
        // Under pressure there is no use in running again at once.
        wake.wait_for(lock, milliseconds(std::min<int64_t>(1000, settings.flush_interval_ms)),
                      [&] { return stopping; });
    }
}

// --- the store -----------------------------------------------------------------------------------

Store::Store(std::unique_ptr<StoreState> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Store>> Store::open(Settings settings) {
    TRY_STATUS(check(settings));
    if (!settings.now) settings.now = [] { return static_cast<TimeMs>(wall_now_ns() / kNsPerMs); };
    auto state = std::make_unique<StoreState>(std::move(settings));
    if (state->on_disk()) TRY_STATUS(state->recover());
    std::unique_ptr<Store> store(new Store(std::move(state)));
    if (store->state_->settings.background)
        store->state_->thread = std::thread([s = store->state_.get()] {
            name_this_thread("store");
            s->run();
        });
    return store;
}

Store::~Store() {
    StoreState& s = *state_;
    {
        const std::lock_guard lock(s.wake_mutex);
        s.stopping = true;
    }
    s.wake.notify_all();
    if (s.thread.joinable()) s.thread.join();
    if (s.on_disk()) (void)s.checkpoint(true);
}

Status Store::flush() {
    const std::lock_guard lock(state_->upkeep);
    return state_->flush();
}
Status Store::checkpoint() {
    const std::lock_guard lock(state_->upkeep);
    return state_->checkpoint(false);
}
void Store::trim() {
    const std::lock_guard lock(state_->upkeep);
    state_->trim();
}

const Settings& Store::settings() const noexcept { return state_->settings; }

Stats Store::stats() const {
    const StoreState& s = *state_;
    Stats stats;
    stats.series = s.table.size();
    stats.series_limit = s.settings.max_series;
    stats.series_overflow_total = s.table.overflows();
    for (std::size_t i = 0; i < kAppendCount; ++i) stats.samples_total[i] = s.samples[i].load();
    stats.samples_dropped_total = s.dropped.load();
    stats.memory_bytes = s.memory_bytes();
    stats.memory_limit_bytes = s.settings.memory_max_bytes;
    stats.disk_bytes = s.disk_bytes();
    stats.disk_limit_bytes = s.on_disk() ? s.settings.disk_max_bytes : 0;
    stats.segments = s.segments.size();
    stats.exemplars = s.exemplars.size();
    if (const TimeMs oldest = s.first_ms.load(); oldest != INT64_MAX) stats.oldest_ms = oldest;
    stats.flushes_total = s.flushes.load();
    stats.flush_failures_total = s.flush_failures.load();
    stats.checkpoints_total = s.checkpoints.load();
    stats.checkpoint_failures_total = s.checkpoint_failures.load();
    stats.flush_lag_ms = s.on_disk() ? std::max<TimeMs>(0, s.now() - s.safe_ms.load()) : 0;
    s.faults.fill(stats);
    return stats;
}

}  // namespace glassgate::store
