// Socket: a connected TCP socket of one loop, read and written by coroutines.
//
// At most one read and one write may be under way at a time (by different coroutines if need be).
// Reads and writes are tried at once and wait only when the kernel has nothing or no room, or when
// the socket has had its share of the loop's turn: a peer that is always ready must not keep the
// loop from its other sockets.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <coroutine>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "io/loop.h"
#include "io/task.h"
#include "io/tls/session.h"

namespace glassgate::io {

enum class IoStatus : uint8_t {
    ok,
    eof,        // the peer has closed its side in order
    reset,      // the connection is broken
    timeout,    // the deadline is over
    cancelled,  // by Socket::cancel
};

struct IoResult {
    IoStatus status = IoStatus::ok;
    std::size_t bytes = 0;
    [[nodiscard]] bool ok() const noexcept { return status == IoStatus::ok; }
};

// What one waiting read or write needs; lives in the waiting coroutine's frame.
struct ReadOp {
    char* buffer = nullptr;
    std::size_t size = 0;  // 0: wait until readable only
    IoResult result;
    std::coroutine_handle<> waiter;
};
struct WriteOp {
    iovec parts[4];
    int count = 0;
    uint64_t stall_ns = 0;  // no progress for so long: timeout
    IoResult result;        // bytes: all written so far
    std::coroutine_handle<> waiter;
};

class SocketState final : public EventHandler, private tls::Transport {
public:
    void on_events(uint32_t epoll_events) noexcept override;

private:
    friend class Socket;
    friend class Loop;
    static constexpr uint32_t kOpsPerTurn = 32;
    explicit SocketState(Loop& loop) noexcept;
    bool try_read(ReadOp& op) noexcept;  // true: done, successfully or not
    bool try_write(WriteOp& op) noexcept;
    bool try_read_tls(ReadOp& op) noexcept;
    bool try_write_tls(WriteOp& op) noexcept;
    std::ptrdiff_t receive(char* buffer, std::size_t size) noexcept override;
    std::ptrdiff_t send(const char* bytes, std::size_t size) noexcept override;
    std::ptrdiff_t send_parts(const iovec* parts, int count) noexcept;
    bool may_go_on() noexcept;  // false: wait for the next turn
    void go_on() noexcept;
    void finish_read(IoStatus status) noexcept;
    void finish_write(IoStatus status) noexcept;
    static void on_read_timer(void* self);
    static void on_write_timer(void* self);

