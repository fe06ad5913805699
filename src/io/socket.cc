#include "io/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace glassgate::io {
namespace {

// recv and send without what glibc wraps around them: in a process with threads each is a
// cancellation point, which is two atomic operations a call, and nobody here cancels a thread. The
// thread sanitizer wants to see the wrapped ones.
#if defined(__linux__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
ssize_t receive(int fd, char* buffer, std::size_t size) noexcept {
    return syscall(SYS_recvfrom, fd, buffer, size, 0, nullptr, nullptr);
}
ssize_t send_one(int fd, const iovec& part) noexcept {
    return syscall(SYS_sendto, fd, part.iov_base, part.iov_len, MSG_NOSIGNAL, nullptr, 0);
}
#else
ssize_t receive(int fd, char* buffer, std::size_t size) noexcept {
    return recv(fd, buffer, size, 0);
}
ssize_t send_one(int fd, const iovec& part) noexcept {
    return send(fd, part.iov_base, part.iov_len, MSG_NOSIGNAL);
}
#endif

}  // namespace

SocketState::SocketState(Loop& loop) noexcept
    : loop_(&loop), read_timer_(&on_read_timer, this), write_timer_(&on_write_timer, this) {}

void SocketState::finish_read(IoStatus status) noexcept {
    ReadOp* op = std::exchange(reading_, nullptr);
    if (status != IoStatus::ok) op->result.status = status;
    read_timer_.disarm();
    op->waiter.resume();  // may close this socket
}

void SocketState::finish_write(IoStatus status) noexcept {
    WriteOp* op = std::exchange(writing_, nullptr);
    if (status != IoStatus::ok) op->result.status = status;
    write_timer_.disarm();
    op->waiter.resume();  // may close this socket
}

bool SocketState::try_read(ReadOp& op) noexcept {
    if (cancelled_) {
        op.result.status = IoStatus::cancelled;
        return true;
    }
    if (!readable_) return false;
    if (op.size == 0) return true;  // only waits
    ssize_t n = 0;
    do n = receive(fd_, op.buffer, op.size);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        op.result.bytes = static_cast<std::size_t>(n);
        // A short read has drained the socket: the next byte raises a new edge. Not so once the
        // peer has closed: its end is there to be read and raises nothing more.
        if (op.result.bytes < op.size && !hangup_) readable_ = false;
        return true;
    }
    if (n == 0) {
        op.result.status = reset_ ? IoStatus::reset : IoStatus::eof;
        hangup_ = true;
        return true;
    }
    if (errno == EAGAIN) {
        readable_ = false;
        return false;
    }
    op.result.status = IoStatus::reset;
    reset_ = broken_ = hangup_ = true;
    return true;
}

bool SocketState::try_write(WriteOp& op) noexcept {
    if (cancelled_) {
        op.result.status = IoStatus::cancelled;
        return true;
    }
    while (op.count > 0) {
        if (!writable_) return false;
        msghdr message{};
        message.msg_iov = op.parts;
        message.msg_iovlen = static_cast<std::size_t>(op.count);
        const ssize_t n =
            op.count == 1 ? send_one(fd_, op.parts[0]) : sendmsg(fd_, &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) {
                writable_ = false;
                return false;
            }
            op.result.status = IoStatus::reset;
            broken_ = true;
            // The kernel reports a reset once, to whoever asks first; the reader must not take the
            // rest for an orderly end. EPIPE is none: the peer's end had come before, or our own.
            if (errno != EPIPE) reset_ = true;
            return true;
        }
        std::size_t left = static_cast<std::size_t>(n);
        op.result.bytes += left;
        int done = 0;
        while (done < op.count && left >= op.parts[done].iov_len) left -= op.parts[done++].iov_len;
        op.count -= done;
        std::memmove(op.parts, op.parts + done, sizeof(iovec) * static_cast<std::size_t>(op.count));
        if (op.count > 0) {
            op.parts[0].iov_base = static_cast<char*>(op.parts[0].iov_base) + left;
            op.parts[0].iov_len -= left;
        }
    }
    return true;
}

bool SocketState::may_go_on() noexcept {
    if (turn_ != loop_->turn_) {
        turn_ = loop_->turn_;
        ops_in_turn_ = 0;
    }
    if (++ops_in_turn_ <= kOpsPerTurn || cancelled_) return true;
    if (!postponed_) loop_->postponed_.push_back(this);
    postponed_ = true;
    return false;
}

void SocketState::go_on() noexcept {
    postponed_ = false;
    on_events(0);
}

void SocketState::on_events(uint32_t events) noexcept {
    if (fd_ < 0) return;  // closed earlier in this turn
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable_ = true;
    if (events & (EPOLLHUP | EPOLLERR)) broken_ = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        hangup_ = true;
        if (auto* hook = std::exchange(hangup_hook_, nullptr)) {
            hook(hangup_context_);
            if (fd_ < 0) return;
        }
    }
    if (reading_ != nullptr && readable_ && try_read(*reading_)) {
        finish_read(IoStatus::ok);
        if (fd_ < 0) return;
    }
    if (writing_ != nullptr && writable_) {
        const std::size_t before = writing_->result.bytes;
        if (try_write(*writing_))
            finish_write(IoStatus::ok);
        else if (writing_->result.bytes != before && writing_->stall_ns != 0)
            loop_->timers().arm(write_timer_, loop_->now_ns() + writing_->stall_ns);
    }
}

