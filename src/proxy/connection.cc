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
    const bool v6 = std::strchr(peer_address, ':') != nullptr;
    std::snprintf(record.peer, sizeof record.peer, v6 ? "[%s]:%u" : "%s:%u", peer_address,
                  peer_port);
    record.listener = listening->index;
    std::snprintf(record.listener_name, sizeof record.listener_name, "%s", listening->name.c_str());
    record.opened_ns = worker.loop().now_ns();
    record.opened_wall_ns = wall_now_ns();
}

void Connection::start(Worker& worker, std::shared_ptr<Worker::Listening> listening,
                       io::Socket socket, const sockaddr_storage& peer) {
    serve(std::unique_ptr<Connection>(
        new Connection(worker, std::move(listening), std::move(socket), peer)));
}

io::Detached Connection::serve(std::unique_ptr<Connection> self) {
    Worker& worker = self->worker;
    ++self->listening->open;
    worker.connections_.insert(self.get());
    worker.connections_open_.fetch_add(1, std::memory_order_relaxed);
    worker.recorder().connection_opened(self->record.listener);
    co_await self->serve_requests();
    if (self->input_left) co_await self->linger();
    if (self->reset_at_end)
        self->socket.abort();
    else
        self->socket.close();
    self->record.closed_ns = worker.loop().now_ns();
    worker.recorder().connection_closed(self->record);
    --self->listening->open;
    worker.connection_closed(self.get());
}

io::Task<void> Connection::serve_requests() {
    while (true) {
        if (!co_await wait_for_request()) co_return;
        {
            std::unique_ptr<ExchangeState> state = worker.take_exchange();
            ExchangeRun run(*this, *state);
            exchange = &run;
            co_await run.run();
            exchange = nullptr;
            worker.give_exchange(std::move(state));
        }
        ++record.exchanges;
        if (!keep_alive) co_return;
        if (ends_soon()) {
            record.ending = model::ConnectionEnding::drained;
            co_return;
        }
        if (buffer.empty()) buffer.release();  // a waiting connection holds no buffer
    }
}

// True when the first byte of a request is in the buffer. Empty lines between requests are skipped
// (RFC 9112 §2.2) and are not a request.
io::Task<bool> Connection::wait_for_request() {
    const Plan& plan = *worker.active()->plan;
    const uint64_t idle_ns =
        listening->removed ? 0 : plan.listeners[listening->index].idle_timeout_ms * kNsPerMs;
    const uint64_t deadline = worker.loop().now_ns() + idle_ns;
    while (true) {
        while (buffer.view().starts_with("\r\n")) buffer.consume(2);
        if (!buffer.empty() && buffer.view() != "\r") co_return true;
        const io::IoResult got = co_await read_more(deadline);
        if (got.ok()) continue;
        using enum model::ConnectionEnding;
        switch (got.status) {
            case io::IoStatus::eof:
                record.ending = client_closed;
                break;
            case io::IoStatus::timeout:
                record.ending = ends_soon() ? drained : idle_timeout;
                break;
            case io::IoStatus::cancelled:
                record.ending = drained;
                break;
            default:
                record.ending = client_reset;
                break;
        }
        co_return false;
    }
}

// Waits without holding a buffer. When it is cancelled (drain), a request that has already arrived
// is still taken, so that nobody who was let in is turned away.
io::Task<io::IoResult> Connection::read_more(uint64_t deadline_ns) {
    constexpr uint64_t kLastLookNs = 4 * kNsPerMs;
    idle_ = true;
    const io::IoResult ready = co_await socket.wait_readable(deadline_ns);
    idle_ = false;
    if (ready.status == io::IoStatus::cancelled && !worker.stopping()) {
        socket.uncancel();
        deadline_ns = worker.loop().now_ns() + kLastLookNs;
    } else if (!ready.ok()) {
        co_return ready;
    }
    char* const room = buffer.room();
    const io::IoResult got = co_await socket.read(room, buffer.room_bytes(), deadline_ns);
    if (got.ok()) buffer.produced(got.bytes);
    co_return got;
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
