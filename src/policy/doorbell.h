// Doorbell: lets another thread call back to a worker's loop for as long as the policy that waits
// for the call lives. The work itself may run after close(), if it was rung before: it must refer
// only to what it shares.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

#include "io/loop.h"

namespace glassgate::policy {

class Doorbell {
public:
    explicit Doorbell(io::Loop& loop) noexcept : loop_(&loop) {}
    Doorbell(const Doorbell&) = delete;
    Doorbell& operator=(const Doorbell&) = delete;

    // Any thread. Nothing happens after close().
    void ring(std::function<void()> work) {
        const std::lock_guard lock(mutex_);
        if (loop_ != nullptr) loop_->post(std::move(work));
    }
    // The worker's thread, before its loop ends.
    void close() {
        const std::lock_guard lock(mutex_);
        loop_ = nullptr;
    }

private:
    std::mutex mutex_;
    io::Loop* loop_;  // guarded by mutex_
};

}  // namespace glassgate::policy
