// What the tests of this folder share: a loop that runs one task to its end, and a TCP connection
// with one end on the loop and the other a plain blocking descriptor.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "io/loop.h"
#include "io/socket.h"
#include "io/task.h"

namespace glassgate::io {

// A blocking end; every wait ends after ten seconds at the latest.
class Plain {
public:
    explicit Plain(int fd = -1) : fd_(fd) {
        const timeval limit{10, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    Plain(Plain&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Plain& operator=(Plain&& other) noexcept {
        close();
        fd_ = std::exchange(other.fd_, -1);
        return *this;
    }
    ~Plain() { close(); }

    [[nodiscard]] int fd() const { return fd_; }
    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ASSERT_GT(n, 0);
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    // Up to `size` bytes, fewer at the end.
    [[nodiscard]] std::string receive(std::size_t size) const {
        std::string all(size, '\0');
        std::size_t filled = 0;
        while (filled < size) {
            const ssize_t n = ::recv(fd_, all.data() + filled, size - filled, 0);
            if (n <= 0) break;
            filled += static_cast<std::size_t>(n);
        }
        all.resize(filled);
        return all;
    }
    // The result of one more recv: 0 at an orderly end, -errno otherwise.
    [[nodiscard]] long end() const {
        char byte;
        const ssize_t n = ::recv(fd_, &byte, 1, 0);
        return n < 0 ? -errno : n;
    }
    void finish() const { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void reset() {
        const linger now{1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }

private:
    int fd_;
};

class SocketFixture : public ::testing::Test {
public:  // for the lambdas of the tests
    void SetUp() override { loop_ = std::move(*Loop::create()); }

    // Runs `task` to its end; fails after ten seconds.
    void run(Task<void> task) {
        done_ = false;
        Timer patience([](void* self) { static_cast<SocketFixture*>(self)->loop_->stop(); }, this);
        loop_->timers().arm(patience, loop_->refresh_now() + 10 * kNsPerSecond);
        follow(this, std::move(task));
        if (!done_) loop_->run();
        ASSERT_TRUE(done_) << "the task still waits";
    }
    [[nodiscard]] uint64_t in_ms(uint64_t ms) { return loop_->refresh_now() + ms * kNsPerMs; }

    // Connected to each other.
    struct Pair {
        Socket socket;
        Plain peer;
    };
    Pair make_pair() {
        const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
        EXPECT_EQ(::listen(listener, 1), 0);
        getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
        const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::connect(peer, reinterpret_cast<sockaddr*>(&at), size), 0);
        const int ours = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        ::close(listener);
        auto adopted = Socket::adopt(*loop_, ours);
        EXPECT_TRUE(adopted);
        return {std::move(*adopted), Plain(peer)};
    }

    std::unique_ptr<Loop> loop_;

private:
    static Detached follow(SocketFixture* self, Task<void> task) {
        co_await task;
        self->done_ = true;
        self->loop_->stop();
    }
    bool done_ = false;
};

}  // namespace glassgate::io
