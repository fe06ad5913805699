#include "telemetry/project/span.h"

#include <algorithm>
#include <protozero/pbf_writer.hpp>

#include "base/check.h"
#include "base/text.h"
#include "http/grpc.h"
#include "telemetry/project/span_writer.h"

namespace glassgate::telemetry {
namespace {

using model::Attempt;
using model::AttemptResult;
using model::Ending;
using model::Exchange;
using model::TextRef;
using protozero::pbf_tag_type;
using protozero::pbf_writer;

// opentelemetry/proto/trace/v1/trace.proto
namespace scope_spans {
constexpr pbf_tag_type spans = 2;
}
namespace span {
constexpr pbf_tag_type trace_id = 1, span_id = 2, trace_state = 3, parent_span_id = 4, name = 5,
                       kind = 6, start = 7, end = 8, attributes = 9, events = 11, status = 15,
                       flags = 16;
}
namespace span_event {
constexpr pbf_tag_type time = 1, name = 2, attributes = 3;
}
namespace span_status {
constexpr pbf_tag_type message = 2, code = 3;
constexpr int32_t error = 2;
}  // namespace span_status
constexpr int32_t kServer = 2, kClient = 3;  // enum SpanKind

// SpanFlags: bits 0-7 are the W3C trace flags; bit 8 says that bit 9 ("the parent is remote") is
// known.
constexpr uint32_t kSampled = 0x01, kRemoteKnown = 0x100, kRemote = 0x200;

// Writes one exchange. Lives for one call; the scratch strings are the projector's.
class ExchangeSpans {
public:
    ExchangeSpans(const Exchange& exchange, const SpanOptions& options, std::string& redacted,
                  std::string& sanitised)
        : x_(exchange), options_(options), redacted_(redacted), sanitised_(sanitised) {}

    void write(std::string_view sampling, std::string& out);

private:
    void server_span(pbf_writer& unit, std::string_view sampling);
    void server_request(AttributeWriter& attributes);
    void server_network(AttributeWriter& attributes);
    void server_tls(AttributeWriter& attributes);
    void rpc(AttributeWriter& attributes, bool ended);
    void server_flex(AttributeWriter& attributes, std::string_view sampling);
    void labels(AttributeWriter& attributes);
    void server_events(pbf_writer& message);
    void server_status(pbf_writer& message, AttributeWriter& attributes);
    void client_span(pbf_writer& unit, std::size_t index);
    void client_attributes(AttributeWriter& attributes, const Attempt& attempt, std::size_t index);
    void client_status(pbf_writer& message, AttributeWriter& attributes, const Attempt& attempt);

    void head(pbf_writer& message, const SpanId& id, const SpanId& parent, bool parent_is_remote);
    void method(AttributeWriter& attributes);
    void event(pbf_writer& message, std::string_view name, uint64_t at_ns);
    void policy_event(pbf_writer& message, const model::PolicyStep& step, uint64_t at_ns);

    // Wall clock of a monotonic time, by the record's own pair of readings: a clock that is set
    // while the exchange runs bends no span.
    [[nodiscard]] uint64_t wall(uint64_t mono_ns) const noexcept {
        return x_.opened_wall_ns + (std::max(mono_ns, x_.opened_ns) - x_.opened_ns);
    }
    // Whose status is the call's: the record keeps one, that of the response the client got.
    [[nodiscard]] bool ends_call(const Attempt& attempt) const noexcept {
        return x_.ending == Ending::completed && &attempt == &x_.attempts.back() &&
               x_.attempt_count == x_.attempts.size();
    }
    [[nodiscard]] std::string_view grpc_status() const noexcept {
        return to_text(static_cast<http::grpc::Status>(x_.grpc_status));
    }
    std::string_view status_digits(uint16_t status) noexcept {
        return {digits_,
                static_cast<std::size_t>(
                    std::to_chars(digits_, digits_ + sizeof digits_, status).ptr - digits_)};
    }
    // Redacted and UTF-8; valid until the next call.
    std::string_view clean(TextRef text, Redact redact);
    std::string_view plain(std::string_view text) { return as_attribute_text(text, sanitised_); }

