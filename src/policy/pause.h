// A policy's wait for something that happens elsewhere: made in Policy::resume, for one request.
//
//   Pause pause(*loop_, request);
//   room_->enter(pause);
//   const Pause::End end = co_await pause.until(deadline_ns);
//   room_->leave(pause);
//
// It ends when somebody calls wake(), when its time is over, or when the exchange gives up (the
// client went away, the gateway stops). All on the worker's thread.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstdint>
#include <utility>
#include <vector>

#include "io/loop.h"
#include "io/timer.h"
#include "policy/policy.h"

namespace glassgate::policy {

class Pause {
public:
    enum class End : uint8_t { woken, timeout, cancelled };

    Pause(io::Loop& loop, Request& request) noexcept
        : loop_(loop), request_(request), timer_(&Pause::on_deadline, this) {
        request_.pause = this;
    }
    ~Pause() { request_.pause = nullptr; }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

    // Once. `deadline_ns`: monotonic clock.
    [[nodiscard]] auto until(uint64_t deadline_ns) noexcept {
        struct Awaiter {
            Pause& pause;
            uint64_t deadline_ns;
            bool await_ready() const noexcept { return pause.over_; }
            void await_suspend(std::coroutine_handle<> awaiter) noexcept {
                pause.awaiter_ = awaiter;
                pause.loop_.timers().arm(pause.timer_, deadline_ns);
            }
            End await_resume() const noexcept { return pause.end_; }
        };
        return Awaiter{*this, deadline_ns};
    }

    void wake() noexcept { finish(End::woken); }
    void cancel() noexcept { finish(End::cancelled); }

private:
    static void on_deadline(void* self) { static_cast<Pause*>(self)->finish(End::timeout); }
    void finish(End end) noexcept {
        if (over_) return;
        over_ = true;
        end_ = end;
        timer_.disarm();
        if (const std::coroutine_handle<> awaiter = std::exchange(awaiter_, {})) awaiter.resume();
    }

    io::Loop& loop_;
    Request& request_;
    io::Timer timer_;
    std::coroutine_handle<> awaiter_;
    bool over_ = false;
    End end_ = End::timeout;
};

// Those who wait for the same thing. One per policy instance, on the worker's thread.
class WaitingRoom {
public:
    void enter(Pause& pause) { waiting_.push_back(&pause); }
    void leave(Pause& pause) noexcept { std::erase(waiting_, &pause); }
    [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
    // Who comes in while these are woken waits for the next time.
    void wake_all() {
        const std::vector<Pause*> all = waiting_;
        for (Pause* const pause : all)
            if (std::find(waiting_.begin(), waiting_.end(), pause) != waiting_.end()) pause->wake();
    }

private:
    std::vector<Pause*> waiting_;
};

}  // namespace glassgate::policy
