#include "proxy/connection.h"

#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "proxy/exchange_run.h"
#include "proxy/exchange_state.h"

namespace glassgate::proxy {
namespace {

// After a refusal the client may still be sending. Closing now would reset the connection and could
// destroy our answer on its way, so the rest is read and thrown away, within these bounds.
constexpr uint64_t kLingerNs = 2 * kNsPerSecond;
constexpr std::size_t kLingerBytes = 1u << 20;

}  // namespace

Connection::Connection(Worker& w, std::shared_ptr<Worker::Listening> l, io::Socket s,
                       const sockaddr_storage& peer)
    : worker(w), listening(std::move(l)), socket(std::move(s)), buffer(w.buffers()) {
    io::format_address(peer, peer_address, peer_port);
    opened_listener = listening->index;
    opened_ns = worker.loop().now_ns();
    opened_wall_ns = worker.loop().wall_ns();
}

void Connection::start(Worker& worker, std::shared_ptr<Worker::Listening> listening,
                       io::Socket socket, const sockaddr_storage& peer) {
    serve(std::unique_ptr<Connection>(
        new Connection(worker, std::move(listening), std::move(socket), peer)));
}

// While a connection waits for its next request this frame, the connection and its socket are all
// there is of it: no buffer, no exchange.
io::Detached Connection::serve(std::unique_ptr<Connection> self) {
    Connection& c = *self;
    ++c.listening->open;
    c.worker.connections_.insert(&c);
    c.worker.connections_open_.fetch_add(1, std::memory_order_relaxed);
    c.worker.recorder().connection_opened(c.opened_listener);
    bool open = true;
    while (open) {
        bool here = c.request_is_here();
        if (!here) c.begin_wait();
        while (open && !here) {
            const io::IoResult ready = co_await c.socket.wait_readable(c.wait_until_ns_);
            open = c.end_wait(ready);
            here = open && c.request_is_here();
        }
        if (!here) break;
        c.idle_ = false;
        co_await ExchangeRun::serve(c);
        open = c.may_go_on();
    }
    if (c.input_left) co_await c.linger();
    c.close();
}

void Connection::close() {
    if (reset_at_end)
        socket.abort();
    else
        socket.close();
    worker.recorder().connection_closed(record());
    --listening->open;
    worker.connection_closed(this);
}

model::Connection Connection::record() const noexcept {
    model::Connection r;
    r.listener = opened_listener;
    r.ending = ending;
    r.opened_wall_ns = opened_wall_ns;
    r.opened_ns = opened_ns;
    r.closed_ns = worker.loop().now_ns();
    r.exchanges = exchanges;
    const bool v6 = std::strchr(peer_address, ':') != nullptr;
    std::snprintf(r.peer, sizeof r.peer, v6 ? "[%s]:%u" : "%s:%u", peer_address, peer_port);
    std::snprintf(r.listener_name, sizeof r.listener_name, "%s", listening->name.c_str());
    return r;
}

// After an exchange: whether another may follow.
bool Connection::may_go_on() noexcept {
    ++exchanges;
    if (!keep_alive) return false;
    if (ends_soon()) {
        ending = model::ConnectionEnding::drained;
        return false;
    }
    return true;
}

// The first byte of a request is in the buffer. Empty lines between requests are skipped (RFC 9112
// §2.2) and are not a request.
bool Connection::request_is_here() noexcept {
    while (buffer.view().starts_with("\r\n")) buffer.consume(2);
    return !buffer.empty() && buffer.view() != "\r";
}

void Connection::begin_wait() noexcept {
    const uint64_t idle_ns =
        listening->removed
            ? 0
            : worker.active()->plan->listeners[listening->index].idle_timeout_ms * kNsPerMs;
    wait_until_ns_ = worker.loop().now_ns() + idle_ns;
    if (buffer.empty()) buffer.release();
    idle_ = true;
}

// Takes what has arrived; false: the connection ends, and why is stated. When the wait was
// cancelled (drain), a request that has already arrived is still taken, so that nobody who was let
// in is turned away.
bool Connection::end_wait(io::IoResult ready) noexcept {
    constexpr uint64_t kLastLookNs = 4 * kNsPerMs;
    if (ready.status == io::IoStatus::cancelled && idle_ && !worker.stopping()) {
        socket.uncancel();
        idle_ = false;
        wait_until_ns_ = worker.loop().now_ns() + kLastLookNs;
        return true;
    }
    io::IoResult got = ready;
    if (ready.ok()) {
        char* const room = buffer.room();
        got = socket.read_now(room, buffer.room_bytes());
        if (got.ok()) {
            buffer.produced(got.bytes);
            if (buffer.empty()) buffer.release();  // nothing was there after all
            return true;
        }
    }
    idle_ = false;
    using enum model::ConnectionEnding;
    switch (got.status) {
        case io::IoStatus::eof:
            ending = client_closed;
            break;
        case io::IoStatus::timeout:
            ending = ends_soon() ? drained : idle_timeout;
            break;
        case io::IoStatus::cancelled:
            ending = drained;
            break;
        default:
            ending = client_reset;
            break;
    }
    return false;
}

io::Task<void> Connection::linger() {
    if (worker.stopping()) co_return;
    socket.uncancel();
    socket.shutdown_write();
    const uint64_t deadline = worker.loop().now_ns() + kLingerNs;
    std::size_t thrown_away = 0;
    while (thrown_away < kLingerBytes) {
        buffer.release();
        char* const room = buffer.room();
        const io::IoResult got = co_await socket.read(room, buffer.room_bytes(), deadline);
        if (!got.ok()) co_return;
        thrown_away += got.bytes;
    }
}

void Connection::drain() noexcept {
    if (idle_) socket.cancel();
}

void Connection::cut_off() noexcept {
    Worker& owner = worker;
    if (exchange != nullptr) exchange->cut_off();
    // That may have been the end of the exchange and of this connection.
    if (owner.connections_.contains(this)) socket.cancel();
}

}  // namespace glassgate::proxy
