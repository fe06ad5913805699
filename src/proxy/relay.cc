// Bodies on their way through. Each direction holds one buffer: what was read is written before
// more is read, so a slow reader slows its writer down and memory does not grow.
#include "base/clock.h"
#include "base/text.h"
#include "http/grpc.h"
#include "http/h2/write_head.h"
#include "http/websocket.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

using model::AttemptResult;
using model::Ending;

// ---- request body, beside the response ---------------------------------------------------------

io::Task<void> ExchangeRun::pump_request_body() {
    body_replayable_ = false;
    const uint64_t timeout_ns = listener().body_timeout_ms * kNsPerMs;
    while (!request_complete_) {
        const Part part = take_request_part();
        if (!part.good) break;
        if (part.used != 0 || request_complete_) {
            const bool go_on = co_await send_request_part(part);
            client_consume(part.used);
            if (!go_on) break;
            continue;
        }
        io::IoResult got;
        if (client_h2_ == nullptr) {
            io::Buffer& buffer = connection_.buffer;
            if (buffer.room() != nullptr && buffer.room_bytes() == 0) buffer.enlarge();
            got =
                co_await client().read(buffer.room(), buffer.room_bytes(), turn_ns() + timeout_ns);
            if (got.ok()) buffer.produced(got.bytes);
        } else {
            got.status = co_await client_h2_->readable(turn_ns() + timeout_ns);
        }
        if (got.ok()) continue;
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
        fate_.keep_alive = false;
        if (!client_gone_) fate_.input_left = true;
        if (pump_ending_ != Ending::completed) interrupt();
    }
}

io::Task<void> ExchangeRun::stop_pump() {
    if (!pump_.running()) co_return;
    cancel_client();
    interrupt();
    co_await pump_.join();
    if (!cut_off_) uncancel_client();
}

std::string_view ExchangeRun::client_bytes() const noexcept {
    return client_h2_ == nullptr ? connection_.buffer.view() : client_h2_->received();
}
void ExchangeRun::client_consume(std::size_t bytes) {
    client_h2_ == nullptr ? connection_.buffer.consume(bytes) : client_h2_->consume(bytes);
}
std::string_view ExchangeRun::request_trailers() const noexcept {
    return client_h2_ == nullptr ? std::string_view(request_chunks_.trailers())
                                 : std::string_view(client_h2_->stream().trailers());
}
std::string_view ExchangeRun::upstream_bytes() const noexcept {
    return upstream_h2_ ? upstream_h2_->received() : upstream_connection_->buffer.view();
}
void ExchangeRun::upstream_consume(std::size_t bytes) {
    upstream_h2_ ? upstream_h2_->consume(bytes) : upstream_connection_->buffer.consume(bytes);
}
std::string_view ExchangeRun::response_trailers() const noexcept {
    return upstream_h2_ ? std::string_view(upstream_h2_->stream().trailers())
                        : std::string_view(response_chunks_.trailers());
}

// The next run of the body, of what the client has sent. Not good: give up, and why is stated.
ExchangeRun::Part ExchangeRun::take_request_part() {
    Part part;
    part.data = client_bytes();
    if (client_h2_ != nullptr) {
        part.used = part.data.size();
        request_complete_ = client_h2_->is_last();
    } else if (part.data.empty()) {
        return part;
    } else if (state_.request.body == http::BodyKind::length) {
        part.data = part.data.substr(0, body_left_);
        part.used = part.data.size();
        body_left_ -= part.used;
        request_complete_ = body_left_ == 0;
    } else {
        const auto step = request_chunks_.decode(part.data);
        part.used = step.consumed;
        part.data = step.data;
        request_complete_ = step.state == http::ParseState::complete;
        if (step.state == http::ParseState::failed) {
            record_.detail = state_.keep(http::to_text(step.error));
            pump_ending_ = Ending::malformed_request;
            part.good = false;
        }
    }
    record_.request_bytes += part.data.size();
    if (part.good && body_limit_ != 0 && record_.request_bytes > body_limit_) {
        request_complete_ = false;
        pump_ending_ = Ending::body_too_large;
        part.good = false;
    }
    if (part.good && state_.active->reads_body[record_.route] != 0 &&
        (!part.data.empty() || request_complete_) && !body_passes(part.data, request_complete_)) {
        request_complete_ = false;
        part.good = false;
    }
    return part;
}

