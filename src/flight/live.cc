#include "flight/live.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/clock.h"
#include "flight/codec.h"

namespace glassgate::flight {

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
}

void LiveFeed::watch(std::optional<Filter> filter, Watcher watcher) {
    auto watch = std::make_unique<Watch>();
    watch->filter = std::move(filter);
    if (watch->filter) watch->run.emplace(*watch->filter);
    watch->watcher = std::move(watcher);
    {
        const std::lock_guard lock(mutex_);
        new_watches_.push_back(std::move(watch));
    }
    watchers_.fetch_add(1, std::memory_order_relaxed);
    changed_.notify_all();
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
    std::vector<Record> records;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (watches_.empty() && new_watches_.empty())
            changed_.wait(lock);
        else if (queue_.empty())
            changed_.wait_for(lock, std::chrono::seconds(1));
        if (stopping_) return;
        entries.clear();
        entries.swap(queue_);
        queue_bytes_ = 0;
        const uint64_t dropped = std::exchange(dropped_, 0);
        std::move(new_watches_.begin(), new_watches_.end(), std::back_inserter(watches_));
        new_watches_.clear();
        lock.unlock();
        records.clear();
        for (const std::string& entry : entries) {
            Record record;
            uint64_t key = 0;
            if (!decode_entry(entry, record, key)) continue;
            record.plan = plans_.plan(key);
            record.attach();
            records.push_back(std::move(record));
        }
        give(records, dropped);
        lock.lock();
    }
}

void LiveFeed::give(const std::vector<Record>& records, uint64_t dropped) {
    const uint64_t second = mono_now_ns() / kNsPerSecond;
    std::vector<const Record*> chosen;
    const auto is_over = [&](const std::unique_ptr<Watch>& watch) {
        if (std::exchange(watch->second, second) != second) watch->given = 0;
        watch->dropped += dropped;
        chosen.clear();
        for (const Record& record : records) {
            if (watch->run && !watch->run->matches(record)) continue;
            if (watch->given >= kRecordsPerSecond) {
                ++watch->dropped;
                continue;
            }
            ++watch->given;
            chosen.push_back(&record);
        }
        return !watch->watcher(chosen, std::exchange(watch->dropped, 0));
    };
    const std::size_t gone = std::erase_if(watches_, is_over);
    watchers_.fetch_sub(static_cast<int>(gone), std::memory_order_relaxed);
}

}  // namespace glassgate::flight
