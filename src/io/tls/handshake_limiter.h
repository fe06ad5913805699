// HandshakeLimiter: bounds how long the private key's work of handshakes holds a worker in one turn
// of its loop, so that a storm of handshakes does not stall the connections that are already open.
//
// A handshake that has the peer's flight enters before it works and says how long it took. When a
// turn's budget is used up, the others wait in the order of their coming and go on in later turns,
// between which every open connection gets its share. At least one a turn goes on, so the bound on
// a turn is the budget and one handshake. Nothing is lost by it: a loop with only handshakes to do
// does nothing else. One per worker, thread: its loop's.
//
//     if (!co_await limiter.enter()) { refuse as overloaded }
//     { const HandshakeLimiter::Working working(limiter); result = session.handshake(); }
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "io/loop.h"

namespace glassgate::io::tls {

class HandshakeLimiter {
public:
    static constexpr uint64_t kBudgetNs = 1'000'000;
    static constexpr std::size_t kWaitingMax = 4096;

    explicit HandshakeLimiter(Loop& loop, uint64_t budget_ns = kBudgetNs,
                              std::size_t waiting_max = kWaitingMax) noexcept
        : loop_(loop), budget_ns_(budget_ns), waiting_max_(waiting_max) {}
    HandshakeLimiter(const HandshakeLimiter&) = delete;
    HandshakeLimiter& operator=(const HandshakeLimiter&) = delete;

    class Entry {
    public:
        explicit Entry(HandshakeLimiter& limiter) noexcept : limiter_(limiter) {}
        bool await_ready() noexcept {
            return limiter_.may_work() || limiter_.waiting_ >= limiter_.waiting_max_;
        }
        void await_suspend(std::coroutine_handle<> waiter) noexcept {
            waiter_ = waiter;
            limiter_.wait(*this);
        }
        [[nodiscard]] bool await_resume() const noexcept { return waiter_ || limiter_.entered_; }

    private:
        friend class HandshakeLimiter;
        HandshakeLimiter& limiter_;
        std::coroutine_handle<> waiter_;
        Entry* next_ = nullptr;
    };
    // co_await it: true, go on at once; false, too many wait already. It must not be given up while
    // it waits, which is for kWaitingMax handshakes' work at most; nor may the limiter go away.
    [[nodiscard]] Entry enter() noexcept { return Entry(*this); }

    // Measures the work of one handshake while it lives.
    class Working {
    public:
        explicit Working(HandshakeLimiter& limiter) noexcept
            : limiter_(limiter), began_ns_(mono_now_ns()) {}
        Working(const Working&) = delete;
        Working& operator=(const Working&) = delete;
        ~Working() { limiter_.spent_ns_ += mono_now_ns() - began_ns_; }

    private:
        HandshakeLimiter& limiter_;
        uint64_t began_ns_;
    };

    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

private:
    bool may_work() noexcept;
    void begin_turn() noexcept;
    void wait(Entry& entry) noexcept;
    void wake_some();
    void come_back();

    Loop& loop_;
    const uint64_t budget_ns_;
    const std::size_t waiting_max_;
    uint64_t turn_ns_ = 0;  // names the loop's turn that spent_ns_ is of
    uint64_t spent_ns_ = 0;
    std::size_t waiting_ = 0;
    Entry* first_ = nullptr;
    Entry** last_ = &first_;
    bool entered_ = false;  // what await_ready found, for await_resume right behind it
    bool coming_back_ = false;
};

}  // namespace glassgate::io::tls