// In the upstream's framing, with the end of the body behind its last part. False: give up.
io::Task<bool> ExchangeRun::send_request_part(Part part) {
    const uint64_t stall_ns = upstream().plan().response_timeout_ms * kNsPerMs;
    const std::string_view trailers = request_complete_ ? request_trailers() : std::string_view();
    io::IoResult sent;
    if (upstream_h2_) {
        const bool end = request_complete_ && trailers.empty();
        sent = co_await upstream_h2_->write(part.data, {}, end, stall_ns);
        if (sent.ok() && !trailers.empty()) upstream_h2_->finish(trailers);
    } else {
        char size_line[24];
        std::string_view framing, tail;
        if (state_.request.body == http::BodyKind::chunked) {
            if (!part.data.empty()) {
                char* end = http::write_chunk_size(size_line, part.data.size());
                framing = {size_line, static_cast<std::size_t>(end - size_line)};
                tail = "\r\n";
            }
            if (request_complete_) {
                request_tail_.assign(part.data.empty() ? "0\r\n" : "\r\n0\r\n");
                request_tail_ += trailers;
                request_tail_ += "\r\n";
                tail = request_tail_;
            }
        }
        if (framing.empty() && part.data.empty() && tail.empty()) co_return true;
        sent = co_await upstream_connection_->socket.write(framing, stall_ns, part.data, tail);
    }
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
    if (client_framing_ == http::BodyKind::until_close && client_h2_ == nullptr)
        fate_.keep_alive = false;
    if (connection_.ends_soon()) fate_.keep_alive = false;
    fate_.keep_alive = fate_.keep_alive && request_complete_;
    if (!request_complete_) fate_.input_left = true;

    http::ClientResponse out;
    out.head = &head;
    out.client_version = state_.request.version;
    out.via = "glassgate";
    out.keep_alive = fate_.keep_alive;
    const bool empty = upstream_h2_ && head.body == http::BodyKind::none &&
                       state_.request.method != Method::head && head.status >= 200 &&
                       head.status != 204 && head.status != 304;
    if (empty) client_framing_ = http::BodyKind::length;  // HTTP/1.1 must be told so
    out.body = client_framing_;
    out.content_length = head.content_length;
    out.upgrade = head.switching;
    char id[32];
    out.request_id = request_id(id);
    out.date = worker_.http_date();
    out.edits = &state_.policy_request.response_edits;
    response_left_ = head.content_length;
    response_complete_ =
        !head.switching &&
        (upstream_h2_ ? upstream_h2_->is_last() && upstream_bytes().empty()
                      : head.body == http::BodyKind::none ||
                            (head.body == http::BodyKind::length && response_left_ == 0));
    state_.out.clear();
    if (client_h2_ == nullptr) {
        http::append_client_head(state_.out, out);
    } else {
        http::h2::write_client_head(worker_.fields(), out);
        client_ended_ = response_complete_ && response_trailers().empty();
        client_h2_->respond(worker_.fields(), client_ended_);
    }
    response_begun_ = true;
    record_.status = head.switching && client_h2_ != nullptr ? 200 : head.status;
    record_.response_head_ns = turn_ns();
    if (record_.grpc) note_grpc_status(http::grpc::outcome_of_head(head).status);
    if (http::is_event_stream(http::find(head.headers, http::KnownHeader::content_type)))
        record_.stream = model::StreamKind::sse;
    upstream_keep_alive_ = head.keep_alive;
    out_bytes_ = 0;
}

void ExchangeRun::note_grpc_status(std::optional<http::grpc::Status> status) noexcept {
    if (status) record_.grpc_status = static_cast<int8_t>(*status);
}

// A call that lasted is a stream: its lifetime is no latency.
void ExchangeRun::end_grpc() noexcept {
    constexpr uint64_t kLastedNs = kNsPerSecond;
    if (record_.grpc_status < 0)
        note_grpc_status(http::grpc::outcome_of_trailers(response_trailers()).status);
    if (record_.grpc_status < 0) note_grpc_status(http::grpc::status_of_http(record_.status));
    if (turn_ns() > record_.response_head_ns + kLastedNs) record_.stream = model::StreamKind::grpc;
}

void ExchangeRun::end_response() {
    if (record_.grpc) end_grpc();
    attempt_.result = AttemptResult::response;
    end_attempt();
    end(Ending::completed);
    if (request_complete_) {
        // All of the request is in: drop the replayable body from the buffer.
        client_consume(body_buffered_);
        body_buffered_ = 0;
    }
    reusable_ = upstream_keep_alive_ && request_complete_ &&
                state_.response.body != http::BodyKind::until_close;
}

