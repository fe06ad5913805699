#include "io/tls/handshake_limiter.h"

#include <utility>

namespace glassgate::io::tls {

void HandshakeLimiter::begin_turn() noexcept {
    if (turn_ns_ == loop_.now_ns()) return;
    turn_ns_ = loop_.now_ns();
    spent_ns_ = 0;
}

bool HandshakeLimiter::may_work() noexcept {
    begin_turn();
    // Nobody overtakes those who wait.
    return entered_ = spent_ns_ < budget_ns_ && waiting_ == 0;
}

void HandshakeLimiter::wait(Entry& entry) noexcept {
    *last_ = &entry;
    last_ = &entry.next_;
    ++waiting_;
    come_back();
}

void HandshakeLimiter::come_back() {
    if (std::exchange(coming_back_, true)) return;
    loop_.post([this] {
        coming_back_ = false;
        wake_some();
    });
}

void HandshakeLimiter::wake_some() {
    begin_turn();
    // Each takes some time; the count is for those who turn out to have nothing to do.
    for (int woken = 0; woken < 64 && first_ != nullptr && spent_ns_ < budget_ns_; ++woken) {
        Entry* const entry = first_;
        first_ = entry->next_;
        if (first_ == nullptr) last_ = &first_;
        --waiting_;
        entry->waiter_.resume();  // `entry` is gone
    }
    if (first_ != nullptr) come_back();
}

}  // namespace glassgate::io::tls
