#include "telemetry/project/field_value.h"

#include "base/clock.h"
#include "base/text.h"
#include "telemetry/project/json_text.h"
#include "telemetry/project/redact.h"

namespace glassgate::telemetry {
namespace {

using model::Attempt;
using model::Exchange;
using model::Field;
using model::TextRef;
using Kind = FieldValue::Kind;

FieldValue text_or_absent(std::string_view text) noexcept {
    return text.empty() ? FieldValue{} : FieldValue{Kind::text, text};
}

// Writes into the scratch text and hands it out.
class Reading {
public:
    Reading(const Exchange& exchange, std::string& scratch) : x_(exchange), scratch_(scratch) {}

    [[nodiscard]] FieldValue plain(TextRef ref) const noexcept {
        return text_or_absent(x_.str(ref));
    }
    FieldValue scanned(std::string_view text) { return text_or_absent(redacted(text, scratch_)); }
    FieldValue scanned(TextRef ref) { return scanned(x_.str(ref)); }
    FieldValue query(bool redact_query) {
        if (x_.query.empty()) return {};
        scratch_.clear();
        (redact_query ? redact_query_values : redact_secret_values)(x_.str(x_.query), scratch_);
        return {Kind::text, scratch_};
    }
    FieldValue capture(const LineElement& element) {
        if (element.slot >= model::kMaxCaptures) return {};
        const std::string_view value = x_.str(x_.captures[element.slot]);
        if (value.empty()) return {};
        if (element.withheld) return {Kind::text, kRedacted};
        if (element.field != Field::request_header) return scanned(value);
        scratch_.clear();
        redact_secret_values(value, scratch_);
        return {Kind::text, scratch_};
    }
    FieldValue integer(uint64_t value) {
        scratch_.clear();
        append_u64(scratch_, value);
        return {Kind::number, scratch_};
    }
    // From `begin` to `end`; absent when one of them never happened.
    FieldValue span_ms(uint64_t begin_ns, uint64_t end_ns) {
        if (begin_ns == 0 || end_ns == 0) return {};
        scratch_.clear();
        append_ms(scratch_, end_ns > begin_ns ? end_ns - begin_ns : 0);
        return {Kind::number, scratch_};
    }
    FieldValue timestamp(uint64_t wall_ns) {
        scratch_.clear();
        append_iso8601_ms(scratch_, wall_ns);
        return {Kind::text, scratch_};
    }
    template <typename Id>
    FieldValue id(const Id& value) {
        scratch_.clear();
        append_hex(scratch_, value);
        return {Kind::text, scratch_};
    }

private:
    const Exchange& x_;
    std::string& scratch_;
};

const Attempt* last_attempt(const Exchange& x) noexcept {
    return x.attempts.empty() ? nullptr : &x.attempts.back();
}

const model::RouteName* route_of(const Exchange& x) noexcept {
    return x.route < x.names->routes.size() ? &x.names->routes[x.route] : nullptr;
}

FieldValue request_field(const Exchange& x, const LineElement& e, bool redact_query,
                         Reading& read) {
    switch (e.field) {
        case Field::request_timestamp:
            return read.timestamp(x.opened_wall_ns);
        case Field::request_path:
            return read.scanned(x.path);
        case Field::request_query:
            return read.query(redact_query);
        case Field::request_method:
            return x.method == Method::other ? read.scanned(x.method_text)
                                             : text_or_absent(to_text(x.method));
        case Field::request_host:
            return read.scanned(x.host);
        case Field::request_scheme:
            return text_or_absent(to_text(x.scheme));
        case Field::request_protocol:
            return x.protocol == model::Protocol::unknown ? FieldValue{}
                                                          : text_or_absent(to_text(x.protocol));
        case Field::request_bytes:
            return read.integer(x.request_bytes);
        case Field::request_remote_address:
            return read.plain(x.remote_address);
        case Field::request_user_agent:
            return read.scanned(x.user_agent);
        default:
            return read.capture(e);  // request_header, jwt_claim
    }
}

FieldValue upstream_field(const Exchange& x, Field field, Reading& read) {
    const Attempt* const last = last_attempt(x);
    if (field == Field::upstream_attempts) return read.integer(x.attempt_count);
    if (last == nullptr) return {};
    switch (field) {
        case Field::upstream_address:
            return read.plain(last->address);
        case Field::upstream_connect_ms:
            return read.span_ms(last->start_ns, last->connected_ns);
        case Field::upstream_first_byte_ms:
            return read.span_ms(last->start_ns, last->first_byte_ns);
        default:  // upstream_name
            return last->upstream < x.names->upstreams.size()
                       ? text_or_absent(x.names->upstreams[last->upstream].name)
                       : FieldValue{};
    }
}

FieldValue response_field(const Exchange& x, Field field, Reading& read) {
    switch (field) {
        case Field::response_status:
            return x.status == 0 ? FieldValue{} : read.integer(x.status);
        case Field::response_bytes:
            return read.integer(x.response_bytes);
        case Field::response_duration_ms:
            return read.span_ms(x.opened_ns, x.closed_ns);
        case Field::response_ending:
            return x.final ? text_or_absent(to_text(x.ending)) : FieldValue{};
        default:
            return x.final ? text_or_absent(to_text(x.origin)) : FieldValue{};
    }
}

}  // namespace

std::string_view pattern_of(const Exchange& x) noexcept {
    const model::RouteName* const route = route_of(x);
    if (route == nullptr || x.pattern >= route->patterns.size()) return {};
    return route->patterns[x.pattern];
}

std::string_view target_of(const Exchange& x, const Attempt& attempt) noexcept {
    if (attempt.upstream >= x.names->upstreams.size()) return {};
    const std::vector<std::string>& targets = x.names->upstreams[attempt.upstream].targets;
    return attempt.target < targets.size() ? std::string_view(targets[attempt.target])
                                           : std::string_view();
}

std::string_view request_id_of(const Exchange& x, std::string& scratch) {
    if (!x.request_id_is_trace_id) return redacted(x.str(x.request_id), scratch);
    scratch.clear();
    append_hex(scratch, x.trace_id);
    return scratch;
}

FieldValue field_value(const Exchange& x, const LineElement& e, bool redact_query,
                       std::string& scratch) {
    Reading read(x, scratch);
    const model::RouteName* const route = route_of(x);
    switch (e.field) {
        case Field::request_id:
            return text_or_absent(request_id_of(x, scratch));
        case Field::response_status:
        case Field::response_bytes:
        case Field::response_duration_ms:
        case Field::response_ending:
        case Field::response_origin:
            return response_field(x, e.field, read);
        case Field::route_id:
            return {Kind::text, route != nullptr ? std::string_view(route->id) : "none"};
        case Field::route_path:
            return text_or_absent(pattern_of(x));
        case Field::api_name:
            return text_or_absent(route != nullptr ? std::string_view(route->api) : "");
        case Field::client_id:
            return read.scanned(x.client_id);
        case Field::client_name:
            return read.scanned(x.client_name);
        case Field::tls_version:
            return read.plain(x.tls_version);
        case Field::tls_cipher:
            return read.plain(x.tls_cipher);
        case Field::tls_client_cert_subject:
            return read.scanned(x.tls_client_cert_subject);
        case Field::tls_client_cert_serial:
            return read.plain(x.tls_client_cert_serial);
        case Field::tls_client_cert_san:
            return read.scanned(x.tls_client_cert_san);
        case Field::tls_client_cert_fingerprint:
            return read.plain(x.tls_client_cert_fingerprint);
        case Field::tls_server_name:
            return read.scanned(x.tls_server_name);
        case Field::grpc_status:
            return x.grpc_status < 0 ? FieldValue{}
                                     : read.integer(static_cast<uint64_t>(x.grpc_status));
        case Field::policy_outcomes:
            return {Kind::outcomes, {}};
        case Field::upstream_name:
        case Field::upstream_address:
        case Field::upstream_attempts:
        case Field::upstream_connect_ms:
        case Field::upstream_first_byte_ms:
            return upstream_field(x, e.field, read);
        case Field::trace_id:
            return read.id(x.trace_id);
        case Field::span_id:
            return x.span_id.valid() ? read.id(x.span_id) : FieldValue{};
        case Field::gateway_name:
            return text_or_absent(x.names->gateway);
        case Field::gateway_mode:
            return text_or_absent(x.names->mode);
        default:
            return request_field(x, e, redact_query, read);
    }
}

}  // namespace glassgate::telemetry