void SocketState::on_read_timer(void* self) {
    auto* state = static_cast<SocketState*>(self);
    if (state->reading_ != nullptr) state->finish_read(IoStatus::timeout);
}

void SocketState::on_write_timer(void* self) {
    auto* state = static_cast<SocketState*>(self);
    if (state->writing_ != nullptr) state->finish_write(IoStatus::timeout);
}

Result<Socket> Socket::adopt(Loop& loop, int fd, bool connected) {
    SocketState* state = nullptr;
    if (loop.free_states_.empty()) {
        state = new SocketState(loop);
    } else {
        state = loop.free_states_.back();
        loop.free_states_.pop_back();
    }
    state->fd_ = fd;
    state->readable_ = state->hangup_ = state->broken_ = state->cancelled_ = state->reset_ = false;
    state->writable_ = connected;
    state->hangup_hook_ = nullptr;
    state->ops_in_turn_ = 0;
    auto added = loop.add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, state);
    if (!added) {
        ::close(fd);
        state->fd_ = -1;
        loop.graveyard_.push_back(state);
        return std::unexpected(added.error());
    }
    return Socket(state);
}

void Socket::close() noexcept {
    if (state_ == nullptr) return;
    SocketState* state = std::exchange(state_, nullptr);
    GW_CHECK(state->reading_ == nullptr && state->writing_ == nullptr);
    ::close(state->fd_);
    state->fd_ = -1;
    if (std::exchange(state->postponed_, false))
        std::replace(state->loop_->postponed_.begin(), state->loop_->postponed_.end(), state,
                     static_cast<SocketState*>(nullptr));
    state->read_timer_.disarm();
    state->write_timer_.disarm();
    state->loop_->graveyard_.push_back(state);
}

void Socket::abort() noexcept {
    if (state_ == nullptr) return;
    const linger reset{1, 0};
    setsockopt(state_->fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close();
}

void Socket::shutdown_write() noexcept { ::shutdown(state_->fd_, SHUT_WR); }

void Socket::cancel() noexcept {
    SocketState* state = state_;
    state->cancelled_ = true;
    if (state->reading_ != nullptr) {
        state->finish_read(IoStatus::cancelled);
        if (state->fd_ < 0) return;
    }
    if (state->writing_ != nullptr) state->finish_write(IoStatus::cancelled);
}

Socket::WriteAwaiter::WriteAwaiter(SocketState* s, uint64_t stall_ns, std::string_view a,
                                   std::string_view b, std::string_view c) noexcept
    : state(s) {
    op.stall_ns = stall_ns;
    for (const std::string_view part : {a, b, c})
        if (!part.empty()) op.parts[op.count++] = {const_cast<char*>(part.data()), part.size()};
}

IoResult Socket::ConnectAwaiter::await_resume() noexcept {
    if (op.result.status != IoStatus::ok) return op.result;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(state->fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        op.result.status = IoStatus::reset;
        op.result.bytes = static_cast<std::size_t>(error);
    }
    return op.result;
}

Task<Connected> connect(Loop& loop, const sockaddr_storage& address, uint64_t deadline_ns,
                        Socket** pending) {
    const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) co_return Connected{IoStatus::reset, errno, {}};
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int rc =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), address_size(address));
    if (rc != 0 && errno != EINPROGRESS) {
        const int error = errno;
        ::close(fd);
        co_return Connected{IoStatus::reset, error, {}};
    }
    auto adopted = Socket::adopt(loop, fd, rc == 0);
    if (!adopted) co_return Connected{IoStatus::reset, EMFILE, {}};
    Socket socket = std::move(*adopted);
    if (pending != nullptr) *pending = &socket;
    const IoResult r = co_await socket.wait_connected(deadline_ns);
    if (pending != nullptr) *pending = nullptr;
    if (!r.ok()) co_return Connected{r.status, static_cast<int>(r.bytes), {}};
    co_return Connected{IoStatus::ok, 0, std::move(socket)};
}

socklen_t address_size(const sockaddr_storage& address) noexcept {
    return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

void format_address(const sockaddr_storage& address, char (&text)[48], uint16_t& port) noexcept {
    text[0] = '\0';
    port = 0;
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        port = ntohs(v4.sin_port);
    } else if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
        else
            inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        port = ntohs(v6.sin6_port);
    }
}

bool parse_address(const std::string& text, uint16_t port, sockaddr_storage& out) noexcept {
    out = {};
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        return true;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
    std::string bare = text;
    if (bare.size() > 2 && bare.front() == '[' && bare.back() == ']')
        bare = bare.substr(1, bare.size() - 2);
    if (inet_pton(AF_INET6, bare.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        return true;
    }
    return false;
}

}  // namespace glassgate::io
