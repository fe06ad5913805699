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
        const io::IoResult got =
            co_await client().read(room, buffer.room_bytes(), worker_.loop().now_ns() + timeout_ns);
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
    client().cancel();
    if (upstream_connection_) upstream_connection_->socket.cancel();
    co_await pump_.join();
    if (!cut_off_) client().uncancel();
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

namespace {

// Up to here a piece of body is copied behind the head, and pieces behind one another, so that one
// send carries them: copying costs less than another part of a sendmsg.
constexpr std::size_t kCopyBytes = 4096;
constexpr std::size_t kBatchBytes = 16 * 1024;
// A body that is already so long is read in larger steps.
constexpr uint64_t kBulkBytes = 32 * 1024;

}  // namespace

// The head for the client, in state_.out, and how its body will be framed.
void ExchangeRun::begin_response() {
    const http::ResponseHead& head = state_.response;
    run_response_policies(head.status, &head);
    const bool to_http10 = state_.request.version == http::Version::http10;
    client_framing_ = head.body;
    if (head.body == http::BodyKind::until_close || head.body == http::BodyKind::chunked)
        client_framing_ = to_http10 ? http::BodyKind::until_close : http::BodyKind::chunked;
    if (client_framing_ == http::BodyKind::until_close || connection_.ends_soon())
        connection_.keep_alive = false;
    connection_.keep_alive = connection_.keep_alive && request_complete_;
    if (!request_complete_) connection_.input_left = true;

    http::ClientResponse out;
    out.head = &head;
    out.client_version = state_.request.version;
    out.via = "glassgate";
    out.keep_alive = connection_.keep_alive;
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
    record_.response_head_ns = turn_ns();
    if (http::find(head.headers, http::KnownHeader::content_type).starts_with("text/event-stream"))
        record_.stream = model::StreamKind::sse;
    upstream_keep_alive_ = head.keep_alive;
    response_left_ = head.content_length;
    response_complete_ = head.body == http::BodyKind::none ||
                         (head.body == http::BodyKind::length && response_left_ == 0);
    out_bytes_ = 0;
}

void ExchangeRun::end_response() {
    attempt_.result = AttemptResult::response;
    end_attempt();
    end(Ending::completed);
    if (request_complete_) {
        // All of the request is in: drop the replayable body from the buffer.
        connection_.buffer.consume(body_buffered_);
        body_buffered_ = 0;
    }
    reusable_ = upstream_keep_alive_ && request_complete_ &&
                state_.response.body != http::BodyKind::until_close;
}

// What goes to the client next: state_.out, and behind it `piece`, taken from what the upstream has
// sent. Small runs are copied into state_.out. False: the upstream's framing is broken.
bool ExchangeRun::next_piece(Piece& piece) {
    io::Buffer& buffer = upstream_connection_->buffer;
    piece = {};
    while (!buffer.empty() && !response_complete_ && !response_broken_) {
        piece.data = buffer.view();
        piece.used = piece.data.size();
        if (state_.response.body == http::BodyKind::length) {
            piece.data = piece.data.substr(0, response_left_);
            piece.used = piece.data.size();
            response_left_ -= piece.used;
            response_complete_ = response_left_ == 0;
        } else if (state_.response.body == http::BodyKind::chunked) {
            const auto step = response_chunks_.decode(piece.data);
            if (step.state == http::ParseState::failed) {
                record_.detail = state_.keep(http::to_text(step.error));
                response_broken_ = true;
                piece = {};
                break;
            }
            response_complete_ = step.state == http::ParseState::complete;
            piece.data = step.data;
            piece.used = step.consumed;
            if (piece.used == 0) break;
        }
        frame(piece);
        if (piece.data.size() > kCopyBytes || state_.out.size() > kBatchBytes) return true;
        state_.out.append(piece.data).append(piece.tail);
        out_bytes_ += piece.data.size();
        buffer.consume(piece.used);
        piece = {};
    }
    // What came before the fault is the client's.
    if (!response_broken_ || !state_.out.empty()) return true;
    upstream_failed_mid_body(io::IoStatus::reset);
    return false;
}

