// Loop: one thread's epoll loop. Sockets register once, edge-triggered, and are never modified.
//
// A turn: events, sockets postponed by the turn before, timers, posted work; what was closed in it
// is reused only in the next. Coroutines that wait when run() returns stay suspended; nobody frees
// them, and a waiting frame must not be destroyed. Whoever starts a Detached ends it first: cancels
// its sockets in posted work, as the servers do on their way out. Sockets do not outlive the loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "io/timer.h"

namespace glassgate::io {

// Whoever waits for events of a file descriptor. Its memory must stay valid until the end of the
// loop turn in which it was taken off (see Socket's graveyard).
class EventHandler {
public:
    virtual void on_events(uint32_t epoll_events) noexcept = 0;

protected:
    ~EventHandler() = default;
};

class SocketState;

// Work to be done once at the end of a turn, however often it was asked for in it: what many events
// have produced goes out in one write. Lives longer than the turn, or is taken back.
class TurnEnd {
public:
    using Callback = void (*)(void* context);
    TurnEnd(Callback callback, void* context) noexcept : callback_(callback), context_(context) {}
    TurnEnd(const TurnEnd&) = delete;
    TurnEnd& operator=(const TurnEnd&) = delete;

private:
    friend class Loop;
    Callback callback_;
    void* context_;
    bool asked_ = false;
};

class Loop {
public:
    static Result<std::unique_ptr<Loop>> create();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs on the calling thread until stop(); may be called again.
    void run();
    // Any thread, also a signal-free context only (takes a lock).
    void stop();
    void post(std::function<void()> work);

    // The monotonic clock as read at the start of this turn; `refresh` reads it anew.
    [[nodiscard]] uint64_t now_ns() const noexcept { return now_ns_; }
    uint64_t refresh_now() noexcept;
    // The wall clock at now_ns(): the distance of the two clocks is looked at every 10 ms, so a
    // step of the wall clock is followed that soon.
    [[nodiscard]] uint64_t wall_ns() noexcept;

    [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }

    // On the loop's thread. Work that is asked for by such work is done in the same turn.
    void at_turn_end(TurnEnd& work);
    void take_back(TurnEnd& work) noexcept;

    Status add(int fd, uint32_t epoll_events, EventHandler* handler);
    void remove(int fd) noexcept;

private:
    friend class Socket;
    friend class SocketState;
    Loop(int epoll_fd, int wake_fd) noexcept;
    void run_posted();
    void run_postponed(std::size_t count) noexcept;
    void run_turn_ends();
    void bury() noexcept;

    int epoll_fd_;
    int wake_fd_;
    uint64_t now_ns_;
    uint64_t wall_offset_ns_ = 0;  // wall - mono, wraps
    uint64_t wall_looked_ns_ = 0;
    TimerWheel timers_;
    bool stopping_ = false;
    std::mutex mutex_;
    std::vector<std::function<void()>> posted_;  // guarded by mutex_
    std::atomic<bool> has_posted_{false};
    uint64_t turn_ = 0;
    std::vector<SocketState*> postponed_;    // had their share of the turn; null: closed since
    std::vector<TurnEnd*> turn_ends_;        // null: taken back
    std::vector<SocketState*> graveyard_;    // closed in this turn
    std::vector<SocketState*> free_states_;  // to be used again
};

}  // namespace glassgate::io