    const Exchange& x_;
    const SpanOptions& options_;
    std::string& redacted_;
    std::string& sanitised_;
    char digits_[8];
};

std::string_view ExchangeSpans::clean(TextRef text, Redact redact) {
    if (text.empty() || redact == nullptr) return {};
    redacted_.clear();
    redact(x_.str(text), redacted_);
    return as_attribute_text(redacted_, sanitised_);
}

void ExchangeSpans::write(std::string_view sampling, std::string& out) {
    pbf_writer unit(out);
    server_span(unit, sampling);
    for (std::size_t i = 0; i < x_.attempts.size(); ++i) client_span(unit, i);
}

void ExchangeSpans::head(pbf_writer& message, const SpanId& id, const SpanId& parent,
                         bool parent_is_remote) {
    const auto bytes = [&](pbf_tag_type field, const auto& value) {
        message.add_bytes(field, reinterpret_cast<const char*>(value.bytes.data()),
                          value.bytes.size());
    };
    bytes(span::trace_id, x_.trace_id);
    bytes(span::span_id, id);
    // The state is the caller's: every span of the trace has it. It goes upstream as it came, but
    // from here only like any other text of a client.
    const std::string_view state = clean(x_.trace_state, options_.redact_text);
    if (!state.empty()) message.add_string(span::trace_state, state.data(), state.size());
    if (parent.valid()) bytes(span::parent_span_id, parent);
    message.add_fixed32(
        span::flags, (x_.sampled ? kSampled : 0) | kRemoteKnown | (parent_is_remote ? kRemote : 0));
}

// http.request.method is one of the known names; the client's own word is kept apart, so that it
// makes no new values of an attribute that backends index.
void ExchangeSpans::method(AttributeWriter& attributes) {
    if (x_.method != Method::other) {
        attributes.text("http.request.method", to_text(x_.method));
        return;
    }
    attributes.text("http.request.method", "_OTHER");
    attributes.text_unless_empty("http.request.method_original",
                                 clean(x_.method_text, options_.redact_text));
}

std::string_view pattern_of(const Exchange& x) noexcept {
    if (!x.has_route()) return {};
    const std::vector<std::string>& patterns = x.names->routes[x.route].patterns;
    return x.pattern < patterns.size() ? std::string_view(patterns[x.pattern]) : std::string_view();
}

std::string_view method_in_name(const Exchange& x) noexcept {
    // http-spans.md, Name: "HTTP" stands for a method that is _OTHER.
    return x.method == Method::other ? std::string_view("HTTP") : to_text(x.method);
}

std::string_view version_number(model::Protocol protocol) noexcept {
    constexpr std::string_view kNumbers[] = {"", "1.0", "1.1", "2"};
    return kNumbers[static_cast<std::size_t>(protocol)];
}

void ExchangeSpans::server_span(pbf_writer& unit, std::string_view sampling) {
    pbf_writer message(unit, scope_spans::spans);
    head(message, x_.span_id, x_.parent_span_id, x_.parent_span_id.valid());
    redacted_.assign(method_in_name(x_));
    if (const std::string_view pattern = pattern_of(x_); !pattern.empty()) {
        redacted_ += ' ';
        redacted_ += pattern;
    }
    const std::string_view name = plain(redacted_);
    message.add_string(span::name, name.data(), name.size());
    message.add_enum(span::kind, kServer);
    message.add_fixed64(span::start, wall(x_.opened_ns));
    message.add_fixed64(span::end, wall(x_.closed_ns));
    AttributeWriter attributes(message, span::attributes);
    server_request(attributes);
    server_network(attributes);
    server_tls(attributes);
    if (x_.grpc) rpc(attributes, true);
    server_flex(attributes, sampling);
    server_status(message, attributes);
    server_events(message);
}

void ExchangeSpans::server_request(AttributeWriter& attributes) {
    method(attributes);
    attributes.text_unless_empty("url.path", clean(x_.path, options_.redact_text));
    attributes.text_unless_empty("url.query", clean(x_.query, options_.redact_query));
    attributes.text("url.scheme", to_text(x_.scheme));
    attributes.text_unless_empty("http.route", plain(pattern_of(x_)));
    // "If and only if one was received/sent": the 499 of a client that left before a response is
    // ours, for logs and metrics; nobody sent it.
    const bool sent = x_.ending != Ending::client_abort || x_.response_head_ns != 0;
    if (x_.status != 0 && sent) attributes.integer("http.response.status_code", x_.status);
    if (x_.request_bytes != 0) attributes.integer("http.request.body.size", x_.request_bytes);
    attributes.integer("http.response.body.size", x_.response_bytes);
    attributes.text_unless_empty("user_agent.original", clean(x_.user_agent, options_.redact_text));
}

void ExchangeSpans::server_network(AttributeWriter& attributes) {
    const HostPort host = split_host_port(clean(x_.host, options_.redact_text));
    attributes.text_unless_empty("server.address", host.host);
    if (host.port != 0) attributes.integer("server.port", host.port);
    // The record has one address. It is the socket's own when it has a port; what a trusted peer
    // says of its client comes without one.
    const std::string_view remote = plain(x_.str(x_.remote_address));
    attributes.text_unless_empty("client.address", remote);
    if (x_.remote_port != 0) {
        attributes.text_unless_empty("network.peer.address", remote);
        attributes.integer("network.peer.port", x_.remote_port);
    }
    attributes.text_unless_empty("network.protocol.version", version_number(x_.protocol));
}

// docs/registry/attributes/tls.md. The server name is missing since server.address has replaced it.
void ExchangeSpans::server_tls(AttributeWriter& attributes) {
    constexpr std::string_view kPrefix = "TLSv";
    const std::string_view version = x_.str(x_.tls_version);
    if (version.starts_with(kPrefix)) {
        attributes.text("tls.protocol.name", "tls");
        attributes.text("tls.protocol.version", plain(version.substr(kPrefix.size())));
    }
    attributes.text_unless_empty("tls.cipher", plain(x_.str(x_.tls_cipher)));
    attributes.text_unless_empty("tls.client.subject",
                                 clean(x_.tls_client_cert_subject, options_.redact_text));
    // "Formatted as an uppercase hash."
    redacted_.assign(x_.str(x_.tls_client_cert_fingerprint));
    std::transform(redacted_.begin(), redacted_.end(), redacted_.begin(),
                   [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 0x20) : c; });
    attributes.text_unless_empty("tls.client.hash.sha256", plain(redacted_));
}

// docs/rpc/grpc.md, under the names that came before its release candidate (rpc.system.name,
// rpc.response.status_code), since these are the ones backends know. The service and the method are
// those of "/package.Service/Method".
void ExchangeSpans::rpc(AttributeWriter& attributes, bool ended) {
    attributes.text("rpc.system", "grpc");
    const std::string_view path = clean(x_.path, options_.redact_text);
    const std::size_t slash = path.rfind('/');
    const bool is_call = slash != std::string_view::npos && slash > 1 && slash + 1 < path.size() &&
                         path.find('/', 1) == slash && path.front() == '/';
    if (is_call) {
        attributes.text("rpc.service", path.substr(1, slash - 1));
        attributes.text("rpc.method", path.substr(slash + 1));
    }
    if (ended && x_.grpc_status >= 0)
        attributes.integer("rpc.grpc.status_code", static_cast<uint64_t>(x_.grpc_status));
}

// Those the user asked for by name.
void ExchangeSpans::labels(AttributeWriter& attributes) {
    for (const SpanLabel& label : options_.labels) {
        std::string_view value;
        for (const model::FieldRef& slot : x_.names->captured.slots())
            if (!label.header.empty() && slot.field == model::Field::request_header &&
                slot.parameter == label.header)
                value = clean(x_.captures[slot.slot], options_.redact_text);
        attributes.text_unless_empty(label.name, value.empty() ? plain(label.text) : value);
    }
}

void ExchangeSpans::server_flex(AttributeWriter& attributes, std::string_view sampling) {
    labels(attributes);
    attributes.text("flex.ending", to_text(x_.ending));
    attributes.text("flex.origin", to_text(x_.origin));
    attributes.text("flex.sampling", sampling);
    if (x_.has_route()) {
        const model::RouteName& route = x_.names->routes[x_.route];
        attributes.text("flex.route.id", plain(route.id));
        attributes.text_unless_empty("flex.api.name", plain(route.api));
    }
    attributes.text_unless_empty("flex.client.id", clean(x_.client_id, options_.redact_text));
    if (x_.request_id_is_trace_id) {
        char hex[2 * sizeof(TraceId::bytes)];
        write_hex(hex, x_.trace_id.bytes.data(), x_.trace_id.bytes.size());
        attributes.text("request.id", {hex, sizeof hex});
    } else {
        attributes.text_unless_empty("request.id", clean(x_.request_id, options_.redact_text));
    }
    if (x_.stream != model::StreamKind::none) attributes.text("flex.stream", to_text(x_.stream));
    if (x_.attempt_count != 0) attributes.integer("flex.upstream.attempts", x_.attempt_count);
    if (x_.quota_limit != 0) {
        attributes.integer("flex.quota.limit", x_.quota_limit);
        attributes.integer("flex.quota.current", x_.quota_current);
        attributes.integer("flex.quota.period_s", x_.quota_period_s);
    }
}

// http-spans.md, Status: of a server span 4xx is no error. A 5xx explains itself by its number, a
// call by its status; a failure the client saw neither of, or one that is the gateway's own word,
// is explained.
void ExchangeSpans::server_status(pbf_writer& message, AttributeWriter& attributes) {
    if (!x_.failed()) return;
    const bool by_status = x_.ending == Ending::completed || x_.ending == Ending::upgraded;
    if (!by_status)
        attributes.text("error.type", to_text(x_.ending));
    else
        attributes.text("error.type", x_.status >= 500 ? status_digits(x_.status) : grpc_status());
    pbf_writer status(message, span::status);
    if (!by_status) {
        std::string_view why = clean(x_.detail, options_.redact_text);
        if (why.empty()) why = info(x_.ending).doc;
        status.add_string(span_status::message, why.data(), why.size());
    }
    status.add_enum(span_status::code, span_status::error);
}

void ExchangeSpans::event(pbf_writer& message, std::string_view name, uint64_t at_ns) {
    if (at_ns == 0) return;  // never happened
    pbf_writer event(message, span::events);
    event.add_fixed64(span_event::time, wall(at_ns));
    event.add_string(span_event::name, name.data(), name.size());
}

void ExchangeSpans::policy_event(pbf_writer& message, const model::PolicyStep& step,
                                 uint64_t at_ns) {
    if (step.policy >= x_.names->policies.size()) return;
    const model::PolicyName& policy = x_.names->policies[step.policy];
    pbf_writer event(message, span::events);
    event.add_fixed64(span_event::time, wall(at_ns));
    constexpr std::string_view kName = "flex.policy";
    event.add_string(span_event::name, kName.data(), kName.size());
    AttributeWriter attributes(event, span_event::attributes);
    attributes.text("policy", plain(policy.kind));
    attributes.text("verdict", step.verdict == model::PolicyVerdict::pass ? "pass" : "reply");
    if (step.reason < policy.reasons.size())
        attributes.text("reason", plain(policy.reasons[step.reason]));
    if (step.elapsed_ns != 0) attributes.number("ms", static_cast<double>(step.elapsed_ns) / 1e6);
}

void ExchangeSpans::server_events(pbf_writer& message) {
    event(message, "flex.request.head_received", x_.head_received_ns);
    // A step has a duration, not a time: the chain begins when the head is complete and its steps
    // follow each other.
    uint64_t at_ns = x_.head_received_ns != 0 ? x_.head_received_ns : x_.opened_ns;
    for (const model::PolicyStep& step : x_.policies) {
        at_ns += step.elapsed_ns;
        policy_event(message, step, at_ns);
    }
    event(message, "flex.request.sent", x_.request_sent_ns);
    event(message, "flex.response.head", x_.response_head_ns);
}

void ExchangeSpans::client_span(pbf_writer& unit, std::size_t index) {
    const Attempt& attempt = x_.attempts[index];
    pbf_writer message(unit, scope_spans::spans);
    head(message, attempt.span_id, x_.span_id, false);
    const std::string_view name = method_in_name(x_);
    message.add_string(span::name, name.data(), name.size());
    message.add_enum(span::kind, kClient);
    const uint64_t end_ns = attempt.end_ns != 0 ? attempt.end_ns : x_.closed_ns;
    message.add_fixed64(span::start, wall(attempt.start_ns));
    message.add_fixed64(span::end, wall(std::max(end_ns, attempt.start_ns)));
    AttributeWriter attributes(message, span::attributes);
    client_attributes(attributes, attempt, index);
    client_status(message, attributes, attempt);
    if (!attempt.reused) event(message, "flex.connected", attempt.connected_ns);
    event(message, "flex.response.head", attempt.first_byte_ns);
}

// url.full is missing on purpose: the record does not hold the URL as it was rewritten for the
// upstream, and one put together from the client's would be made up.
void ExchangeSpans::client_attributes(AttributeWriter& attributes, const Attempt& attempt,
                                      std::size_t index) {
    method(attributes);
    if (attempt.upstream < x_.names->upstreams.size()) {
        const model::UpstreamName& upstream = x_.names->upstreams[attempt.upstream];
        attributes.text("flex.upstream.name", plain(upstream.name));
        if (attempt.target < upstream.targets.size()) {
            const HostPort target = split_host_port(plain(upstream.targets[attempt.target]));
            attributes.text("server.address", target.host);
            if (target.port != 0) attributes.integer("server.port", target.port);
        }
    }
    const HostPort peer = split_host_port(plain(x_.str(attempt.address)));
    attributes.text_unless_empty("network.peer.address", peer.host);
    if (peer.port != 0) attributes.integer("network.peer.port", peer.port);
    if (attempt.status != 0) attributes.integer("http.response.status_code", attempt.status);
    if (index != 0) attributes.integer("http.request.resend_count", index);
    if (x_.grpc) rpc(attributes, ends_call(attempt));
    attributes.text("flex.attempt.result", to_text(attempt.result));
    attributes.boolean("flex.connection.reused", attempt.reused);
}

// http-spans.md and grpc.md, Status: of a client span 4xx is an error, too, and any status of a
// call but OK.
void ExchangeSpans::client_status(pbf_writer& message, AttributeWriter& attributes,
                                  const Attempt& attempt) {
    const bool answered = attempt.result == AttemptResult::response;
    const bool call_failed = ends_call(attempt) && x_.grpc_status > 0;
    if (answered && attempt.status < 400 && !call_failed) return;
    if (!answered)
        attributes.text("error.type", to_text(attempt.result));
    else
        attributes.text("error.type",
                        attempt.status >= 400 ? status_digits(attempt.status) : grpc_status());
    pbf_writer status(message, span::status);
    status.add_enum(span_status::code, span_status::error);
}

}  // namespace