// What goes to the client next: state_.out, and behind it `piece`, taken from what the upstream has
// sent. Small runs are copied into state_.out. False: the upstream's framing is broken.
bool ExchangeRun::next_piece(Piece& piece) {
    piece = {};
    while (!response_complete_ && !response_broken_) {
        piece.data = upstream_bytes();
        piece.used = piece.data.size();
        if (upstream_h2_) response_complete_ = upstream_h2_->is_last();
        if (piece.data.empty() && !response_complete_) break;
        if (upstream_h2_) {
            // The session has seen to it that it fits what the head announced.
        } else if (state_.response.body == http::BodyKind::length) {
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
        upstream_consume(piece.used);
        piece = {};
    }
    // What came before the fault is the client's.
    if (!response_broken_ || !state_.out.empty()) return true;
    upstream_failed_mid_body(io::IoStatus::reset);
    return false;
}

// To an HTTP/2 client: what next_piece has found, and the end of the body behind its last bytes.
io::Task<io::IoResult> ExchangeRun::write_h2(Piece piece) {
    const std::string_view trailers = response_complete_ ? response_trailers() : std::string_view();
    const bool end = response_complete_ && trailers.empty();
    const io::IoResult sent = co_await client_h2_->write(state_.out, piece.data, end,
                                                         listener().write_timeout_ms * kNsPerMs);
    if (sent.ok() && response_complete_) {
        if (!trailers.empty()) client_h2_->finish(trailers);
        client_ended_ = true;
    }
    co_return sent;
}

// In the client's framing: what goes before into state_.out, what goes behind into the tail.
void ExchangeRun::frame(Piece& piece) {
    if (client_framing_ != http::BodyKind::chunked || client_h2_ != nullptr) return;
    if (!piece.data.empty()) {
        char size_line[24];
        char* end = http::write_chunk_size(size_line, piece.data.size());
        state_.out.append(size_line, end);
        piece.tail = "\r\n";
    }
    if (response_complete_) {
        state_.chunk.assign(piece.data.empty() ? "0\r\n" : "\r\n0\r\n");
        state_.chunk += response_trailers();
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
    upstream_consume(piece.used);
    return true;
}

// The body behind what went with the head. False: it broke off, and the ending is stated.
io::Task<bool> ExchangeRun::relay_rest() {
    const uint64_t stall_ns = listener().write_timeout_ms * kNsPerMs;
    Piece piece;
    while (true) {
        if (!next_piece(piece)) co_return false;
        const bool something = !state_.out.empty() || !piece.data.empty() || !piece.tail.empty();
        if (something || (response_complete_ && !response_is_out())) {
            io::IoResult sent;
            if (client_h2_ == nullptr) {
                sent = co_await client().write(state_.out, stall_ns, piece.data, piece.tail);
            } else {
                sent = co_await write_h2(piece);
            }
            if (!note_relayed(sent, piece)) co_return false;
            continue;
        }
        if (response_complete_) co_return true;
        const uint64_t deadline_ns = within_call(turn_ns() + stream_idle_timeout_ns());
        io::IoResult got;
        if (upstream_h2_) {
            got.status = co_await upstream_h2_->readable(deadline_ns);
        } else {
            io::Buffer& buffer = upstream_connection_->buffer;
            if (buffer.room() != nullptr &&
                (record_.response_bytes > kBulkBytes || buffer.room_bytes() == 0))
                buffer.enlarge();
            got = co_await upstream_connection_->socket.read(buffer.room(), buffer.room_bytes(),
                                                             deadline_ns);
        }
        if (!note_body_received(got)) co_return false;
    }
}

bool ExchangeRun::note_body_received(const io::IoResult& got) {
    if (got.ok()) {
        if (!upstream_h2_) upstream_connection_->buffer.produced(got.bytes);
        return true;
    }
    if (!upstream_h2_ && got.status == io::IoStatus::eof &&
        state_.response.body == http::BodyKind::until_close) {
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
    fate_.keep_alive = false;
    // The rest of what it did not take would stay in the kernel for minutes.
    if (status == io::IoStatus::timeout) fate_.reset_at_end = true;
    attempt_.result = AttemptResult::cancelled;
    end_attempt();
    end(status == io::IoStatus::timeout ? Ending::client_write_timeout
        : cut_off_ && !client_gone_     ? Ending::shutdown
                                        : Ending::client_abort);
}

// The response broke off: the client must see that it did, so its connection is closed without the
// end of the body having been sent.
void ExchangeRun::upstream_failed_mid_body(io::IoStatus status) {
    fate_.keep_alive = false;
    fate_.input_left = false;
    // A body that ends with its connection would look whole if that ended in order.
    if (client_framing_ == http::BodyKind::until_close) fate_.reset_at_end = true;
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

}  // namespace glassgate::proxy
