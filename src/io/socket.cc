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
ssize_t raw_receive(int fd, char* buffer, std::size_t size) noexcept {
    return syscall(SYS_recvfrom, fd, buffer, size, 0, nullptr, nullptr);
}
ssize_t raw_send(int fd, const iovec& part) noexcept {
    return syscall(SYS_sendto, fd, part.iov_base, part.iov_len, MSG_NOSIGNAL, nullptr, 0);
}
#else
ssize_t raw_receive(int fd, char* buffer, std::size_t size) noexcept {
    return recv(fd, buffer, size, 0);
}
ssize_t raw_send(int fd, const iovec& part) noexcept {
    return ::send(fd, part.iov_base, part.iov_len, MSG_NOSIGNAL);
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

// One read, and what it tells about the socket.
std::ptrdiff_t SocketState::receive(char* buffer, std::size_t size) noexcept {
    if (!readable_) return kBlocked;
    ssize_t n = 0;
    do n = raw_receive(fd_, buffer, size);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        // A short read has drained the socket: the next byte raises a new edge. Not so once the
        // peer has closed: its end is there to be read and raises nothing more.
        if (static_cast<std::size_t>(n) < size && !hangup_) readable_ = false;
        return n;
    }
    if (n == 0) {
        hangup_ = true;
        return reset_ ? kBroken : 0;
    }
    if (errno == EAGAIN) {
        readable_ = false;
        return kBlocked;
    }
    reset_ = broken_ = hangup_ = true;
    return kBroken;
}

std::ptrdiff_t SocketState::send_parts(const iovec* parts, int count) noexcept {
    while (writable_) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts);
        message.msg_iovlen = static_cast<std::size_t>(count);
        const ssize_t n = count == 1 ? raw_send(fd_, *parts) : sendmsg(fd_, &message, MSG_NOSIGNAL);
        if (n >= 0) return n;
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
            writable_ = false;
            break;
        }
        broken_ = true;
        // The kernel reports a reset once, to whoever asks first; the reader must not take the
        // rest for an orderly end. EPIPE is none: the peer's end had come before, or our own.
        if (errno != EPIPE) reset_ = true;
        return kBroken;
    }
    return kBlocked;
}

std::ptrdiff_t SocketState::send(const char* bytes, std::size_t size) noexcept {
    const iovec part{const_cast<char*>(bytes), size};
    return send_parts(&part, 1);
}

namespace {

void take_written(WriteOp& op, std::size_t bytes) noexcept {
    op.result.bytes += bytes;
    int done = 0;
    while (done < op.count && bytes >= op.parts[done].iov_len) bytes -= op.parts[done++].iov_len;
    op.count -= done;
    std::memmove(op.parts, op.parts + done, sizeof(iovec) * static_cast<std::size_t>(op.count));
    if (op.count > 0) {
        op.parts[0].iov_base = static_cast<char*>(op.parts[0].iov_base) + bytes;
        op.parts[0].iov_len -= bytes;
    }
}

}  // namespace

bool SocketState::try_read(ReadOp& op) noexcept {
    if (cancelled_) {
        op.result.status = IoStatus::cancelled;
        return true;
    }
    if (tls_) return try_read_tls(op);
    if (op.size == 0) return readable_;  // only waits
    const std::ptrdiff_t n = receive(op.buffer, op.size);
    if (n == kBlocked) return false;
    if (n > 0)
        op.result.bytes = static_cast<std::size_t>(n);
    else
        op.result.status = n == 0 ? IoStatus::eof : IoStatus::reset;
    return true;
}

bool SocketState::try_read_tls(ReadOp& op) noexcept {
    // Bytes of half a record are no reason to wake anybody: the other half will raise an event.
    if (op.size == 0) return readable_ || more_plain_;
    const tls::TlsResult got = tls_->read(op.buffer, op.size);
    more_plain_ = got.ok() && got.bytes == op.size;
    switch (got.state) {
        case tls::TlsState::ok:
            op.result.bytes = got.bytes;
            return true;
        case tls::TlsState::want_read:
        case tls::TlsState::want_write:
            return false;
        case tls::TlsState::closed:
            op.result.status = IoStatus::eof;
            break;
        case tls::TlsState::error:
            op.result.status = tls_->refusal() == tls::Refusal::truncated && tls_->is_server()
                                   ? IoStatus::eof
                                   : IoStatus::reset;
            reset_ |= op.result.status == IoStatus::reset;
            break;
    }
    hangup_ = true;
    return true;
}

bool SocketState::try_write(WriteOp& op) noexcept {
    if (cancelled_) {
        op.result.status = IoStatus::cancelled;
        return true;
    }
    if (tls_) return try_write_tls(op);
    while (op.count > 0) {
        const std::ptrdiff_t n = send_parts(op.parts, op.count);
        if (n == kBlocked) return false;
        if (n == kBroken) {
            op.result.status = IoStatus::reset;
            return true;
        }
        take_written(op, static_cast<std::size_t>(n));
    }
    return true;
}

bool SocketState::try_write_tls(WriteOp& op) noexcept {
    while (op.count > 0 || tls_->has_output()) {
        const tls::TlsResult sent =
            op.count > 0 ? tls_->write({op.parts, static_cast<std::size_t>(op.count)})
                         : tls_->flush();
        take_written(op, sent.bytes);
        if (sent.ok()) continue;
        if (sent.state == tls::TlsState::want_write || sent.state == tls::TlsState::want_read)
            return false;
        op.result.status = IoStatus::reset;
        broken_ = true;
        return true;
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
    } else if (tls_ && writable_ && tls_->has_output()) {
        (void)tls_->flush();  // an answer TLS itself had to give
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
    state->more_plain_ = false;
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
    if (state->tls_) {
        if (!state->broken_ && state->tls_->established()) (void)state->tls_->shutdown();
        state->tls_.reset();
    }
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
    state_->broken_ = true;  // no close_notify: that would be an orderly end
    const linger reset{1, 0};
    setsockopt(state_->fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close();
}

void Socket::shutdown_write() noexcept {
    if (state_->tls_ && state_->tls_->established()) (void)state_->tls_->shutdown();
    ::shutdown(state_->fd_, SHUT_WR);
}

IoResult Socket::peek(char* buffer, std::size_t size) noexcept {
    IoResult result;
    const ssize_t n = recv(state_->fd_, buffer, size, MSG_PEEK);
    if (n > 0)
        result.bytes = static_cast<std::size_t>(n);
    else if (n == 0)
        result.status = IoStatus::eof;
    else if (errno != EAGAIN && errno != EINTR)
        result.status = IoStatus::reset;
    return result;
}

bool Socket::quiet() noexcept {
    if (hangup()) return false;
    if (!readable()) return true;
    if (tls() == nullptr) return false;
    char byte = 0;
    const IoResult got = read_now(&byte, 1);
    return got.ok() && got.bytes == 0 && !hangup();
}

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
