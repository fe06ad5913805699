// LiveFeed: records as they happen, for those who watch: `glassgate tail --follow`, the console.
//
// Watchers see everything, also what the ring samples out. The collector copies a record into a
// bounded queue, and only while somebody watches; filters run on the feed's own thread. Whoever is
// too slow loses records and is told how many.
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
    using Shared = std::shared_ptr<const Record>;
    // One who watches; ends with its destructor. Any thread, one at a time.
    class Watch {
    public:
        struct Taken {
            std::vector<Shared> records;  // oldest first
            uint64_t dropped = 0;         // since the last time
        };
        // What is there; waits up to so long for the first. Nothing to wait for once the feed ends.
        [[nodiscard]] Taken take(uint32_t wait_ms);
        ~Watch();

    private:
        friend class LiveFeed;
        Watch() = default;
        std::optional<Filter> filter_;
        std::optional<FilterRun> run_;  // the feed's thread
        std::function<void()> wake_;
        std::shared_ptr<std::atomic<int>> watchers_;
        std::mutex mutex_;
        std::condition_variable changed_;
        std::vector<Shared> records_;
        std::size_t bytes_ = 0;
        uint64_t dropped_ = 0;
        bool over_ = false;
    };

    explicit LiveFeed(const PlanShelf& plans);
    ~LiveFeed();
    LiveFeed(const LiveFeed&) = delete;
    LiveFeed& operator=(const LiveFeed&) = delete;

    // `wake`, if given, is called on the feed's thread when something has come for it; it must be
    // quick.
    [[nodiscard]] std::shared_ptr<Watch> watch(std::optional<Filter> filter,
                                               std::function<void()> wake = {});
    // The collector.
    [[nodiscard]] bool watched() const noexcept {
        return watchers_->load(std::memory_order_relaxed) > 0;
    }
    void offer(std::string_view entry);

private:
    void run();
    void give(const std::vector<Shared>& records, uint64_t dropped);
    static constexpr std::size_t kQueueBytes = 4u << 20;  // not looked at yet
    static constexpr std::size_t kWatchRecords = 10'000, kWatchBytes = 8u << 20;

    const PlanShelf& plans_;
    const std::shared_ptr<std::atomic<int>> watchers_ = std::make_shared<std::atomic<int>>(0);
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> queue_;
    std::size_t queue_bytes_ = 0;
    uint64_t dropped_ = 0;
    bool stopping_ = false;
    std::mutex watches_mutex_;
    std::vector<std::weak_ptr<Watch>> watches_;
    std::thread thread_;
};

}  // namespace glassgate::flight