// In the client's framing: what goes before into state_.out, what goes behind into the tail.
void ExchangeRun::frame(Piece& piece) {
    if (client_framing_ != http::BodyKind::chunked) return;
    if (!piece.data.empty()) {
        char size_line[24];
        char* end = http::write_chunk_size(size_line, piece.data.size());
        state_.out.append(size_line, end);
        piece.tail = "\r\n";
    }
    if (response_complete_) {
        state_.chunk.assign(piece.data.empty() ? "0\r\n" : "\r\n0\r\n");
        state_.chunk += response_chunks_.trailers();
        state_.chunk += "\r\n";
        piece.tail = state_.chunk;
    }
}

bool ExchangeRun::note_relayed(const io::IoResult& sent, const Piece& piece) {
    if (!sent.ok()) {
        client_failed(sent.status);
        return false;
    }
    record_.response_bytes += out_bytes_ + piece.data.size();
    state_.out.clear();
    out_bytes_ = 0;
    upstream_connection_->buffer.consume(piece.used);
    return true;
}

// The body behind what went with the head. False: it broke off, and the ending is stated.
io::Task<bool> ExchangeRun::relay_rest() {
    UpstreamConnection& from = *upstream_connection_;
    const uint64_t stall_ns = listener().write_timeout_ms * kNsPerMs;
    Piece piece;
    while (true) {
        if (!next_piece(piece)) co_return false;
        if (!state_.out.empty() || !piece.data.empty() || !piece.tail.empty()) {
            const io::IoResult sent =
                co_await client().write(state_.out, stall_ns, piece.data, piece.tail);
            if (!note_relayed(sent, piece)) co_return false;
            continue;
        }
        if (response_complete_) co_return true;
        if (record_.response_bytes > kBulkBytes || from.buffer.room_bytes() == 0)
            from.buffer.enlarge();
        char* const room = from.buffer.room();
        const uint64_t idle_ns = upstream().plan().stream_idle_timeout_ms * kNsPerMs;
        const io::IoResult got =
            co_await from.socket.read(room, from.buffer.room_bytes(), turn_ns() + idle_ns);
        if (!note_body_received(got)) co_return false;
    }
}

bool ExchangeRun::note_body_received(const io::IoResult& got) {
    if (got.ok()) {
        upstream_connection_->buffer.produced(got.bytes);
        return true;
    }
    if (got.status == io::IoStatus::eof && state_.response.body == http::BodyKind::until_close) {
        response_complete_ = true;
        Piece last;
        frame(last);
        state_.out.append(last.tail);
        return true;
    }
    upstream_failed_mid_body(got.status);
    return false;
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
    client().set_hangup_hook(nullptr, nullptr);
    connection_.keep_alive = false;
    connection_.input_left = false;
    record_.stream = iequals(state_.response.upgrade, "websocket") ? model::StreamKind::websocket
                                                                   : model::StreamKind::other;
    UpstreamConnection& from = *upstream_connection_;
    Piece first;
    first.data = from.buffer.view();
    first.used = first.data.size();
    const io::IoResult begun =
        co_await client().write(state_.out, listener().write_timeout_ms * kNsPerMs, first.data);
    if (!note_relayed(begun, first)) co_return;
    tunnel_active_ns_ = now();
    pump_.start(tunnel_client_to_upstream());
    while (true) {
        char* const room = from.buffer.room();
        const io::IoResult got = co_await from.socket.read(room, from.buffer.room_bytes(),
                                                           tunnel_active_ns_ + tunnel_idle_ns());
        if (tunnel_still_active(got)) continue;
        if (!got.ok()) break;
        tunnel_active_ns_ = worker_.loop().now_ns();
        const io::IoResult sent = co_await client().write({room, got.bytes}, tunnel_idle_ns());
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
            const io::IoResult got = co_await client().read(room, buffer.room_bytes(),
                                                            tunnel_active_ns_ + tunnel_idle_ns());
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
