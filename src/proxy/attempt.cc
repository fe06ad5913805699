// One attempt: a target, a connection, the request sent, a response head received.
#include <algorithm>

#include "base/clock.h"
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
std::string_view host_of(const TargetPlan& target) {
    std::string_view host = target.label;
    if (target.port == 80 && host.ends_with(":80")) host.remove_suffix(3);
    return host;
}

}  // namespace

io::Task<bool> ExchangeRun::attempt() {
    Upstream& up = upstream();
    attempt_ = {};
    answer_begun_ = false;
    attempt_.upstream = route().upstream;
    attempt_.start_ns = now();
    attempt_.span_id = worker_.random().span_id();
    uint32_t target = 0;
    const Upstream::Pick picked = up.pick(tried_, target);
    if (picked == Upstream::Pick::none_healthy) {
        end(Ending::no_healthy_upstream);
        co_return false;
    }
    ++record_.attempt_count;
    if (picked == Upstream::Pick::unresolved) {
        attempt_.target = 0;
        fail_attempt(AttemptResult::dns_failed);
        co_return false;
    }
    attempt_.target = target;
    if (target < 64) tried_ |= uint64_t{1} << target;
    up.attempt_started(target);
    if (!co_await obtain_connection(up, target)) co_return false;
    const bool sent = co_await send_request();
    if (!sent) co_return false;
    co_return co_await receive_response_head();
}

io::Task<bool> ExchangeRun::obtain_connection(Upstream& up, uint32_t target) {
    upstream_connection_ = up.take_idle(target);
    if (upstream_connection_) {
        attempt_.reused = true;
        attempt_.connected_ns = attempt_.start_ns;
    } else {
        if (!up.may_connect(target)) {
            up.attempt_finished(target, false);
            --record_.attempt_count;
            end(Ending::upstream_overflow);
            co_return false;
        }
        io::Connected connected = co_await up.connect(target, &connecting_);
        connecting_ = nullptr;
        if (connected.status != io::IoStatus::ok) {
            fail_attempt(connected.status == io::IoStatus::timeout ? AttemptResult::connect_timeout
                         : connected.status == io::IoStatus::cancelled
                             ? AttemptResult::cancelled
                             : AttemptResult::connect_failed);
            co_return false;
        }
        upstream_connection_ = up.opened(target, std::move(connected.socket));
        attempt_.connected_ns = now();
    }
    attempt_.address = state_.keep(upstream_connection_->address);
    if (client_gone_ || cut_off_ || connection_.socket.hangup()) {
        client_gone_ |= !cut_off_;
        fail_attempt(AttemptResult::cancelled);
        co_return false;
    }
    co_return true;
}

void ExchangeRun::build_upstream_head() {
    const http::RequestHead& head = state_.request;
    const UpstreamPlan& settings = upstream().plan();
    http::UpstreamRequest out;
    out.head = &head;
    out.path_prefix = settings.path_prefix;
    out.path = state_.path.empty() ? head.path : std::string_view(state_.path);
    out.path = without_prefix(out.path, route().strip_prefix);
    out.host = settings.preserve_host ? head.authority : host_of(settings.targets[attempt_.target]);
    out.via = "glassgate";
    out.forwarded_for = connection_.peer_address;
    out.forwarded_proto = "http";
    out.forwarded_host = head.authority;
    out.keep_forwarded = !listener().trust_forwarded.empty() &&
                         listener().trust_forwarded.matches(connection_.peer_address);
    char id[32];
    out.request_id = request_id(id);
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
    state_.out.clear();
    http::append_upstream_head(state_.out, out);
}

io::Task<bool> ExchangeRun::send_request() {
    build_upstream_head();
    const http::RequestHead& head = state_.request;
    const std::string_view here = connection_.buffer.view();
    std::string_view body;
    const bool whole = head.body == http::BodyKind::none ||
                       (head.body == http::BodyKind::length && head.content_length <= here.size());
    if (head.body == http::BodyKind::length && whole) {
        body = here.substr(0, head.content_length);
        body_buffered_ = body.size();
        record_.request_bytes = body.size();
    }
    const uint64_t stall_ns = upstream().plan().response_timeout_ms * kNsPerMs;
    const io::IoResult sent =
        co_await upstream_connection_->socket.write(state_.out, stall_ns, body);
    if (!sent.ok()) {
        if (client_gone_ || cut_off_)
            fail_attempt(AttemptResult::cancelled);
        else
            fail_attempt(sent.status == io::IoStatus::timeout ? AttemptResult::timeout
                                                              : AttemptResult::reset);
        co_return false;
    }
    if (whole) {
        request_complete_ = true;
        record_.request_sent_ns = worker_.loop().now_ns();
    } else {
        pump_.start(pump_request_body());
    }
    co_return true;
}

