#include "io/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "io/socket.h"

namespace glassgate::io {

Result<std::unique_ptr<Loop>> Loop::create() {
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) return failure_errno("epoll_create1", errno);
    const int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) {
        const int error = errno;
        close(epoll_fd);
        return failure_errno("eventfd", error);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;  // the wake-up descriptor is the only one without a handler
    GW_CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) == 0);
    return std::unique_ptr<Loop>(new Loop(epoll_fd, wake_fd));
}

Loop::Loop(int epoll_fd, int wake_fd) noexcept
    : epoll_fd_(epoll_fd), wake_fd_(wake_fd), now_ns_(mono_now_ns()), timers_(now_ns_) {}

Loop::~Loop() {
    bury();
    for (SocketState* state : free_states_) delete state;
    close(wake_fd_);
    close(epoll_fd_);
}

uint64_t Loop::refresh_now() noexcept { return now_ns_ = mono_now_ns(); }

uint64_t Loop::wall_ns() noexcept {
    constexpr uint64_t kTrustNs = 10 * kNsPerMs;
    if (now_ns_ - wall_looked_ns_ > kTrustNs) {
        wall_looked_ns_ = refresh_now();
        wall_offset_ns_ = wall_now_ns() - now_ns_;
    }
    return now_ns_ + wall_offset_ns_;
}

void Loop::run() {
    constexpr int kMaxEvents = 256;
    epoll_event events[kMaxEvents];
    while (!stopping_) {
        const std::size_t postponed = postponed_.size();
        const int wait_ms = postponed == 0 ? timers_.wait_ms(now_ns_) : 0;
        const int count = epoll_wait(epoll_fd_, events, kMaxEvents, wait_ms);
        GW_CHECK(count >= 0 || errno == EINTR);
        refresh_now();
        ++turn_;
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == nullptr) {
                uint64_t ignored;
                (void)!read(wake_fd_, &ignored, sizeof ignored);
                continue;
            }
            static_cast<EventHandler*>(events[i].data.ptr)->on_events(events[i].events);
        }
        run_postponed(postponed);
        timers_.advance(now_ns_);
        if (has_posted_.load(std::memory_order_acquire)) run_posted();
        run_turn_ends();
        bury();
    }
    stopping_ = false;
}

void Loop::stop() {
    post([this] { stopping_ = true; });
}

void Loop::post(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        posted_.push_back(std::move(work));
        has_posted_.store(true, std::memory_order_release);
    }
    const uint64_t one = 1;
    (void)!write(wake_fd_, &one, sizeof one);
}

void Loop::run_posted() {
    std::vector<std::function<void()>> work;
    {
        const std::lock_guard lock(mutex_);
        work.swap(posted_);
        has_posted_.store(false, std::memory_order_release);
    }
    for (auto& item : work) item();
}

void Loop::run_postponed(std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i)
        if (SocketState* state = std::exchange(postponed_[i], nullptr)) state->go_on();
    postponed_.erase(postponed_.begin(), postponed_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Loop::at_turn_end(TurnEnd& work) {
    if (work.asked_) return;
    work.asked_ = true;
    turn_ends_.push_back(&work);
}

void Loop::take_back(TurnEnd& work) noexcept {
    if (!std::exchange(work.asked_, false)) return;
    std::replace(turn_ends_.begin(), turn_ends_.end(), &work, static_cast<TurnEnd*>(nullptr));
}

void Loop::run_turn_ends() {
    for (std::size_t i = 0; i < turn_ends_.size(); ++i) {
        TurnEnd* const work = turn_ends_[i];
        if (work == nullptr) continue;
        work->asked_ = false;
        work->callback_(work->context_);
    }
    turn_ends_.clear();
}

void Loop::bury() noexcept {
    // Kept for reuse up to a bound, so that a burst of connections does not hold memory for ever.
    constexpr std::size_t kKeep = 1024;
    for (SocketState* state : graveyard_) {
        if (free_states_.size() < kKeep)
            free_states_.push_back(state);
        else
            delete state;
    }
    graveyard_.clear();
}

Status Loop::add(int fd, uint32_t epoll_events, EventHandler* handler) {
    epoll_event event{};
    event.events = epoll_events;
    event.data.ptr = handler;
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0)
        return failure_errno("epoll_ctl", errno);
    return {};
}

void Loop::remove(int fd) noexcept { epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr); }

}  // namespace glassgate::io
