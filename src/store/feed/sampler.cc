#include "store/feed/sampler.h"

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "base/thread_name.h"

namespace glassgate::store {
namespace {

TimeMs now_ms() { return static_cast<TimeMs>(wall_now_ns() / kNsPerMs); }

}  // namespace

Sampler::Sampler(Store& store, Labels common, int64_t interval_ms, Read read)
    : feed_(store, std::move(common)),
      interval_ms_(std::max<int64_t>(1, interval_ms)),
      read_(std::move(read)) {}

Sampler::~Sampler() { stop(); }

void Sampler::start() {
    stopping_ = false;
    thread_ = std::thread([this] {
        name_this_thread("sampler");
        run();
    });
}

void Sampler::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (last_ms_ == kNever) return;
    if (const TimeMs now = now_ms(); now > last_ms_) sample(now);
    feed_.close(std::max(now_ms(), last_ms_ + 1));
    last_ms_ = kNever;
}

void Sampler::sample(TimeMs t_ms) {
    const uint64_t began_ns = mono_now_ns();
    feed_.begin(t_ms);
    feed_.number({"up", {}, {}, {}}, SeriesKind::gauge, 1);
    read_(feed_);
    feed_.end();
    last_ms_ = t_ms;
    rounds_.fetch_add(1, std::memory_order_relaxed);
    series_.store(feed_.series(), std::memory_order_relaxed);
    refused_.store(feed_.refused(), std::memory_order_relaxed);
    const uint64_t busy_ns = mono_now_ns() - began_ns;
    busy_ns_.fetch_add(busy_ns, std::memory_order_relaxed);
    last_busy_ns_.store(busy_ns, std::memory_order_relaxed);
    last_shown_ms_.store(t_ms, std::memory_order_relaxed);
}

void Sampler::run() {
    std::unique_lock lock(mutex_);
    TimeMs tick = now_ms() / interval_ms_ * interval_ms_;
    while (!stopping_) {
        const TimeMs next = now_ms() / interval_ms_ * interval_ms_ + interval_ms_;
        wake_.wait_for(lock, std::chrono::milliseconds(next - now_ms()),
                       [this] { return stopping_; });
        // Woken early by a clock that was set meanwhile: wait for the tick as it is now.
        const TimeMs reached = now_ms() / interval_ms_ * interval_ms_;
        if (stopping_ || reached == tick) continue;
        if (tick < reached - interval_ms_)
            missed_.fetch_add(static_cast<uint64_t>((reached - tick) / interval_ms_ - 1),
                              std::memory_order_relaxed);
        tick = reached;
        lock.unlock();
        sample(tick);
        lock.lock();
    }
}

Sampler::Numbers Sampler::numbers() const noexcept {
    return {rounds_.load(),  missed_.load(),       series_.load(),       refused_.load(),
            busy_ns_.load(), last_busy_ns_.load(), last_shown_ms_.load()};
}

}  // namespace glassgate::store
