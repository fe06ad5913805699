#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "io/socket.h"

namespace glassgate::io {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;        // then the open connections get their turn
constexpr uint64_t kRetryNs = 50'000'000;  // out of descriptors: try again so much later

Status configure(int fd, const sockaddr_storage& bound, Acceptor::Port sharing) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sharing == Acceptor::Port::shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // inherited by accepted sockets
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&bound), address_size(bound)) != 0)
        return failure_errno("bind", errno);
    if (::listen(fd, kBacklog) != 0) return failure_errno("listen", errno);
    return {};
}

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::listen(Loop& loop, const std::string& address,
                                                   uint16_t port, Accepted accepted, void* context,
                                                   bool started, Port sharing) {
    const std::string where = address + ":" + std::to_string(port);
    sockaddr_storage bound;
    if (!parse_address(address == "*" ? "0.0.0.0" : address, port, bound))
        return failure("listen on " + where + ": not a numeric address");
    const int fd = ::socket(bound.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return failure_errno("listen on " + where + ": socket", errno);
    if (auto configured = configure(fd, bound, sharing); !configured) {
        ::close(fd);
        return failure("listen on " + where + ": " + configured.error().message);
    }
    sockaddr_storage actual{};
    socklen_t size = sizeof actual;
    getsockname(fd, reinterpret_cast<sockaddr*>(&actual), &size);
    char text[48];
    uint16_t actual_port = 0;
    format_address(actual, text, actual_port);
    std::unique_ptr<Acceptor> acceptor(new Acceptor(loop, fd, actual_port, accepted, context));
    acceptor->retry_timer_.set_callback(&on_retry_timer, acceptor.get());
    if (started) acceptor->start();
    return acceptor;
}

void Acceptor::start() noexcept {
    if (started_) return;
    started_ = true;
    // Level-triggered: what is left in the queue after a turn's share is seen in the next.
    if (!loop_.add(fd_, EPOLLIN, this)) loop_.timers().arm(retry_timer_, loop_.now_ns() + kRetryNs);
}

Acceptor::~Acceptor() {
    loop_.remove(fd_);
    ::close(fd_);
}

void Acceptor::on_events(uint32_t) noexcept {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        const int fd =
            accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accepted_(context_, fd, peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // Level-triggered, the loop would spin until a descriptor is free.
            loop_.remove(fd_);
            loop_.timers().arm(retry_timer_, loop_.now_ns() + kRetryNs);
        }
        return;
    }
}

void Acceptor::accept_all() noexcept {
    for (int i = 0; i < kBacklog; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        const int fd =
            accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        accepted_(context_, fd, peer);
    }
}

void Acceptor::on_retry_timer(void* self) {
    auto* acceptor = static_cast<Acceptor*>(self);
    if (!acceptor->loop_.add(acceptor->fd_, EPOLLIN, acceptor))
        acceptor->loop_.timers().arm(acceptor->retry_timer_, acceptor->loop_.now_ns() + kRetryNs);
}

}  // namespace glassgate::io