    Loop* loop_;
    int fd_ = -1;
    bool readable_ = false, writable_ = false, hangup_ = false, broken_ = false, cancelled_ = false;
    bool reset_ = false;  // the kernel says so once; later reads would look like an orderly end
    bool postponed_ = false;
    bool more_plain_ = false;   // TLS: decrypted bytes may be left that no event will announce
    uint32_t ops_in_turn_ = 0;  // that did not wait
    uint64_t turn_ = 0;
    ReadOp* reading_ = nullptr;
    WriteOp* writing_ = nullptr;
    void (*hangup_hook_)(void*) = nullptr;
    void* hangup_context_ = nullptr;
    Timer read_timer_, write_timer_;
    std::unique_ptr<tls::Session> tls_;  // null: plain
};

class Socket {
public:
    Socket() = default;
    // Takes over a non-blocking descriptor. `connected`: false while a connect is under way.
    static Result<Socket> adopt(Loop& loop, int fd, bool connected = true);
    Socket(Socket&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Socket& operator=(Socket&& other) noexcept {
        if (this != &other) {
            close();
            state_ = std::exchange(other.state_, nullptr);
        }
        return *this;
    }
    ~Socket() { close(); }

    [[nodiscard]] bool open() const noexcept { return state_ != nullptr; }
    [[nodiscard]] int fd() const noexcept { return state_->fd_; }
    // The peer has closed or the connection broke; unread bytes may remain.
    [[nodiscard]] bool hangup() const noexcept { return state_->hangup_; }
    // Bytes (or the end) may be waiting to be read.
    [[nodiscard]] bool readable() const noexcept {
        return state_->readable_ || state_->more_plain_;
    }
    // Open, and nothing has come that anybody would want: neither bytes nor an end. With TLS
    // records without content (tickets) may have come: they are taken in.
    [[nodiscard]] bool quiet() noexcept;

    // From now on what is read and written is TLS's content. `make` gets the transport. The
    // handshake is due: see handshake.h. The peer's end without close_notify is a reset for a
    // client, since what it read last may be cut; for a server it is an end.
    template <typename Make>
    void start_tls(Make&& make) {
        state_->tls_ = make(static_cast<tls::Transport&>(*state_));
    }
    // After the handshake: what came behind the peer's last flight in the same segment is already
    // here, and no event will announce it.
    void tls_established() noexcept { state_->more_plain_ = state_->tls_->has_input(); }
    [[nodiscard]] uint64_t now_ns() const noexcept { return state_->loop_->now_ns(); }
    // Null: plain.
    [[nodiscard]] tls::Session* tls() const noexcept { return state_->tls_.get(); }

    // Nobody may be waiting on it.
    void close() noexcept;
    // Closes with a reset instead of in order: the peer must not take a cut message for whole.
    void abort() noexcept;
    void shutdown_write() noexcept;

    // Every wait, now and later, ends with `cancelled`.
    void cancel() noexcept;
    void uncancel() noexcept { state_->cancelled_ = false; }

    // `hook` runs once, on the loop, when the peer hangs up; at once if it already has... never:
    // check hangup() first. nullptr: none.
    void set_hangup_hook(void (*hook)(void*), void* context) noexcept {
        state_->hangup_hook_ = hook;
        state_->hangup_context_ = context;
    }

    // One read of up to `size` bytes. deadline_ns: mono clock; 0: none.
    [[nodiscard]] auto read(char* buffer, std::size_t size, uint64_t deadline_ns) noexcept {
        return ReadAwaiter{state_, {buffer, size, {}, {}}, deadline_ns};
    }
    // Until there is something to read (or the end); holds no buffer meanwhile.
    [[nodiscard]] auto wait_readable(uint64_t deadline_ns) noexcept {
        return ReadAwaiter{state_, {nullptr, 0, {}, {}}, deadline_ns};
    }
    // What is there now, without waiting; bytes == 0 with status ok: nothing is.
    [[nodiscard]] IoResult read_now(char* buffer, std::size_t size) noexcept {
        ReadOp op{buffer, size, {}, {}};
        state_->try_read(op);
        return op.result;
    }
    // The same, left there for the next read; below TLS.
    [[nodiscard]] IoResult peek(char* buffer, std::size_t size) noexcept;
    // What has been looked at is no news: the next wait_readable waits for more.
    void wait_for_more() noexcept { state_->readable_ = state_->hangup_; }
    // Everything, or until no progress for stall_ns.
    [[nodiscard]] auto write(std::string_view a, uint64_t stall_ns, std::string_view b = {},
                             std::string_view c = {}) noexcept {
        return WriteAwaiter(state_, stall_ns, a, b, c);
    }
    // Until the connect under way has succeeded (ok) or failed (reset, timeout).
    [[nodiscard]] auto wait_connected(uint64_t deadline_ns) noexcept {
        return ConnectAwaiter{state_, deadline_ns, {}};
    }

private:
    struct ReadAwaiter {
        SocketState* state;
        ReadOp op;
        uint64_t deadline_ns;
        bool await_ready() noexcept { return state->may_go_on() && state->try_read(op); }
        void await_suspend(std::coroutine_handle<> waiter) noexcept {
            op.waiter = waiter;
            state->reading_ = &op;
            if (deadline_ns != 0) state->loop_->timers().arm(state->read_timer_, deadline_ns);
        }
        IoResult await_resume() const noexcept { return op.result; }
    };
    struct WriteAwaiter {
        SocketState* state;
        WriteOp op;
        WriteAwaiter(SocketState* s, uint64_t stall_ns, std::string_view a, std::string_view b,
                     std::string_view c) noexcept;
        bool await_ready() noexcept { return state->may_go_on() && state->try_write(op); }
        void await_suspend(std::coroutine_handle<> waiter) noexcept {
            op.waiter = waiter;
            state->writing_ = &op;
            if (op.stall_ns != 0)
                state->loop_->timers().arm(state->write_timer_,
                                           state->loop_->now_ns() + op.stall_ns);
        }
        IoResult await_resume() const noexcept { return op.result; }
    };
    struct ConnectAwaiter {
        SocketState* state;
        uint64_t deadline_ns;
        WriteOp op;
        bool await_ready() noexcept {
            if (state->cancelled_) op.result.status = IoStatus::cancelled;
            return state->cancelled_ || state->writable_ || state->broken_;
        }
        void await_suspend(std::coroutine_handle<> waiter) noexcept {
            op.waiter = waiter;
            state->writing_ = &op;
            if (deadline_ns != 0) state->loop_->timers().arm(state->write_timer_, deadline_ns);
        }
        IoResult await_resume() noexcept;
    };

    explicit Socket(SocketState* state) noexcept : state_(state) {}
    SocketState* state_ = nullptr;
};

// A listening socket; calls `accepted` on the loop's thread for every connection. `accepted` owns
// the descriptor and must not destroy the acceptor. Destroy it on the loop's thread, in posted work
// or a timer (not while events are handed out), or when the loop no longer runs.
class Acceptor final : public EventHandler {
public:
    using Accepted = void (*)(void* context, int fd, const sockaddr_storage& peer);
    // SO_REUSEPORT, so that every worker listens on its own socket of the same port; or not, so
    // that a second process that wants the same port is told that it is taken.
    enum class Port : uint8_t { shared, exclusive };
    // address: numeric IPv4/IPv6 or "*"; port 0: any free one.
    static Result<std::unique_ptr<Acceptor>> listen(Loop& loop, const std::string& address,
                                                    uint16_t port, Accepted accepted, void* context,
                                                    bool started = true,
                                                    Port sharing = Port::shared);
    ~Acceptor();
    // Connections made before this wait in the kernel's queue. Harmless when started already.
    void start() noexcept;
    [[nodiscard]] uint16_t port() const noexcept { return port_; }
    void on_events(uint32_t epoll_events) noexcept override;
    // Accepts what waits in the queue now; before closing, so that nobody who was let in is
    // dropped.
    void accept_all() noexcept;

private:
    Acceptor(Loop& loop, int fd, uint16_t port, Accepted accepted, void* context) noexcept
        : loop_(loop), fd_(fd), port_(port), accepted_(accepted), context_(context) {}
    static void on_retry_timer(void* self);
    Loop& loop_;
    int fd_;
    uint16_t port_;
    Accepted accepted_;
    void* context_;
    Timer retry_timer_;
    bool started_ = false;
};

// A pause on the loop; deadline on the mono clock.
class Sleep {
public:
    Sleep(Loop& loop, uint64_t deadline_ns) noexcept
        : loop_(loop), deadline_ns_(deadline_ns), timer_(&Sleep::wake, this) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        waiter_ = waiter;
        loop_.timers().arm(timer_, deadline_ns_);
    }
    void await_resume() const noexcept {}

private:
    static void wake(void* self) { static_cast<Sleep*>(self)->waiter_.resume(); }
    Loop& loop_;
    uint64_t deadline_ns_;
    std::coroutine_handle<> waiter_;
    Timer timer_;
};

struct Connected {
    IoStatus status = IoStatus::ok;
    int error_number = 0;
    Socket socket;
};
// Connects to a resolved address. While the connect is under way *pending, if given, is its socket,
// so that somebody else can cancel it; null again afterwards.
[[nodiscard]] Task<Connected> connect(Loop& loop, const sockaddr_storage& address,
                                      uint64_t deadline_ns, Socket** pending = nullptr);

[[nodiscard]] socklen_t address_size(const sockaddr_storage& address) noexcept;
// "192.0.2.1" / "2001:db8::1" and the port.
void format_address(const sockaddr_storage& address, char (&text)[48], uint16_t& port) noexcept;
// A numeric address; nothing if it is a name.
[[nodiscard]] bool parse_address(const std::string& text, uint16_t port,
                                 sockaddr_storage& out) noexcept;

}  // namespace glassgate::io
