#include "flight/live.h"

#include <chrono>

#include "flight/codec.h"

namespace glassgate::flight {

LiveFeed::Watch::~Watch() { watchers_->fetch_sub(1, std::memory_order_relaxed); }

LiveFeed::Watch::Taken LiveFeed::Watch::take(uint32_t wait_ms) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                      [this] { return over_ || !records_.empty() || dropped_ > 0; });
    Taken taken{std::move(records_), std::exchange(dropped_, 0)};
    records_.clear();
    bytes_ = 0;
    return taken;
}

LiveFeed::LiveFeed(const PlanShelf& plans) : plans_(plans) {
    thread_ = std::thread([this] { run(); });
}

LiveFeed::~LiveFeed() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    const std::lock_guard lock(watches_mutex_);
    for (const auto& weak : watches_)
        if (const auto watch = weak.lock()) {
            const std::lock_guard inner(watch->mutex_);
            watch->over_ = true;
            watch->changed_.notify_all();
        }
}

std::shared_ptr<LiveFeed::Watch> LiveFeed::watch(std::optional<Filter> filter,
                                                 std::function<void()> wake) {
    std::shared_ptr<Watch> watch(new Watch);
    watch->filter_ = std::move(filter);
    if (watch->filter_) watch->run_.emplace(*watch->filter_);
    watch->wake_ = std::move(wake);
    watch->watchers_ = watchers_;
    watchers_->fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(watches_mutex_);
    watches_.push_back(watch);
    return watch;
}

void LiveFeed::offer(std::string_view entry) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_bytes_ + entry.size() > kQueueBytes) {
            ++dropped_;
            return;
        }
        queue_bytes_ += entry.size();
        queue_.emplace_back(entry);
    }
    changed_.notify_one();
}

void LiveFeed::run() {
    std::vector<std::string> entries;
    std::vector<Shared> records;
    while (true) {
        uint64_t dropped = 0;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            entries.clear();
            entries.swap(queue_);
            queue_bytes_ = 0;
            dropped = std::exchange(dropped_, 0);
        }
        records.clear();
        for (const std::string& entry : entries) {
            auto record = std::make_shared<Record>();
            uint64_t key = 0;
            if (!decode_entry(entry, *record, key)) continue;
            record->plan = plans_.plan(key);
            record->attach();
            records.push_back(std::move(record));
        }
        give(records, dropped);
    }
}

void LiveFeed::give(const std::vector<Shared>& records, uint64_t dropped) {
    const std::lock_guard all(watches_mutex_);
    std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
    for (const auto& weak : watches_) {
        const auto watch = weak.lock();
        if (watch == nullptr) continue;
        bool any = dropped > 0;
        {
            const std::lock_guard lock(watch->mutex_);
            watch->dropped_ += dropped;
            for (const Shared& record : records) {
                if (watch->run_ && !watch->run_->matches(*record)) continue;
                const std::size_t bytes = sizeof(Record) + record->text.size();
                any = true;
                if (watch->records_.size() >= kWatchRecords ||
                    watch->bytes_ + bytes > kWatchBytes) {
                    ++watch->dropped_;
                    continue;
                }
                watch->bytes_ += bytes;
                watch->records_.push_back(record);
            }
        }
        if (!any) continue;
        watch->changed_.notify_all();
        if (watch->wake_) watch->wake_();
    }
}

}  // namespace glassgate::flight
