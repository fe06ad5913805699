// One attempt: a target, a connection, the request sent, a response head received.
#include <algorithm>

#include "base/clock.h"
#include "http/h2/write_head.h"
#include "http/trace_context.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {
namespace {

using model::AttemptResult;
using model::Ending;

Ending ending_of(AttemptResult result) {
    switch (result) {
        case AttemptResult::dns_failed:
            return Ending::upstream_dns_failed;
        case AttemptResult::connect_failed:
            return Ending::upstream_connect_failed;
        case AttemptResult::connect_timeout:
            return Ending::upstream_connect_timeout;
        case AttemptResult::tls_failed:
            return Ending::upstream_tls_failed;
        case AttemptResult::timeout:
            return Ending::upstream_timeout;
        case AttemptResult::reset:
            return Ending::upstream_reset;
        case AttemptResult::malformed:
            return Ending::upstream_malformed;
        case AttemptResult::body_reset:
            return Ending::upstream_body_reset;
        case AttemptResult::body_timeout:
            return Ending::upstream_body_timeout;
        case AttemptResult::response:
            return Ending::completed;
        case AttemptResult::cancelled:
            break;
    }
    return Ending::client_abort;
}

// Whole segments only: without /api, /api/x is /x, but /apix stays.
std::string_view without_prefix(std::string_view path, std::string_view prefix) {
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    if (prefix.empty() || !path.starts_with(prefix)) return path;
    const std::string_view rest = path.substr(prefix.size());
    if (rest.empty()) return "/";
    return rest[0] == '/' ? rest : path;
}

// The target as a Host header names it: without the scheme's own port.
std::string_view host_of(const TargetPlan& target, bool tls) {
    std::string_view host = target.label;
    if (!tls && target.port == 80 && host.ends_with(":80")) host.remove_suffix(3);
    if (tls && target.port == 443 && host.ends_with(":443")) host.remove_suffix(4);
    return host;
}

}  // namespace

io::Task<bool> ExchangeRun::attempt() {
    uint32_t target = 0;
    if (!pick_target(target)) co_return false;
    bool connected = take_pooled(target);
    if (!connected) connected = co_await connect_to(target);
    if (!connected) co_return false;
    if (upstream_h2_) {
        const bool answered = co_await attempt_h2();
        co_return answered;
    }
    attempt_.address = state_.keep(upstream_connection_->address);
    if (!client_still_there()) co_return false;

    state_.out.clear();
    http::append_upstream_head(state_.out, upstream_request());
    const bool whole = body_is_here();
    const std::string_view body = whole ? whole_body() : std::string_view();
    io::Socket& up = upstream_connection_->socket;
    const io::IoResult sent =
        co_await up.write(state_.out, upstream().plan().response_timeout_ms * kNsPerMs, body);
    if (!note_sent(sent, whole)) co_return false;

    io::Buffer& buffer = upstream_connection_->buffer;
    resume_ = 0;
    Step head = parse_response_head();
    while (head == Step::waits) {
        if (interim_) {
            const bool relayed = co_await relay_interim();
            if (!relayed) co_return false;
        } else {
            if (buffer.room() != nullptr && buffer.room_bytes() == 0) buffer.enlarge();
            const io::IoResult got =
                co_await up.read(buffer.room(), buffer.room_bytes(), response_deadline_ns());
            if (!note_received(got)) co_return false;
        }
        head = parse_response_head();
    }
    co_return head == Step::done;
}

bool ExchangeRun::pick_target(uint32_t& target) {
    attempt_ = {};
    answer_begun_ = false;
    attempt_.upstream = upstream_index_;
    attempt_.start_ns = now();
    attempt_.span_id = worker_.random().span_id();
    const Upstream::Pick picked = upstream().pick(tried_, target);
    if (picked == Upstream::Pick::none_healthy) {
        end(Ending::no_healthy_upstream);
        return false;
    }
    ++record_.attempt_count;
    if (picked == Upstream::Pick::unresolved) {
        attempt_.target = 0;
        fail_attempt(AttemptResult::dns_failed);
        return false;
    }
    attempt_.target = target;
    if (target < 64) tried_ |= uint64_t{1} << target;
    upstream().attempt_started(target);
    return true;
}

