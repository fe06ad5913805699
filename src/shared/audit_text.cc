#include "shared/audit_text.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/redact.h"
#include "base/text.h"

namespace glassgate::shared {
namespace {

using model::Exchange;

constexpr std::size_t kLong = 512, kShort = 128, kMaxClaims = 8, kMaxSteps = 12;

void append_key(std::string& out, std::string_view key) {
    out += ",\"";
    append_json_escaped(out, key);
    out += "\":";
}

void append_words(std::string& out, std::string_view key, std::string_view value) {
    append_key(out, key);
    append_json_string(out, value);
}

void append_time(std::string& out, std::string_view key, uint64_t wall_ns) {
    append_key(out, key);
    out += '"';
    append_iso8601_ms(out, wall_ns);
    out += '"';
}

void append_duration(std::string& out, std::string_view key, uint64_t ns) {
    append_key(out, key);
    append_ms(out, ns);
}

void append_request_id(std::string& out, const Exchange& exchange) {
    if (!exchange.request_id_is_trace_id)
        return append_audit_text(out, "request.id", exchange.str(exchange.request_id), kShort);
    append_key(out, "request.id");
    out += '"';
    append_hex(out, exchange.trace_id);
    out += '"';
}

void append_route(std::string& out, const Exchange& exchange) {
    if (!exchange.has_route()) return append_words(out, "route.id", "none");
    const model::RouteName& route = exchange.names->routes[exchange.route];
    append_words(out, "route.id", std::string_view(route.id).substr(0, kShort));
    if (exchange.pattern < route.patterns.size())
        append_words(out, "route.path",
                     std::string_view(route.patterns[exchange.pattern]).substr(0, kLong));
}

void append_tls(std::string& out, const Exchange& e, bool brief) {
    if (e.tls_version.empty()) return;
    append_words(out, "tls.version", e.str(e.tls_version));
    append_audit_text(out, "tls.clientCertSubject", e.str(e.tls_client_cert_subject), kLong);
    append_audit_text(out, "tls.clientCertSerial", e.str(e.tls_client_cert_serial), kShort);
    append_audit_text(out, "tls.clientCertFingerprint", e.str(e.tls_client_cert_fingerprint),
                      kShort);
    if (brief) return;
    append_words(out, "tls.cipher", e.str(e.tls_cipher));
    append_audit_text(out, "tls.serverName", e.str(e.tls_server_name), kShort);
}

void append_policies(std::string& out, const Exchange& exchange) {
    append_key(out, "policy.outcomes");
    out += '[';
    std::size_t shown = 0;
    for (const model::PolicyStep& step : exchange.policies) {
        if (shown++ == kMaxSteps) break;
        if (out.back() != '[') out += ',';
        const model::PolicyName& name = exchange.names->policies[step.policy];
        out += "{\"policy\":";
        append_json_string(out, name.kind);
        out += step.verdict == model::PolicyVerdict::pass ? ",\"verdict\":\"pass\""
                                                          : ",\"verdict\":\"reply\"";
        out += ",\"reason\":";
        append_json_string(out, step.reason < name.reasons.size() ? name.reasons[step.reason] : "");
        out += '}';
    }
    out += ']';
}

void append_upstream(std::string& out, const Exchange& exchange) {
    if (exchange.attempts.empty()) return;
    const model::Attempt& attempt = exchange.attempts[exchange.attempts.size() - 1];
    if (attempt.upstream < exchange.names->upstreams.size())
        append_words(
            out, "upstream.name",
            std::string_view(exchange.names->upstreams[attempt.upstream].name).substr(0, kShort));
    append_audit_text(out, "upstream.address", exchange.str(attempt.address), kShort);
    append_audit_number(out, "upstream.attempts", exchange.attempt_count);
}

}  // namespace

void begin_audit_record(std::string& out, std::string_view type) {
    out += "\"type\":\"";
    out += type;
    out += '"';
}

void append_audit_text(std::string& out, std::string_view key, std::string_view value,
                       std::size_t max_bytes) {
    if (value.empty()) return;
    append_key(out, key);
    // Masked before it is cut: half a card number would not be known for one.
    std::string shown, escaped;
    redact_text(value, shown);
    if (shown.size() > max_bytes) shown.resize(max_bytes);
    append_json_escaped(escaped, shown);
    while (escaped.size() > max_bytes) {  // what must be escaped takes up to six times its size
        shown.resize(shown.size() / 2);
        escaped.clear();
        append_json_escaped(escaped, shown);
    }
    out += '"';
    out += escaped;
    out += '"';
}

void append_audit_number(std::string& out, std::string_view key, uint64_t value) {
    append_key(out, key);
    append_u64(out, value);
}

void append_audit_request(std::string& out, const Exchange& e, const AuditIdentity& who,
                          bool brief) {
    append_request_id(out, e);
    append_time(out, "request.timestamp", e.opened_wall_ns);
    if (e.method == Method::other)
        append_audit_text(out, "request.method", e.str(e.method_text), kShort);
    else
        append_words(out, "request.method", to_text(e.method));
    append_audit_text(out, "request.path", e.str(e.path), brief ? kLong : 2 * kLong);
    append_audit_text(out, "request.remoteAddress", e.str(e.remote_address), kShort);
    append_audit_number(out, "request.remotePort", e.remote_port);
    append_route(out, e);
    append_words(out, "gateway.name", std::string_view(e.names->gateway).substr(0, kShort));
    append_audit_text(out, "client.id", who.client_id, kShort);
    std::size_t claims = 0;
    for (const AuditIdentity::Claim& claim : who.claims) {
        if (claims++ == kMaxClaims) break;
        append_audit_text(out, "jwt." + std::string(claim.name.substr(0, kShort / 2)), claim.value,
                          kShort);
    }
    append_tls(out, e, brief);
    if (brief) return;
    append_audit_text(out, "client.name", who.client_name, kShort);
    append_audit_text(out, "request.host", e.str(e.host), kShort);
    if (!e.query.empty()) {
        std::string query;
        redact_query_values(e.str(e.query), query);
        append_audit_text(out, "request.query", query, kLong);
    }
    append_words(out, "request.protocol", to_text(e.protocol));
    append_audit_text(out, "request.userAgent", e.str(e.user_agent), kLong);
    if (e.has_route()) append_words(out, "api.name", e.names->routes[e.route].api);
}

void append_audit_outcome(std::string& out, const Exchange& e, bool brief) {
    const bool success =
        e.status != 0 && e.status < 400 && !e.failed() &&
        (e.ending == model::Ending::completed || e.ending == model::Ending::upgraded);
    append_words(out, "event.outcome", success ? "success" : "failure");
    append_audit_number(out, "response.status", e.status);
    append_words(out, "response.ending", to_text(e.ending));
    append_words(out, "response.origin", to_text(e.origin));
    if (e.closed_ns != 0) {
        append_duration(out, "response.duration_ms", e.closed_ns - e.opened_ns);
        append_audit_number(out, "request.bytes", e.request_bytes);
        append_audit_number(out, "response.bytes", e.response_bytes);
    }
    if (brief) return;
    append_policies(out, e);
    append_upstream(out, e);
    append_audit_text(out, "detail", e.str(e.detail), kShort);
}

std::string audit_connection(const model::Connection& connection) {
    std::string out;
    begin_audit_record(out, "connection.refused");
    append_time(out, "connection.timestamp", connection.opened_wall_ns);
    append_words(out, "event.outcome", "failure");
    append_words(out, "connection.ending", to_text(connection.ending));
    append_audit_text(out, "connection.remoteAddress", connection.peer, kShort);
    append_words(out, "listener", connection.listener_name);
    append_audit_text(out, "reason", connection.reason, kShort);
    append_audit_text(out, "detail", connection.detail, kShort);
    return out;
}

std::string audit_auth_failure(const Exchange& exchange) {
    std::string out;
    begin_audit_record(out, "auth.failed");
    append_audit_request(out, exchange,
                         {exchange.str(exchange.client_id), exchange.str(exchange.client_name), {}},
                         false);
    append_audit_outcome(out, exchange, false);
    return out;
}

}  // namespace glassgate::shared