std::string_view sampling_reason(const Exchange& exchange, const SpanOptions& options) noexcept {
    if (exchange.sampled) return "head";
    if (options.keep_errors && exchange.failed()) return "error";
    if (options.keep_slower_than_ns != 0 && exchange.latency_ns() >= options.keep_slower_than_ns)
        return "slow";
    return {};
}

void select_span_fields(model::FieldSelection& captured) {
    using enum model::Field;
    for (const model::Field field : {request_id,
                                     request_path,
                                     request_query,
                                     request_method,
                                     request_host,
                                     request_scheme,
                                     request_protocol,
                                     request_bytes,
                                     request_remote_address,
                                     request_user_agent,
                                     response_status,
                                     response_bytes,
                                     response_ending,
                                     response_origin,
                                     route_id,
                                     route_path,
                                     api_name,
                                     client_id,
                                     policy_outcomes,
                                     upstream_name,
                                     upstream_address,
                                     trace_id,
                                     span_id,
                                     grpc_status,
                                     tls_version,
                                     tls_cipher,
                                     tls_client_cert_subject,
                                     tls_client_cert_fingerprint})
        captured.add(field);
}

Projected SpanProjector::project(const Exchange& exchange, std::string& out) {
    if (!exchange.final) return Projected::filtered;
    const std::string_view sampling = sampling_reason(exchange, options_);
    if (sampling.empty()) return Projected::sampled_out;
    GW_CHECK(exchange.names != nullptr);
    ExchangeSpans(exchange, options_, redacted_, sanitised_).write(sampling, out);
    return Projected::queued;
}

}  // namespace glassgate::telemetry