bool ExchangeRun::take_pooled(uint32_t target) {
    if (H2Upstream* const link = upstream().link(target)) {
        if (becomes_tunnel_stream() || !request_stream(*link)) return false;
        attempt_.reused = true;
    } else {
        upstream_connection_ = upstream().take_idle(target);
        if (!upstream_connection_) return false;
        attempt_.reused = true;
    }
    attempt_.connected_ns = attempt_.start_ns;
    return true;
}

// Over HTTP/2 one connects for all: the others wait for what comes of it.
io::Task<bool> ExchangeRun::connect_to(uint32_t target) {
    Upstream& up = upstream();
    while (up.is_linking(target)) {
        LinkWait wait;
        link_wait_ = &wait;
        const AttemptResult linked = co_await up.wait_for_link(target, wait);
        link_wait_ = nullptr;
        if (linked != AttemptResult::response) {
            fail_attempt(linked);
            co_return false;
        }
        if (take_pooled(target)) co_return true;
    }
    if (H2Upstream* const link = becomes_tunnel_stream() ? up.link(target) : nullptr) {
        attempt_.reused = true;
        const bool open = co_await request_tunnel_stream(*link);
        co_return open;
    }
    if (!up.begin_connect(target)) co_return overflow(target);
    Upstream::Opened opened = co_await up.open(target, &connecting_, connection_);
    connecting_ = nullptr;
    up.end_connect(opened.result == AttemptResult::response);
    if (!opened.detail.empty()) record_.detail = state_.keep(opened.detail);
    if (opened.result != AttemptResult::response) {
        fail_attempt(opened.result);
        co_return false;
    }
    attempt_.connected_ns = now();
    upstream_connection_ = std::move(opened.connection);
    if (upstream_connection_) co_return true;
    if (opened.link != nullptr && becomes_tunnel_stream()) {
        const bool tunnelled = co_await request_tunnel_stream(*opened.link);
        co_return tunnelled;
    }
    const bool open = opened.link != nullptr && request_stream(*opened.link);
    if (!open) fail_attempt(AttemptResult::reset);
    co_return open;
}

// No attempt: there is no room for one.
bool ExchangeRun::overflow(uint32_t target) {
    upstream().attempt_finished(target, false);
    --record_.attempt_count;
    end(Ending::upstream_overflow);
    return false;
}

bool ExchangeRun::client_still_there() {
    if (!client_gone_ && !cut_off_ && !client_left()) return true;
    client_gone_ |= !cut_off_;
    fail_attempt(AttemptResult::cancelled);
    return false;
}

// What goes upstream, as views into the exchange's state.
http::UpstreamRequest ExchangeRun::upstream_request() {
    const http::RequestHead& head = state_.request;
    const UpstreamPlan& settings = upstream().plan();
    http::UpstreamRequest out;
    out.head = &head;
    out.path_prefix = settings.path_prefix;
    out.path = route().api ? std::string_view(state_.destination)
                           : without_prefix(path(), route().strip_prefix);
    out.host = settings.preserve_host
                   ? head.authority
                   : host_of(settings.targets[attempt_.target], settings.tls != nullptr);
    out.via = "glassgate";
    out.forwarded_for = connection_.peer_address;
    out.forwarded_proto = model::to_text(record_.scheme);
    out.forwarded_host = head.authority;
    out.keep_forwarded = !listener().trust_forwarded.empty() &&
                         listener().trust_forwarded.matches(connection_.peer_address);
    char id[32];
    out.request_id = state_.arena.keep(request_id(id));
    std::string& scratch = state_.chunk;
    scratch.clear();
    if (plan().trace.enabled) {
        http::append_traceparent(scratch, record_.trace_id, attempt_.span_id, record_.sampled);
        const std::size_t split = scratch.size();
        const auto& formats = plan().trace.propagation;
        if (std::find(formats.begin(), formats.end(), TraceFormat::b3) != formats.end())
            http::append_b3(scratch, record_.trace_id, attempt_.span_id, record_.sampled);
        out.traceparent = std::string_view(scratch).substr(0, split);
        out.b3 = std::string_view(scratch).substr(split);
        out.tracestate = std::string_view(state_.text)
                             .substr(record_.trace_state.offset, record_.trace_state.length);
    }
    out.upgrade = head.has_upgrade;
    out.body = head.body;
    out.content_length = head.content_length;
    out.edits = &state_.policy_request.upstream_edits;
    return out;
}

