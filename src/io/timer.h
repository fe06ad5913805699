// Coarse timers in a hierarchical wheel (Varghese, Lauck 1987), 4 ms ticks. Arming later and
// disarming are one store: a timer that fires early looks at its deadline and goes back to sleep.
#pragma once

#include <array>
#include <cstdint>

namespace glassgate::io {

class TimerWheel;

// One per thing that can time out; belongs to one loop's thread. May be destroyed at any time.
class Timer {
public:
    using Callback = void (*)(void* context);
    Timer() = default;
    Timer(Callback callback, void* context) noexcept : callback_(callback), context_(context) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { unlink(); }

    void set_callback(Callback callback, void* context) noexcept {
        callback_ = callback;
        context_ = context;
    }
    void disarm() noexcept { deadline_ns_ = 0; }
    [[nodiscard]] bool armed() const noexcept { return deadline_ns_ != 0; }
    [[nodiscard]] uint64_t deadline_ns() const noexcept { return deadline_ns_; }

private:
    friend class TimerWheel;
    void unlink() noexcept;

    Timer* prev_ = nullptr;  // linked while non-null
    Timer* next_ = nullptr;
    uint64_t deadline_ns_ = 0;  // 0: disarmed, though perhaps still linked
    uint64_t linked_tick_ = 0;  // the tick it sits in the wheel for
    Callback callback_ = nullptr;
    void* context_ = nullptr;
};

class TimerWheel {
public:
    static constexpr uint64_t kTickNs = 4'000'000;

    explicit TimerWheel(uint64_t now_ns) noexcept;
    ~TimerWheel();
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;

    // Fires at the first advance() at or after `deadline_ns` (mono clock), at most one tick late.
    void arm(Timer& timer, uint64_t deadline_ns) noexcept;

    // Calls the callbacks of all timers that are due.
    void advance(uint64_t now_ns) noexcept;

    // How long until advance() may have something to do; -1: no timer at all.
    [[nodiscard]] int wait_ms(uint64_t now_ns) const noexcept;

private:
    static constexpr unsigned kBits0 = 8, kBits1 = 6, kBits2 = 6;
    static constexpr std::size_t kSlots0 = 1u << kBits0, kSlots1 = 1u << kBits1,
                                 kSlots2 = 1u << kBits2;

    void link(Timer& timer, uint64_t tick) noexcept;
    void cascade(Timer& slot) noexcept;
    void fire(Timer& slot, uint64_t now_ns) noexcept;
    [[nodiscard]] static bool empty(const Timer& slot) noexcept { return slot.next_ == &slot; }

    uint64_t tick_;  // all slots up to and including this tick have been fired
    std::array<Timer, kSlots0> level0_;
    std::array<Timer, kSlots1> level1_;
    std::array<Timer, kSlots2> level2_;
};

}  // namespace glassgate::io