io::Task<bool> ExchangeRun::receive_response_head() {
    UpstreamConnection& from = *upstream_connection_;
    const uint32_t override_ms = state_.policy_request.response_timeout_ms;
    const uint64_t timeout_ns =
        (override_ms != 0 ? override_ms : upstream().plan().response_timeout_ms) * kNsPerMs;
    const http::HeadLimits limits;
    std::size_t resume = 0;
    while (true) {
        if (!from.buffer.empty()) {
            const http::ParseResult parsed = http::parse_response_head(
                from.buffer.view(), limits, state_.request.method, resume, state_.response);
            if (parsed.state == http::ParseState::failed) {
                record_.detail = state_.keep(http::to_text(parsed.error));
                fail_attempt(AttemptResult::malformed);
                co_return false;
            }
            if (parsed.state == http::ParseState::complete) {
                const uint16_t status = state_.response.status;
                if (state_.response.switching && !state_.request.has_upgrade) {
                    record_.detail = state_.keep("101 without having been asked for an upgrade");
                    fail_attempt(AttemptResult::malformed);
                    co_return false;
                }
                if (status >= 200 || state_.response.switching) {
                    from.buffer.consume(parsed.consumed);
                    attempt_.first_byte_ns = now();
                    attempt_.status = status;
                    co_return true;
                }
                if (!co_await relay_interim()) co_return false;
                from.buffer.consume(parsed.consumed);
                resume = 0;
                continue;
            }
        }
        char* room = from.buffer.room();
        if (from.buffer.room_bytes() == 0) {
            from.buffer.enlarge();
            room = from.buffer.room();
        }
        // The clock starts when the request is out; while the client still sends, it is not late.
        const uint64_t since =
            request_complete_ ? record_.request_sent_ns : worker_.loop().now_ns();
        const io::IoResult got =
            co_await from.socket.read(room, from.buffer.room_bytes(), since + timeout_ns);
        if (got.ok()) {
            from.buffer.produced(got.bytes);
            answer_begun_ = true;
            continue;
        }
        if (got.status == io::IoStatus::timeout &&
            (!request_complete_ || worker_.loop().now_ns() < record_.request_sent_ns + timeout_ns))
            continue;
        if (client_gone_ || got.status == io::IoStatus::cancelled)
            fail_attempt(AttemptResult::cancelled);
        else
            fail_attempt(got.status == io::IoStatus::timeout ? AttemptResult::timeout
                                                             : AttemptResult::reset);
        co_return false;
    }
}

// 100 (Continue), 103 (Early Hints): handed on as they come, to clients that know them.
io::Task<bool> ExchangeRun::relay_interim() {
    if (state_.request.version == http::Version::http10) co_return true;
    http::ClientResponse out;
    out.head = &state_.response;
    out.via = "glassgate";
    state_.out.clear();
    http::append_client_head(state_.out, out);
    const io::IoResult sent =
        co_await connection_.socket.write(state_.out, listener().write_timeout_ms * kNsPerMs);
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
    attempt_.end_ns = now();
    const bool failed =
        attempt_.result != AttemptResult::response && attempt_.result != AttemptResult::cancelled;
    if (attempt_.result != AttemptResult::dns_failed)
        upstream().attempt_finished(attempt_.target, failed || attempt_.status >= 500);
    if (!record_.attempts.push_back(attempt_))
        record_.attempts.back() = attempt_;  // the last one counts most
}

void ExchangeRun::release_upstream(bool reusable) {
    if (!upstream_connection_) return;
    if (reusable)
        upstream().give_back(std::move(upstream_connection_));
    else
        upstream().drop(std::move(upstream_connection_));
}

bool ExchangeRun::may_retry() const {
    const RetryPlan& retries = upstream().plan().retries;
    if (response_begun_ || !body_replayable_ || record_.attempt_count > retries.attempts)
        return false;
    if (record_.attempts.empty() || attempt_.end_ns == 0) return false;
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
    return allowed && upstream().take_retry();
}

bool ExchangeRun::retries_answer() const {
    const RetryPlan& retries = upstream().plan().retries;
    const uint16_t status = attempt_.status;
    const bool listed = (status == 502 && retries.on_502) || (status == 503 && retries.on_503) ||
                        (status == 504 && retries.on_504);
    return listed && body_replayable_ && record_.attempt_count <= retries.attempts &&
           is_idempotent(record_.method) && upstream().take_retry();
}

}  // namespace glassgate::proxy
