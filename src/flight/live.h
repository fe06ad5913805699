// LiveFeed: records as they happen, for those who watch: `glassgate tail --follow`, the console.
//
// Watchers see everything, also what the ring samples out. The collector copies a record into a
// bounded queue, and only while somebody watches; filters and watchers run on the feed's own
// thread. Each watcher gets so many records a second and no more: it is told how many it was
// spared.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "flight/filter/filter.h"
#include "flight/plan_shelf.h"
#include "flight/record.h"

namespace glassgate::flight {

class LiveFeed {
public:
    static constexpr uint32_t kRecordsPerSecond = 2000;  // for each watcher

    // Called on the feed's thread when something has come, oldest first, and about once a second
    // when nothing has. `dropped`: how many more there would have been since the last call. Must
    // not block; false: it does not want any more.
    using Watcher =
        std::function<bool(const std::vector<const Record*>& records, uint64_t dropped)>;

    explicit LiveFeed(const PlanShelf& plans);
    ~LiveFeed();  // watchers are called no more
    LiveFeed(const LiveFeed&) = delete;
    LiveFeed& operator=(const LiveFeed&) = delete;

    // Any thread.
    void watch(std::optional<Filter> filter, Watcher watcher);
    // The collector.
    [[nodiscard]] bool watched() const noexcept {
        return watchers_.load(std::memory_order_relaxed) > 0;
    }
    void offer(std::string_view entry);

private:
    struct Watch {
        std::optional<Filter> filter;
        std::optional<FilterRun> run;
        Watcher watcher;
        uint64_t second = 0;  // of the count
        uint32_t given = 0;   // in it
        uint64_t dropped = 0;
    };
    void run();
    void give(const std::vector<Record>& records, uint64_t dropped);
    static constexpr std::size_t kQueueBytes = 4u << 20;

    const PlanShelf& plans_;
    std::atomic<int> watchers_{0};
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<std::string> queue_;
    std::size_t queue_bytes_ = 0;
    uint64_t dropped_ = 0;
    std::vector<std::unique_ptr<Watch>> new_watches_;
    bool stopping_ = false;

    std::vector<std::unique_ptr<Watch>> watches_;  // the thread's
    std::thread thread_;
};

}  // namespace glassgate::flight
