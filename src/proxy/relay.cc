// Bodies on their way through. Each direction holds one buffer: what was read is written before
// more is read, so a slow reader slows its writer down and memory does not grow.
#include "base/clock.h"
#include "base/text.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

using model::AttemptResult;
using model::Ending;

// ---- request body, beside the response ---------------------------------------------------------

io::Task<void> ExchangeRun::pump_request_body() {
    body_replayable_ = false;
    const uint64_t timeout_ns = listener().body_timeout_ms * kNsPerMs;
    io::Buffer& buffer = connection_.buffer;
    while (!request_complete_) {
        if (!buffer.empty()) {
            std::size_t used = 0;
            const bool go_on = co_await pump_step(buffer.view(), used);
            buffer.consume(used);
            if (!go_on) break;
            if (request_complete_ || used != 0) continue;
        }
        char* room = buffer.room();
        if (buffer.room_bytes() == 0) {
            buffer.enlarge();
            room = buffer.room();
        }
        const io::IoResult got = co_await connection_.socket.read(
            room, buffer.room_bytes(), worker_.loop().now_ns() + timeout_ns);
        if (got.ok()) {
            buffer.produced(got.bytes);
            continue;
        }
        if (got.status == io::IoStatus::timeout) {
            pump_ending_ = Ending::client_body_timeout;
        } else if (got.status != io::IoStatus::cancelled) {
            pump_ending_ = Ending::client_abort;
            client_gone_ = true;
        }
        break;
    }
    if (request_complete_) {
        record_.request_sent_ns = now();
    } else {
        connection_.keep_alive = false;
        if (!client_gone_) connection_.input_left = true;
        if (pump_ending_ != Ending::completed && upstream_connection_)
            upstream_connection_->socket.cancel();
    }
}

io::Task<void> ExchangeRun::stop_pump() {
    if (!pump_.running()) co_return;
    connection_.socket.cancel();
    if (upstream_connection_) upstream_connection_->socket.cancel();
    co_await pump_.join();
    if (!cut_off_) connection_.socket.uncancel();
}

// Sends what `bytes` holds of the body upstream. False: give up.
io::Task<bool> ExchangeRun::pump_step(std::string_view bytes, std::size_t& used) {
    std::string_view data;
    std::string_view tail;
    char size_line[24];
    std::string_view framing;
    if (state_.request.body == http::BodyKind::length) {
        data = bytes.substr(0, body_left_);
        used = data.size();
        body_left_ -= used;
        request_complete_ = body_left_ == 0;
    } else {
        const auto step = request_chunks_.decode(bytes);
        used = step.consumed;
        data = step.data;
        if (step.state == http::ParseState::failed) {
            record_.detail = state_.keep(http::to_text(step.error));
            pump_ending_ = Ending::malformed_request;
            co_return false;
        }
        if (!data.empty()) {
            char* end = http::write_chunk_size(size_line, data.size());
            framing = {size_line, static_cast<std::size_t>(end - size_line)};
            tail = "\r\n";
        }
        if (step.state == http::ParseState::complete) {
            request_complete_ = true;
            request_tail_.assign(data.empty() ? "0\r\n" : "\r\n0\r\n");
            request_tail_ += request_chunks_.trailers();
            request_tail_ += "\r\n";
            tail = request_tail_;
        }
    }
    record_.request_bytes += data.size();
    if (body_limit_ != 0 && record_.request_bytes > body_limit_) {
        request_complete_ = false;
        pump_ending_ = Ending::body_too_large;
        co_return false;
    }
    if (framing.empty() && data.empty() && tail.empty()) co_return true;
    const uint64_t stall_ns = upstream().plan().response_timeout_ms * kNsPerMs;
    const io::IoResult sent =
        co_await upstream_connection_->socket.write(framing, stall_ns, data, tail);
    // When the upstream does not take the rest it may still have answered: the reader will see.
    if (!sent.ok()) request_complete_ = false;
    co_return sent.ok();
}

// ---- response ----------------------------------------------------------------------------------

