#include "proxy/connection.h"

#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "http/h2/upgrade.h"
#include "http/proxy_protocol.h"
#include "io/handshake.h"
#include "proxy/exchange_run.h"
#include "proxy/exchange_state.h"
#include "proxy/h2_connection.h"

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
    const ListenerPlan& listener = c.worker.active()->plan->listeners[c.listening->index];
    if (listener.tls || !listener.proxy_protocol_from.empty()) {
        open = co_await c.open();
    }
    if (open && c.agreed_on_h2()) {
        co_await c.serve_h2();
        open = false;
    }
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
        if (c.exchanges == 0 && (c.preface_is_here() || c.asks_for_h2c())) {
            co_await c.serve_h2();
            break;
        }
        co_await ExchangeRun::serve(c, nullptr);
        open = c.may_go_on();
    }
    if (c.fate.input_left) co_await c.linger();
    c.close();
}

// What comes before the first request: a PROXY header, TLS. False: refused, and why is stated.
io::Task<bool> Connection::open() {
    const std::shared_ptr<const Plan> plan = worker.active()->plan;
    const ListenerPlan& listener = plan->listeners[listening->index];
    const uint64_t deadline_ns = worker.loop().now_ns() + listener.handshake_timeout_ms * kNsPerMs;
    if (!listener.proxy_protocol_from.empty() &&
        listener.proxy_protocol_from.matches(peer_address)) {
        const bool good = co_await read_proxy_header(deadline_ns);
        if (!good) co_return false;
    }
    if (!listener.tls) co_return true;
    const bool good = co_await accept_tls(listener, deadline_ns);
    co_return good;
}

// What the header says takes the place of the socket's peer. Bytes behind it stay in the kernel for
// whoever reads next: the header is looked at before it is taken.
io::Task<bool> Connection::read_proxy_header(uint64_t deadline_ns) {
    char bytes[http::kProxyHeaderMax];
    std::size_t seen = 0;
    http::ProxyHeader header;
    while (true) {
        const io::IoResult ready = co_await socket.wait_readable(deadline_ns);
        if (!ready.ok()) {
            refuse(model::ConnectionEnding::proxy_protocol_error,
                   ready.status == io::IoStatus::timeout ? "timeout" : "closed", {});
            co_return false;
        }
        const io::IoResult got = socket.peek(bytes, sizeof bytes);
        const http::ProxyParse parsed = http::parse_proxy_header({bytes, got.bytes}, header);
        if (parsed.state == http::ProxyParse::State::failed) {
            refuse(model::ConnectionEnding::proxy_protocol_error, http::to_text(parsed.error), {});
            co_return false;
        }
        if (parsed.state == http::ProxyParse::State::done) {
            (void)socket.read_now(bytes, parsed.bytes);
            break;
        }
        const bool no_more = !got.ok() || (got.bytes == seen && socket.hangup());
        seen = got.bytes;
        if (no_more) {
            refuse(model::ConnectionEnding::proxy_protocol_error, "closed", {});
            co_return false;
        }
        socket.wait_for_more();  // what is there has been looked at: only more is news
    }
    if (!header.local) io::format_address(header.source, peer_address, peer_port);
    co_return true;
}

io::Task<bool> Connection::accept_tls(const ListenerPlan& listener, uint64_t deadline_ns) {
    socket.start_tls([&](io::tls::Transport& transport) {
        return io::tls::Session::accept(listener.tls, transport);
    });
    const io::tls::Refusal refusal =
        co_await io::handshake(socket, worker.handshakes(), deadline_ns);
    if (refusal == io::tls::Refusal::none) {
        tls = socket.tls()->version() == model::to_text(model::TlsVersion::tls1_3)
                  ? model::TlsVersion::tls1_3
                  : model::TlsVersion::tls1_2;
        tls_resumed = socket.tls()->resumed();
        co_return true;
    }
    refuse(model::ConnectionEnding::tls_handshake_failed, io::tls::to_text(refusal),
           socket.tls()->failure());
    co_return false;
}

void Connection::refuse(model::ConnectionEnding ending, std::string_view reason,
                        std::string_view detail) {
    fate.ending = ending;
    refused_ = std::make_unique<Refused>(Refused{std::string(reason), std::string(detail)});
}