// Nothing of the request is still to come.
bool ExchangeRun::body_is_here() noexcept {
    http::RequestHead& head = state_.request;
    if (body_unseen_) return false;
    if (client_h2_ != nullptr && head.body != http::BodyKind::none) {
        if (!client_h2_->is_last() || !client_h2_->stream().trailers().empty()) return false;
        // All is here, so its length is known, though the client did not say it.
        head.body = http::BodyKind::length;
        head.content_length = client_h2_->received().size();
        return true;
    }
    return head.body == http::BodyKind::none ||
           (head.body == http::BodyKind::length &&
            head.content_length <= connection_.buffer.view().size());
}

// Then: the body. It stays in the buffer until the response is there, for another attempt.
std::string_view ExchangeRun::whole_body() {
    if (state_.request.body == http::BodyKind::none) return {};
    body_buffered_ = state_.request.content_length;
    record_.request_bytes = body_buffered_;
    return client_bytes().substr(0, body_buffered_);
}

bool ExchangeRun::note_sent(const io::IoResult& sent, bool whole) {
    if (sent.ok()) {
        if (whole) {
            request_complete_ = true;
            record_.request_sent_ns = turn_ns();
        } else {
            pump_.start(pump_request_body());
        }
        return true;
    }
    if (client_gone_ || cut_off_)
        fail_attempt(AttemptResult::cancelled);
    else
        fail_attempt(sent.status == io::IoStatus::timeout ? AttemptResult::timeout
                                                          : AttemptResult::reset);
    return false;
}

uint64_t ExchangeRun::response_timeout_ns() const noexcept {
    const uint32_t override_ms = state_.policy_request.response_timeout_ms;
    return (override_ms != 0 ? override_ms : upstream().plan().response_timeout_ms) * kNsPerMs;
}

uint64_t ExchangeRun::stream_idle_timeout_ns() const noexcept {
    const uint32_t override_ms = state_.policy_request.stream_idle_timeout_ms;
    return (override_ms != 0 ? override_ms : upstream().plan().stream_idle_timeout_ms) * kNsPerMs;
}

// A gRPC call has a deadline of its own; it may be later or earlier than ours.
uint64_t ExchangeRun::within_call(uint64_t deadline_ns) const noexcept {
    return call_deadline_ns_ != 0 ? std::min(call_deadline_ns_, deadline_ns) : deadline_ns;
}

// The clock starts when the request is out; while the client still sends, it is not late.
uint64_t ExchangeRun::response_deadline_ns() const noexcept {
    return within_call((request_complete_ ? record_.request_sent_ns : turn_ns()) +
                       response_timeout_ns());
}

// Of what is in the buffer. `waits`: for more, or until an interim response has been handed on
// (then interim_ says how long it is).
ExchangeRun::Step ExchangeRun::parse_response_head() {
    io::Buffer& buffer = upstream_connection_->buffer;
    buffer.consume(std::exchange(interim_, 0));
    if (buffer.empty()) return Step::waits;
    const http::HeadLimits limits;
    http::ResponseHead& head = state_.response;
    const http::ParseResult parsed =
        http::parse_response_head(buffer.view(), limits, state_.request.method, resume_, head);
    if (parsed.state == http::ParseState::incomplete) return Step::waits;
    const bool failed = parsed.state == http::ParseState::failed;
    if (failed || (head.switching && !state_.request.has_upgrade)) {
        record_.detail = state_.keep(failed ? http::to_text(parsed.error)
                                            : "101 without having been asked for an upgrade");
        fail_attempt(AttemptResult::malformed);
        return Step::failed;
    }
    if (head.status < 200 && !head.switching) {
        interim_ = parsed.consumed;
        resume_ = 0;
        return Step::waits;
    }
    buffer.consume(parsed.consumed);
    if (!websocket_is_answered()) return Step::failed;
    attempt_.first_byte_ns = turn_ns();
    attempt_.status = head.status;
    return Step::done;
}

