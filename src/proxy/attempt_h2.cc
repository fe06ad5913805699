// An attempt over a stream of an HTTP/2 connection. The story is that of attempt.cc.
#include "base/clock.h"
#include "http/h2/write_head.h"
#include "http/websocket.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

using model::AttemptResult;

// Opens the stream with the request's head. False: the link takes none just now.
bool ExchangeRun::request_stream(H2Upstream& link) {
    if (!link.can_request()) return false;
    const http::UpstreamRequest request = upstream_request();
    const bool tunnel = http::h2::becomes_extended_connect(request);
    http::h2::write_upstream_head(worker_.fields(), request,
                                  upstream().plan().tls ? "https" : "http");
    head_error_ = http::ParseError::none;
    const bool end = !tunnel && body_is_here() && request.body == http::BodyKind::none;
    http::h2::Stream* const stream = link.session().request(worker_.fields(), end, nullptr);
    if (stream == nullptr) return false;
    upstream_h2_.emplace(link, *stream);
    upstream_h2_->set_head_hook(&ExchangeRun::on_upstream_head, this);
    link.want_flush();
    attempt_.address = state_.keep(link.address());
    return true;
}

bool ExchangeRun::becomes_tunnel_stream() const noexcept {
    return http::asks_for_websocket(state_.request);
}

// RFC 8441 §3: not before the peer's SETTINGS have allowed for it. False: failed, and why is
// stated.
io::Task<bool> ExchangeRun::request_tunnel_stream(H2Upstream& link) {
    if (!link.knows_peer()) {
        LinkWait wait;
        link_wait_ = &wait;
        const AttemptResult known = co_await link.wait_for_peer(wait);
        link_wait_ = nullptr;
        if (known != AttemptResult::response) {
            fail_attempt(known);
            co_return false;
        }
    }
    attempt_.connected_ns = attempt_.reused ? attempt_.start_ns : now();
    if (!link.session().peer_takes_extended_connect()) {
        record_.detail = state_.keep("the upstream takes no WebSocket over HTTP/2 (RFC 8441)");
        fail_attempt(AttemptResult::malformed);
        co_return false;
    }
    if (request_stream(link)) co_return true;
    fail_attempt(AttemptResult::reset);
    co_return false;
}

io::Task<bool> ExchangeRun::attempt_h2() {
    if (!client_still_there()) co_return false;
    const bool whole = body_is_here();
    const std::string_view body = whole ? whole_body() : std::string_view();
    io::IoResult sent;
    if (!body.empty())
        sent = co_await upstream_h2_->write(body, {}, true,
                                            upstream().plan().response_timeout_ms * kNsPerMs);
    // A stream that was closed while its body was on the way may have been answered.
    if (sent.status == io::IoStatus::reset && upstream_h2_->heard() == MuxStream::Heard::head)
        sent.status = io::IoStatus::ok;
    if (!note_h2_sent(sent, whole)) co_return false;
    const bool answered = co_await receive_h2_head();
    co_return answered;
}

// A stream the upstream did not begin with may be sent again, whatever the method.
bool ExchangeRun::note_h2_sent(const io::IoResult& sent, bool whole) {
    if (!sent.ok() && upstream_h2_->stream().end().safe_to_retry()) attempt_.reused = true;
    return note_sent(sent, whole);
}

io::Task<bool> ExchangeRun::receive_h2_head() {
    while (true) {
        const io::IoStatus status = co_await upstream_h2_->head(response_deadline_ns());
        if (status != io::IoStatus::ok) {
            if (upstream_h2_->stream().end().safe_to_retry())
                attempt_.reused = true;
            else
                answer_begun_ = status == io::IoStatus::reset;  // it saw the request
            io::IoResult got;
            got.status = status;
            const bool go_on = note_received(got);
            if (!go_on) co_return false;
            continue;
        }
        answer_begun_ = true;
        if (head_error_ != http::ParseError::none) {
            record_.detail = state_.keep(http::to_text(head_error_));
            fail_attempt(AttemptResult::malformed);
            co_return false;
        }
        if (upstream_h2_->heard() == MuxStream::Heard::head) break;
        upstream_h2_->interim_done();
        const bool relayed = co_await relay_interim();
        if (!relayed) co_return false;
    }
    http::ResponseHead& head = state_.response;
    if (state_.request.has_upgrade && head.status >= 200 && head.status < 300 &&
        http::asks_for_websocket(state_.request))
        http::accept_as_upgrade(head, http::find(state_.request.headers, "sec-websocket-key"),
                                state_.arena);
    attempt_.first_byte_ns = turn_ns();
    attempt_.status = head.status;
    co_return true;
}

void ExchangeRun::on_upstream_head(void* self, MuxStream::Heard heard) {
    static_cast<ExchangeRun*>(self)->read_upstream_head(heard);
}

// Inside the session's call, while it has the head.
void ExchangeRun::read_upstream_head(MuxStream::Heard) {
    head_error_ = upstream_h2_->session().read_response(upstream_h2_->stream(), state_.response,
                                                        state_.upstream_head);
}

}  // namespace glassgate::proxy