bool Connection::agreed_on_h2() const noexcept {
    return socket.tls() != nullptr && socket.tls()->alpn() == "h2";
}

// A client that begins with HTTP/2's preface knew before it came (RFC 9113 §3.3).
bool Connection::preface_is_here() noexcept {
    constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    constexpr std::size_t kEnoughToTell = 4;  // no method of HTTP/1.1 begins with "PRI "
    if (socket.tls() != nullptr) return false;
    const std::string_view here = buffer.view().substr(0, kPreface.size());
    return here.size() >= kEnoughToTell && kPreface.starts_with(here) &&
           worker.active()->plan->listeners[listening->index].http2;
}

// The first request asks to go on with HTTP/2 (RFC 7540 §3.2; curl and others do so on plain
// connections). It becomes stream 1. One with a body stays what it is: its bytes would be in the
// way; and so does one whose HTTP2-Settings are not what they should be.
bool Connection::asks_for_h2c() {
    const std::string_view here = buffer.view();
    const ListenerPlan& listener = worker.active()->plan->listeners[listening->index];
    if (!listener.http2 || socket.tls() != nullptr) return false;
    if (here.find("HTTP2-Settings") == std::string_view::npos &&
        here.find("http2-settings") == std::string_view::npos)
        return false;
    const auto head = std::make_unique<http::RequestHead>();
    std::size_t resume = 0;
    const http::ParseResult parsed = http::parse_request_head(here, listener.limits, resume, *head);
    if (parsed.state != http::ParseState::complete || head->body != http::BodyKind::none)
        return false;
    const std::string_view settings = http::h2::asks_for_h2c(*head);
    if (settings.data() == nullptr || !http::h2::valid_settings(settings)) return false;
    upgrade_head_.assign(here.substr(0, parsed.consumed));
    buffer.consume(parsed.consumed);
    return true;
}

io::Task<void> Connection::serve_h2() {
    idle_ = false;
    if (!upgrade_head_.empty()) {
        const io::IoResult sent = co_await socket.write(
            http::h2::kSwitchingToH2c,
            worker.active()->plan->listeners[listening->index].write_timeout_ms * kNsPerMs);
        if (!sent.ok()) {
            fate.ending = model::ConnectionEnding::client_reset;
            co_return;
        }
    }
    H2Connection connection(*this, std::exchange(upgrade_head_, {}));
    co_await connection.serve();
}

void Connection::close() {
    if (fate.reset_at_end)
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
    r.ending = fate.ending;
    r.opened_wall_ns = opened_wall_ns;
    r.opened_ns = opened_ns;
    r.closed_ns = worker.loop().now_ns();
    r.exchanges = exchanges;
    r.tls = tls;
    r.tls_resumed = tls_resumed;
    const bool v6 = std::strchr(peer_address, ':') != nullptr;
    std::snprintf(r.peer, sizeof r.peer, v6 ? "[%s]:%u" : "%s:%u", peer_address, peer_port);
    std::snprintf(r.listener_name, sizeof r.listener_name, "%s", listening->name.c_str());
    if (refused_) {
        std::snprintf(r.reason, sizeof r.reason, "%s", refused_->reason.c_str());
        std::snprintf(r.detail, sizeof r.detail, "%s", refused_->detail.c_str());
    }
    return r;
}

// After an exchange: whether another may follow.
bool Connection::may_go_on() noexcept {
    ++exchanges;
    if (!fate.keep_alive) return false;
    if (ends_soon()) {
        fate.ending = model::ConnectionEnding::drained;
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
            fate.ending = client_closed;
            break;
        case io::IoStatus::timeout:
            fate.ending = ends_soon() ? drained : idle_timeout;
            break;
        case io::IoStatus::cancelled:
            fate.ending = drained;
            break;
        default:
            fate.ending = client_reset;
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
    if (h2 != nullptr)
        h2->drain();
    else if (idle_)
        socket.cancel();
}

void Connection::cut_off() noexcept {
    if (h2 != nullptr) {
        h2->cut_off();
        return;
    }
    Worker& owner = worker;
    if (exchange != nullptr) exchange->cut_off();
    // That may have been the end of the exchange and of this connection.
    if (owner.connections_.contains(this)) socket.cancel();
}

}  // namespace glassgate::proxy
