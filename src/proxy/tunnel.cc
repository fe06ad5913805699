// Upgraded connections: bytes both ways, over any mix of HTTP versions. Each side may end alone, as
// TCP allows (RFC 9113 §8.5): what the other still has to say goes on.
#include "base/clock.h"
#include "base/text.h"
#include "http/websocket.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

using model::AttemptResult;
using model::Ending;

namespace {

// How long a tunnel of which one side has ended may be idle. A client that has ended its side may
// wait for an answer; an upstream that has ended is usually gone altogether.
constexpr uint64_t kClientEndedNs = 30 * kNsPerSecond;
constexpr uint64_t kUpstreamEndedNs = 2 * kNsPerSecond;

}  // namespace

// A WebSocket that changes the version of HTTP on its way gets its handshake from us, so it must be
// one. Between HTTP/1.1 and HTTP/1.1 the upstream judges. False: refused, and why is stated.
bool ExchangeRun::begin_websocket() {
    if (!http::asks_for_websocket(state_.request)) return true;
    if (client_h2_ == nullptr && upstream().plan().protocol == UpstreamProtocol::http1) return true;
    policy::Request& request = state_.policy_request;
    request.arena = &state_.arena;
    const http::WebSocketFault fault = http::check_websocket(state_.request);
    if (fault != http::WebSocketFault::none) {
        record_.detail = state_.keep(http::to_text(fault));
        end(Ending::malformed_request);
        record_.status = http::status_of(fault);
        if (fault == http::WebSocketFault::bad_version)
            request.edit_response_header("Sec-WebSocket-Version", "13");
        return false;
    }
    if (client_h2_ == nullptr) return true;
    char key[http::kWebSocketKeyBytes];
    const TraceId random = worker_.random().trace_id();  // any sixteen bytes nobody has seen
    uint8_t bytes[16];
    std::copy(random.bytes.begin(), random.bytes.end(), bytes);
    http::make_websocket_key(bytes, key);
    websocket_key_ = state_.arena.keep({key, sizeof key});
    request.edit_upstream_header("Sec-WebSocket-Key", websocket_key_);
    return true;
}

// Of an HTTP/1.1 upstream's answer to the WebSocket of an HTTP/2 client, which cannot check it
// itself. A 2xx is no WebSocket, but would tell the client that it has one.
bool ExchangeRun::websocket_is_answered() {
    if (websocket_key_.empty()) return true;
    const http::ResponseHead& head = state_.response;
    std::string_view fault;
    if (head.switching) {
        if (!http::accepted_by(head, websocket_key_))
            fault = "the upstream's Sec-WebSocket-Accept does not fit the key";
    } else if (head.status >= 200 && head.status < 300) {
        fault = "the upstream does not switch to WebSocket";
    }
    if (fault.empty()) return true;
    record_.detail = state_.keep(fault);
    fail_attempt(AttemptResult::malformed);
    return false;
}

io::Task<void> ExchangeRun::tunnel() {
    watch_client(false);
    fate_.keep_alive = false;
    fate_.input_left = false;
    record_.stream = iequals(state_.response.upgrade, "websocket") ? model::StreamKind::websocket
                                                                   : model::StreamKind::other;
    tunnel_active_ns_ = now();
    const std::string head = std::move(state_.out);
    state_.out.clear();
    io::IoResult begun;
    if (!head.empty())
        begun = co_await client().write(head, listener().write_timeout_ms * kNsPerMs);
    if (!begun.ok()) {
        client_failed(begun.status);
        co_return;
    }
    begin_interim_records();
    pump_.start(tunnel_client_to_upstream());
    io::IoResult got;
    while (true) {
        std::string_view bytes;
        got = co_await read_upstream(bytes);
        if (tunnel_still_active(got)) continue;
        if (!got.ok()) break;
        tunnel_active_ns_ = turn_ns();
        const io::IoResult sent = co_await write_client(bytes);
        if (!sent.ok()) {
            note_tunnel_broken(Side::client, sent.status);
            break;
        }
        record_.response_bytes += bytes.size();
        upstream_consume(bytes.size());
    }
    note_tunnel_broken(Side::upstream, got.status);
    if (got.status == io::IoStatus::eof && tunnel_broken_ == Side::none) {
        end_client_side();
        half_closed(kUpstreamEndedNs);
        co_await pump_.join();
    } else {
        co_await stop_pump();
        // Idle for too long: both ways are closed in order, as far as this side can say so.
        if (tunnel_broken_ == Side::none && !cut_off_) end_client_side();
    }
    tunnel_timer_.disarm();
    end_tunnel();
}

io::Task<void> ExchangeRun::tunnel_client_to_upstream() {
    while (true) {
        std::string_view bytes;
        const io::IoResult got = co_await read_client(bytes);
        if (tunnel_still_active(got)) continue;
        if (got.status == io::IoStatus::eof) {
            end_upstream_side();
            half_closed(kClientEndedNs);
            co_return;
        }
        note_tunnel_broken(Side::client, got.status);
        if (!got.ok()) break;
        tunnel_active_ns_ = turn_ns();
        pump_writes_ = true;
        const io::IoResult sent = co_await write_upstream(bytes);
        pump_writes_ = false;
        if (!sent.ok()) {
            note_tunnel_broken(Side::upstream, sent.status);
            break;
        }
        record_.request_bytes += bytes.size();
        client_consume(bytes.size());
    }
    interrupt();
}