io::Task<void> ExchangeRun::relay_response() {
    if (!upstream_connection_) co_return;
    const http::ResponseHead& head = state_.response;
    run_response_policies(head.status, &head);
    const bool to_http10 = state_.request.version == http::Version::http10;
    client_framing_ = head.body;
    if (head.body == http::BodyKind::until_close || head.body == http::BodyKind::chunked)
        client_framing_ = to_http10 ? http::BodyKind::until_close : http::BodyKind::chunked;
    if (client_framing_ == http::BodyKind::until_close || connection_.ends_soon())
        connection_.keep_alive = false;
    if (!request_complete_ && !pump_.running()) connection_.keep_alive = false;

    http::ClientResponse out;
    out.head = &head;
    out.client_version = state_.request.version;
    out.via = "glassgate";
    out.keep_alive = connection_.keep_alive && request_complete_;
    connection_.keep_alive = out.keep_alive;
    if (!request_complete_) connection_.input_left = true;
    out.body = client_framing_;
    out.content_length = head.content_length;
    out.upgrade = head.switching;
    char id[32];
    out.request_id = request_id(id);
    out.date = worker_.http_date();
    out.edits = &state_.policy_request.response_edits;
    state_.out.clear();
    http::append_client_head(state_.out, out);
    response_begun_ = true;
    record_.status = head.status;
    if (http::find(head.headers, http::KnownHeader::content_type).starts_with("text/event-stream"))
        record_.stream = model::StreamKind::sse;
    const bool switching = head.switching;
    const bool upstream_keep_alive = head.keep_alive;

    if (switching) {
        co_await tunnel();
        co_return;
    }
    const bool relayed = co_await relay_body();
    if (!relayed) co_return;
    attempt_.result = AttemptResult::response;
    end_attempt();
    end(Ending::completed);
    if (request_complete_) {
        // All of the request is in: drop the replayable body from the buffer.
        connection_.buffer.consume(body_buffered_);
        body_buffered_ = 0;
    }
    reusable_ = upstream_keep_alive && request_complete_ &&
                state_.response.body != http::BodyKind::until_close;
}

// Sends the head with the first of the body, then the rest. False: it broke off (ending stated).
io::Task<bool> ExchangeRun::relay_body() {
    UpstreamConnection& from = *upstream_connection_;
    const http::BodyKind kind = state_.response.body;
    uint64_t left = state_.response.content_length;
    bool finished = kind == http::BodyKind::none || (kind == http::BodyKind::length && left == 0);
    if (finished) co_return co_await send_body({});
    while (!finished) {
        while (!from.buffer.empty() && !finished) {
            std::string_view data = from.buffer.view();
            std::size_t used = data.size();
            if (kind == http::BodyKind::length) {
                data = data.substr(0, left);
                used = data.size();
                left -= used;
                finished = left == 0;
            } else if (kind == http::BodyKind::chunked) {
                const auto step = response_chunks_.decode(data);
                if (step.state == http::ParseState::failed) {
                    record_.detail = state_.keep(http::to_text(step.error));
                    upstream_failed_mid_body(io::IoStatus::reset);
                    co_return false;
                }
                finished = step.state == http::ParseState::complete;
                used = step.consumed;
                data = step.data;
                if (data.empty() && used == 0) break;
            }
            response_complete_ = finished;
            if (!data.empty() || finished) {
                const bool sent = co_await send_body(data);
                if (!sent) co_return false;
            }
            from.buffer.consume(used);
        }
        if (finished) break;
        if (!state_.out.empty()) {  // the head must not wait
            const bool sent = co_await send_body({});
            if (!sent) co_return false;
        }
        if (record_.response_bytes > 64 * 1024 && from.buffer.empty()) from.buffer.enlarge();
        char* room = from.buffer.room();
        if (from.buffer.room_bytes() == 0) {
            from.buffer.enlarge();
            room = from.buffer.room();
        }
        const uint64_t deadline =
            worker_.loop().now_ns() + upstream().plan().stream_idle_timeout_ms * kNsPerMs;
        const io::IoResult got =
            co_await from.socket.read(room, from.buffer.room_bytes(), deadline);
        if (got.ok()) {
            from.buffer.produced(got.bytes);
            continue;
        }
        if (got.status == io::IoStatus::eof && kind == http::BodyKind::until_close) {
            response_complete_ = finished = true;
            if (!co_await send_body({})) co_return false;
            break;
        }
        upstream_failed_mid_body(got.status);
        co_return false;
    }
    co_return true;
}

// One piece of body to the client in its framing, preceded by the head if that is still to go, and
// followed by the end of a chunked body when response_complete_.
io::Task<bool> ExchangeRun::send_body(std::string_view data) {
    std::string_view tail;
    if (client_framing_ == http::BodyKind::chunked) {
        if (!data.empty()) {
            char size_line[24];
            char* end = http::write_chunk_size(size_line, data.size());
            state_.out.append(size_line, end);
            tail = "\r\n";
        }
        if (response_complete_) {
            state_.chunk.assign(data.empty() ? "0\r\n" : "\r\n0\r\n");
            state_.chunk += response_chunks_.trailers();
            state_.chunk += "\r\n";
            tail = state_.chunk;
        }
    }
    if (record_.response_head_ns == 0) record_.response_head_ns = now();
    const io::IoResult sent = co_await connection_.socket.write(
        state_.out, listener().write_timeout_ms * kNsPerMs, data, tail);
    state_.out.clear();
    if (sent.ok()) {
        record_.response_bytes += data.size();
        co_return true;
    }
    client_failed(sent.status);
    co_return false;
}

