// What a TLS session sends its bytes through: a non-blocking stream. Whoever keeps the socket knows
// what its loop reported, and so saves the calls that would only say EAGAIN.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

namespace glassgate::io::tls {

class Transport {
public:
    static constexpr std::ptrdiff_t kBlocked = -1;  // nothing there, or no room
    static constexpr std::ptrdiff_t kBroken = -2;

    // Bytes read, at least one; 0: the peer's end. `size` is not 0.
    virtual std::ptrdiff_t receive(char* buffer, std::size_t size) noexcept = 0;
    // Bytes written, at least one, maybe fewer than `size`, which is not 0.
    virtual std::ptrdiff_t send(const char* bytes, std::size_t size) noexcept = 0;

protected:
    ~Transport() = default;
};

// A non-blocking descriptor, which stays the caller's.
class FdTransport final : public Transport {
public:
    explicit FdTransport(int fd) noexcept : fd_(fd) {}
    std::ptrdiff_t receive(char* buffer, std::size_t size) noexcept override {
        for (;;) {
            const ssize_t n = ::recv(fd_, buffer, size, 0);
            if (n >= 0) return n;
            if (errno != EINTR) return errno == EAGAIN ? kBlocked : kBroken;
        }
    }
    std::ptrdiff_t send(const char* bytes, std::size_t size) noexcept override {
        for (;;) {
            const ssize_t n = ::send(fd_, bytes, size, MSG_NOSIGNAL);
            if (n > 0) return n;
            if (n == 0 || errno == EAGAIN) return kBlocked;
            if (errno != EINTR) return kBroken;
        }
    }

private:
    int fd_;
};

}  // namespace glassgate::io::tls