// The first side that breaks off is the one that did it.
void ExchangeRun::note_tunnel_broken(Side side, io::IoStatus status) noexcept {
    if (status == io::IoStatus::reset && tunnel_broken_ == Side::none && !cut_off_)
        tunnel_broken_ = side;
}

void ExchangeRun::end_client_side() {
    if (client_h2_ == nullptr) {
        client().shutdown_write();
    } else if (!client_h2_->stream().closed()) {
        client_h2_->finish({});
        client_ended_ = true;
    }
}

void ExchangeRun::end_upstream_side() {
    if (upstream_connection_)
        upstream_connection_->socket.shutdown_write();
    else if (upstream_h2_)
        upstream_h2_->finish({});
}

// One side has ended: the other waits less long from now on.
void ExchangeRun::half_closed(uint64_t idle_ns) {
    tunnel_active_ns_ = now();
    half_closed_ns_ = idle_ns;
    worker_.loop().timers().arm(tunnel_timer_, tunnel_active_ns_ + idle_ns);
}

void ExchangeRun::on_half_closed_timer(void* self) {
    auto* run = static_cast<ExchangeRun*>(self);
    const uint64_t due_ns = run->tunnel_active_ns_ + run->half_closed_ns_;
    if (run->turn_ns() < due_ns)
        run->worker_.loop().timers().arm(run->tunnel_timer_, due_ns);
    else
        run->interrupt_tunnel();
}

// What of the tunnel is still under way. That may be the end of the exchange.
void ExchangeRun::interrupt_tunnel() noexcept {
    // Once the upstream has ended, only the client's direction is: it reads there or writes here.
    if (half_closed_ns_ != 0 && pump_.running() && !pump_writes_)
        cancel_client();
    else
        interrupt();
}

void ExchangeRun::end_tunnel() {
    attempt_.result =
        tunnel_broken_ == Side::upstream ? AttemptResult::body_reset : AttemptResult::response;
    end_attempt();
    // The other side must not take what broke off for an end in order.
    if (tunnel_broken_ == Side::upstream) fate_.reset_at_end = true;
    end(cut_off_                           ? Ending::shutdown
        : tunnel_broken_ == Side::client   ? Ending::client_abort
        : tunnel_broken_ == Side::upstream ? Ending::upstream_body_reset
                                           : Ending::upgraded);
}

namespace {

// Of a stream: its bytes, or how it ended.
io::IoResult taken_from(MuxStream& stream, io::IoStatus status, std::string_view& bytes) {
    io::IoResult result;
    result.status = status;
    bytes = stream.received();
    if (status == io::IoStatus::ok && bytes.empty()) result.status = io::IoStatus::eof;
    return result;
}

}  // namespace

io::Task<io::IoResult> ExchangeRun::read_upstream(std::string_view& bytes) {
    const uint64_t deadline_ns = tunnel_active_ns_ + tunnel_idle_ns();
    if (upstream_h2_) {
        const io::IoStatus status = co_await upstream_h2_->readable(deadline_ns);
        co_return taken_from(*upstream_h2_, status, bytes);
    }
    io::Buffer& buffer = upstream_connection_->buffer;
    io::Socket& socket = upstream_connection_->socket;
    io::IoResult got;
    if (buffer.empty()) {
        char* const room = buffer.room();
        got = co_await socket.read(room, buffer.room_bytes(), deadline_ns);
        if (got.ok()) buffer.produced(got.bytes);
    }
    // What goes through a tunnel says itself where it ends: without close_notify it is no less.
    if (got.status == io::IoStatus::reset && socket.tls() != nullptr &&
        socket.tls()->refusal() == io::tls::Refusal::truncated)
        got.status = io::IoStatus::eof;
    bytes = buffer.view();
    co_return got;
}

io::Task<io::IoResult> ExchangeRun::read_client(std::string_view& bytes) {
    const uint64_t deadline_ns = tunnel_active_ns_ + tunnel_idle_ns();
    if (client_h2_ != nullptr) {
        const io::IoStatus status = co_await client_h2_->readable(deadline_ns);
        co_return taken_from(*client_h2_, status, bytes);
    }
    io::Buffer& buffer = connection_.buffer;
    io::IoResult got;
    if (buffer.empty()) {
        char* const room = buffer.room();
        got = co_await client().read(room, buffer.room_bytes(), deadline_ns);
        if (got.ok()) buffer.produced(got.bytes);
    }
    bytes = buffer.view();
    co_return got;
}

io::Task<io::IoResult> ExchangeRun::write_client(std::string_view bytes) {
    io::IoResult sent;
    if (client_h2_ != nullptr) {
        sent = co_await client_h2_->write(bytes, {}, false, tunnel_idle_ns());
    } else {
        sent = co_await client().write(bytes, tunnel_idle_ns());
    }
    co_return sent;
}

io::Task<io::IoResult> ExchangeRun::write_upstream(std::string_view bytes) {
    io::IoResult sent;
    if (upstream_h2_) {
        sent = co_await upstream_h2_->write(bytes, {}, false, tunnel_idle_ns());
    } else {
        sent = co_await upstream_connection_->socket.write(bytes, tunnel_idle_ns());
    }
    co_return sent;
}

uint64_t ExchangeRun::tunnel_idle_ns() const noexcept { return stream_idle_timeout_ns(); }

// A tunnel is idle when both directions are.
bool ExchangeRun::tunnel_still_active(const io::IoResult& got) const noexcept {
    return got.status == io::IoStatus::timeout &&
           worker_.loop().now_ns() < tunnel_active_ns_ + tunnel_idle_ns();
}

}  // namespace glassgate::proxy