void ExchangeRun::client_failed(io::IoStatus status) {
    connection_.keep_alive = false;
    // The rest of what it did not take would stay in the kernel for minutes.
    if (status == io::IoStatus::timeout) connection_.reset_at_end = true;
    attempt_.result = AttemptResult::cancelled;
    end_attempt();
    end(status == io::IoStatus::timeout ? Ending::client_write_timeout
        : cut_off_ && !client_gone_     ? Ending::shutdown
                                        : Ending::client_abort);
}

// The response broke off: the client must see that it did, so its connection is closed without the
// end of the body having been sent.
void ExchangeRun::upstream_failed_mid_body(io::IoStatus status) {
    connection_.keep_alive = false;
    connection_.input_left = false;
    // A body that ends with its connection would look whole if that ended in order.
    if (client_framing_ == http::BodyKind::until_close) connection_.reset_at_end = true;
    if (client_gone_ || cut_off_) {
        client_failed(io::IoStatus::cancelled);
        return;
    }
    if (pump_ending_ != Ending::completed) {
        attempt_.result = AttemptResult::cancelled;
        end_attempt();
        end(pump_ending_);
        return;
    }
    attempt_.result =
        status == io::IoStatus::timeout ? AttemptResult::body_timeout : AttemptResult::body_reset;
    end_attempt();
    end(status == io::IoStatus::timeout ? Ending::upstream_body_timeout
                                        : Ending::upstream_body_reset);
}

// ---- upgraded connections ----------------------------------------------------------------------

io::Task<void> ExchangeRun::tunnel() {
    connection_.socket.set_hangup_hook(nullptr, nullptr);
    connection_.keep_alive = false;
    connection_.input_left = false;
    record_.stream = iequals(state_.response.upgrade, "websocket") ? model::StreamKind::websocket
                                                                   : model::StreamKind::other;
    record_.response_head_ns = now();
    client_framing_ = http::BodyKind::none;
    UpstreamConnection& from = *upstream_connection_;
    const std::string_view first = from.buffer.view();
    if (!co_await send_body(first)) co_return;
    from.buffer.consume(first.size());
    tunnel_active_ns_ = now();
    pump_.start(tunnel_client_to_upstream());
    while (true) {
        char* const room = from.buffer.room();
        const io::IoResult got = co_await from.socket.read(room, from.buffer.room_bytes(),
                                                           tunnel_active_ns_ + tunnel_idle_ns());
        if (tunnel_still_active(got)) continue;
        if (!got.ok()) break;
        tunnel_active_ns_ = worker_.loop().now_ns();
        const io::IoResult sent =
            co_await connection_.socket.write({room, got.bytes}, tunnel_idle_ns());
        if (!sent.ok()) break;
        record_.response_bytes += got.bytes;
    }
    co_await stop_pump();
    attempt_.result = AttemptResult::response;
    end_attempt();
    end(cut_off_ ? Ending::shutdown : Ending::upgraded);
}

io::Task<void> ExchangeRun::tunnel_client_to_upstream() {
    io::Buffer& buffer = connection_.buffer;
    while (true) {
        if (buffer.empty()) {
            char* const room = buffer.room();
            const io::IoResult got = co_await connection_.socket.read(
                room, buffer.room_bytes(), tunnel_active_ns_ + tunnel_idle_ns());
            if (tunnel_still_active(got)) continue;
            if (!got.ok()) break;
            tunnel_active_ns_ = worker_.loop().now_ns();
            buffer.produced(got.bytes);
        }
        const std::string_view bytes = buffer.view();
        const io::IoResult sent =
            co_await upstream_connection_->socket.write(bytes, tunnel_idle_ns());
        if (!sent.ok()) break;
        record_.request_bytes += bytes.size();
        buffer.consume(bytes.size());
    }
    upstream_connection_->socket.cancel();
}

uint64_t ExchangeRun::tunnel_idle_ns() const noexcept {
    return upstream().plan().stream_idle_timeout_ms * kNsPerMs;
}

// A tunnel is idle when both directions are.
bool ExchangeRun::tunnel_still_active(const io::IoResult& got) const noexcept {
    return got.status == io::IoStatus::timeout &&
           worker_.loop().now_ns() < tunnel_active_ns_ + tunnel_idle_ns();
}

}  // namespace glassgate::proxy