// False: no response will come, and the attempt has failed.
bool ExchangeRun::note_received(const io::IoResult& got) {
    if (got.ok()) {
        upstream_connection_->buffer.produced(got.bytes);
        answer_begun_ = true;
        return true;
    }
    if (got.status == io::IoStatus::timeout &&
        (!request_complete_ || turn_ns() < response_deadline_ns()) &&
        within_call(UINT64_MAX) > turn_ns())
        return true;
    if (client_gone_ || got.status == io::IoStatus::cancelled)
        fail_attempt(AttemptResult::cancelled);
    else
        fail_attempt(got.status == io::IoStatus::timeout ? AttemptResult::timeout
                                                         : AttemptResult::reset);
    return false;
}

// 100 (Continue), 103 (Early Hints): handed on as they come, to clients that know them.
io::Task<bool> ExchangeRun::relay_interim() {
    if (state_.request.version == http::Version::http10) co_return true;
    http::ClientResponse out;
    out.head = &state_.response;
    out.via = "glassgate";
    if (client_h2_ != nullptr) {
        http::h2::write_client_head(worker_.fields(), out);
        client_h2_->interim(worker_.fields());
        co_return true;
    }
    state_.out.clear();
    http::append_client_head(state_.out, out);
    const io::IoResult sent =
        co_await client().write(state_.out, listener().write_timeout_ms * kNsPerMs);
    if (sent.ok()) co_return true;
    client_gone_ = true;
    fail_attempt(AttemptResult::cancelled);
    co_return false;
}

void ExchangeRun::fail_attempt(AttemptResult result) {
    attempt_.result = result;
    end_attempt();
    // A request body that broke off on the client's side is the client's doing.
    const bool stopped = result == AttemptResult::cancelled && cut_off_ && !client_gone_;
    end(pump_ending_ != Ending::completed ? pump_ending_
        : stopped                         ? Ending::shutdown
                                          : ending_of(result));
}

void ExchangeRun::end_attempt() {
    attempt_.end_ns = turn_ns();
    const bool failed =
        attempt_.result != AttemptResult::response && attempt_.result != AttemptResult::cancelled;
    if (attempt_.result != AttemptResult::dns_failed)
        upstream().attempt_finished(attempt_.target, failed || attempt_.status >= 500);
    if (!record_.attempts.push_back(attempt_))
        record_.attempts.back() = attempt_;  // the last one counts most
}

void ExchangeRun::release_upstream(bool reusable) {
    upstream_h2_.reset();  // one that is not over is reset
    if (!upstream_connection_) return;
    if (reusable)
        upstream().give_back(std::move(upstream_connection_));
    else
        upstream().drop(std::move(upstream_connection_));
}

// One that has a place keeps it until the exchange is over.
bool ExchangeRun::take_retry() {
    if (!holds_retry_) holds_retry_ = upstream().take_retry_place();
    return holds_retry_ && upstream().take_retry();
}

bool ExchangeRun::may_retry() {
    const RetryPlan& retries = upstream().plan().retries;
    if (response_begun_ || !body_replayable_ || record_.attempt_count > retries.attempts)
        return false;
    if (record_.attempts.empty() || attempt_.end_ns == 0) return false;
    if (call_deadline_ns_ != 0 && turn_ns() >= call_deadline_ns_) return false;
    bool allowed = false;
    switch (attempt_.result) {
        case AttemptResult::connect_failed:
        case AttemptResult::connect_timeout:
            allowed = retries.on_connect_failure;
            break;
        case AttemptResult::reset:
            // A pooled connection the upstream had closed: no byte came back, it saw no request.
            // Otherwise only what may be repeated without harm (RFC 9110 §9.2.2).
            allowed = retries.on_reset &&
                      ((attempt_.reused && !answer_begun_) || is_idempotent(record_.method));
            break;
        default:
            break;
    }
    return allowed && take_retry();
}

bool ExchangeRun::retries_answer() {
    const RetryPlan& retries = upstream().plan().retries;
    const uint16_t status = attempt_.status;
    const bool listed = (status == 502 && retries.on_502) || (status == 503 && retries.on_503) ||
                        (status == 504 && retries.on_504);
    return listed && body_replayable_ && record_.attempt_count <= retries.attempts &&
           is_idempotent(record_.method) && take_retry();
}

}  // namespace glassgate::proxy
