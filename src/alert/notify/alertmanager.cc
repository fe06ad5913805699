#include "alert/notify/alertmanager.h"

#include <algorithm>
#include <chrono>

#include "alert/notify/format.h"
#include "alert/notify/transport.h"
#include "base/clock.h"

namespace glassgate::alert {
namespace {

constexpr uint64_t kFirstPauseMs = 500, kLastPauseMs = 30'000;
constexpr auto kPatience = std::chrono::seconds(1);

HttpTarget with_path(HttpTarget target) {
    while (target.url.ends_with('/')) target.url.pop_back();
    target.url += "/api/v2/alerts";
    return target;
}

}  // namespace

AlertmanagerLink::AlertmanagerLink(HttpTarget target)
    : target_(std::move(target)), post_(with_path(target_)), thread_([this] { run(); }) {}

AlertmanagerLink::~AlertmanagerLink() {
    {
        std::unique_lock lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
        wake_.wait_for(lock, kPatience,
                       [this] { return waiting_.empty() && numbers_.queued == 0; });
        abort_.store(true);
    }
    wake_.notify_all();
    thread_.join();
}

void AlertmanagerLink::submit(const std::vector<Notice>& notices) {
    {
        const std::lock_guard lock(mutex_);
        for (const Notice& notice : notices) {
            if (waiting_.size() >= kQueueMax && !waiting_.contains(notice.labels)) {
                ++numbers_.dropped;
                continue;
            }
            waiting_[notice.labels] = notice;
        }
        numbers_.queued = waiting_.size();
    }
    wake_.notify_all();
}

AlertmanagerLink::Numbers AlertmanagerLink::numbers() const {
    const std::lock_guard lock(mutex_);
    return numbers_;
}

std::vector<Notice> AlertmanagerLink::take() {
    std::vector<Notice> batch;
    while (batch.size() < kBatchMax && !waiting_.empty()) {
        batch.push_back(std::move(waiting_.begin()->second));
        waiting_.erase(waiting_.begin());
    }
    return batch;
}

// What has come meanwhile is newer.
void AlertmanagerLink::put_back(std::vector<Notice> notices) {
    for (Notice& notice : notices) {
        const store::Labels labels = notice.labels;
        waiting_.try_emplace(labels, std::move(notice));
    }
}

void AlertmanagerLink::run() {
    uint64_t pause = 0;
    std::unique_lock lock(mutex_);
    while (true) {
        if (pause > 0)
            wake_.wait_for(lock, std::chrono::milliseconds(pause),
                           [this] { return stopping_ || abort_.load(); });
        else
            wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (abort_.load() || (stopping_ && waiting_.empty())) return;
        std::vector<Notice> batch = take();
        lock.unlock();
        const Delivery delivery = post_json(post_, alertmanager_json(batch), abort_);
        lock.lock();
        numbers_.last_error = delivery.error;
        if (delivery.kind == Delivery::Kind::sent) {
            numbers_.sent += batch.size();
            pause = 0;
        } else {
            ++numbers_.failed;
            if (delivery.kind == Delivery::Kind::refused)
                numbers_.dropped += batch.size();
            else
                put_back(std::move(batch));
            pause = std::min(std::max(pause * 2, kFirstPauseMs), kLastPauseMs);
            if (delivery.retry_after_ms) pause = std::max(pause, *delivery.retry_after_ms);
        }
        numbers_.queued = waiting_.size();
        if (stopping_) {
            wake_.notify_all();
            if (pause > 0) return;
        }
    }
}

}  // namespace glassgate::alert
