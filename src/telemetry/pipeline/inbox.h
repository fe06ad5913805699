// EventInbox: events that do not come from a worker: of the control plane, of the sinks' own
// threads. Bounded; what does not fit is counted. Any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "model/event.h"

namespace glassgate::telemetry {

class EventInbox {
public:
    static constexpr std::size_t kEventsMax = 1024;

    void put(const model::Event& event) {
        {
            const std::lock_guard lock(mutex_);
            if (events_.size() < kEventsMax)
                events_.push_back(event);
            else
                ++lost_;
        }
        changed_.notify_one();
    }
    // Appends what is there to `events` and empties the box.
    void take(std::vector<model::Event>& events) {
        const std::lock_guard lock(mutex_);
        events.insert(events.end(), events_.begin(), events_.end());
        events_.clear();
        woken_ = false;
    }
    [[nodiscard]] uint64_t lost() const {
        const std::lock_guard lock(mutex_);
        return lost_;
    }
    [[nodiscard]] std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return events_.size();
    }

    // The reader's rest: until something is there, it is woken, or the time is over.
    template <typename Duration>
    void wait_for(Duration duration) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, duration, [this] { return woken_ || !events_.empty(); });
    }
    void wake() {
        {
            const std::lock_guard lock(mutex_);
            woken_ = true;
        }
        changed_.notify_one();
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<model::Event> events_;
    bool woken_ = false;
    uint64_t lost_ = 0;
};

}  // namespace glassgate::telemetry
