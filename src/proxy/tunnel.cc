// Upgraded connections: bytes both ways until either side ends, over any mix of HTTP versions.
#include "base/clock.h"
#include "base/text.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

using model::AttemptResult;
using model::Ending;

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
    pump_.start(tunnel_client_to_upstream());
    while (true) {
        std::string_view bytes;
        const io::IoResult got = co_await read_upstream(bytes);
        if (tunnel_still_active(got)) continue;
        if (!got.ok()) break;
        tunnel_active_ns_ = turn_ns();
        const io::IoResult sent = co_await write_client(bytes);
        if (!sent.ok()) break;
        record_.response_bytes += bytes.size();
        upstream_consume(bytes.size());
    }
    co_await stop_pump();
    // Both ways are closed in order, as far as this side can say so.
    if (client_h2_ != nullptr && !client_h2_->stream().closed()) {
        (void)co_await client_h2_->write({}, {}, true, tunnel_idle_ns());
        client_ended_ = true;
    }
    attempt_.result = AttemptResult::response;
    end_attempt();
    end(cut_off_ ? Ending::shutdown : Ending::upgraded);
}

io::Task<void> ExchangeRun::tunnel_client_to_upstream() {
    while (true) {
        std::string_view bytes;
        const io::IoResult got = co_await read_client(bytes);
        if (tunnel_still_active(got)) continue;
        if (!got.ok()) break;
        tunnel_active_ns_ = turn_ns();
        const io::IoResult sent = co_await write_upstream(bytes);
        if (!sent.ok()) break;
        record_.request_bytes += bytes.size();
        client_consume(bytes.size());
    }
    interrupt();
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
    io::IoResult got;
    if (buffer.empty()) {
        char* const room = buffer.room();
        got = co_await upstream_connection_->socket.read(room, buffer.room_bytes(), deadline_ns);
        if (got.ok()) buffer.produced(got.bytes);
    }
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
