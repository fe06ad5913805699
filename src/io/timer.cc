#include "io/timer.h"

#include <algorithm>

namespace glassgate::io {

void Timer::unlink() noexcept {
    if (prev_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
}

TimerWheel::TimerWheel(uint64_t now_ns) noexcept : tick_(now_ns / kTickNs) {
    const auto make_empty = [](Timer& slot) { slot.prev_ = slot.next_ = &slot; };
    std::for_each(level0_.begin(), level0_.end(), make_empty);
    std::for_each(level1_.begin(), level1_.end(), make_empty);
    std::for_each(level2_.begin(), level2_.end(), make_empty);
}

TimerWheel::~TimerWheel() {
    const auto drop = [](Timer& slot) {
        while (slot.next_ != &slot) slot.next_->unlink();
        slot.prev_ = slot.next_ = nullptr;
    };
    std::for_each(level0_.begin(), level0_.end(), drop);
    std::for_each(level1_.begin(), level1_.end(), drop);
    std::for_each(level2_.begin(), level2_.end(), drop);
}

void TimerWheel::link(Timer& timer, uint64_t tick) noexcept {
    // Beyond the outermost level a timer waits in its last slot and is looked at again there.
    const uint64_t distance = tick - tick_;
    Timer* slot = nullptr;
    if (distance < kSlots0) {
        slot = &level0_[tick % kSlots0];
    } else if (distance < kSlots0 * kSlots1) {
        slot = &level1_[(tick >> kBits0) % kSlots1];
    } else {
        const uint64_t last = tick_ + (uint64_t{kSlots0} * kSlots1) * (kSlots2 - 1);
        slot = &level2_[(std::min(tick, last) >> (kBits0 + kBits1)) % kSlots2];
    }
    timer.linked_tick_ = tick;
    timer.prev_ = slot->prev_;
    timer.next_ = slot;
    slot->prev_->next_ = &timer;
    slot->prev_ = &timer;
}

void TimerWheel::arm(Timer& timer, uint64_t deadline_ns) noexcept {
    timer.deadline_ns_ = deadline_ns;
    const uint64_t tick = std::max((deadline_ns + kTickNs - 1) / kTickNs, tick_ + 1);
    if (timer.prev_ != nullptr) {
        if (timer.linked_tick_ <= tick) return;  // fires earlier, then looks at its deadline
        timer.unlink();
    }
    link(timer, tick);
}

void TimerWheel::cascade(Timer& slot) noexcept {
    while (!empty(slot)) {
        Timer& timer = *slot.next_;
        timer.unlink();
        if (timer.deadline_ns_ == 0) continue;
        link(timer, std::max((timer.deadline_ns_ + kTickNs - 1) / kTickNs, tick_));
    }
}

void TimerWheel::fire(Timer& slot, uint64_t now_ns) noexcept {
    // Taken off the wheel first: a callback may arm timers into this very slot.
    Timer due;
    if (empty(slot)) return;
    due.next_ = slot.next_;
    due.prev_ = slot.prev_;
    due.next_->prev_ = &due;
    due.prev_->next_ = &due;
    slot.prev_ = slot.next_ = &slot;
    while (due.next_ != &due) {
        Timer& timer = *due.next_;
        timer.unlink();
        if (timer.deadline_ns_ == 0) continue;
        if (timer.deadline_ns_ > now_ns) {
            link(timer, std::max((timer.deadline_ns_ + kTickNs - 1) / kTickNs, tick_ + 1));
            continue;
        }
        timer.deadline_ns_ = 0;
        timer.callback_(timer.context_);
    }
    due.prev_ = due.next_ = nullptr;
}

void TimerWheel::advance(uint64_t now_ns) noexcept {
    const uint64_t target = now_ns / kTickNs;
    while (tick_ < target) {
        ++tick_;
        if (tick_ % kSlots0 == 0) {
            if ((tick_ >> kBits0) % kSlots1 == 0)
                cascade(level2_[(tick_ >> (kBits0 + kBits1)) % kSlots2]);
            cascade(level1_[(tick_ >> kBits0) % kSlots1]);
        }
        fire(level0_[tick_ % kSlots0], now_ns);
    }
}

int TimerWheel::wait_ms(uint64_t now_ns) const noexcept {
    const uint64_t boundary = (tick_ / kSlots0 + 1) * kSlots0;  // next cascade
    for (uint64_t t = tick_ + 1; t < boundary; ++t) {
        if (empty(level0_[t % kSlots0])) continue;
        const uint64_t at = t * kTickNs;
        return at <= now_ns ? 0 : static_cast<int>((at - now_ns) / 1'000'000 + 1);
    }
    const auto occupied = [](const auto& level) {
        return std::any_of(level.begin(), level.end(), [](const Timer& s) { return !empty(s); });
    };
    // Level 0 may hold slots past the boundary; being woken there is early enough for all.
    if (!occupied(level0_) && !occupied(level1_) && !occupied(level2_)) return -1;
    const uint64_t at = boundary * kTickNs;
    return at <= now_ns ? 0 : static_cast<int>((at - now_ns) / 1'000'000 + 1);
}

}  // namespace glassgate::io
