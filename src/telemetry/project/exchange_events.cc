#include "telemetry/project/exchange_events.h"

#include "base/clock.h"
#include "base/text.h"
#include "telemetry/project/field_value.h"
#include "telemetry/project/redact.h"

namespace glassgate::telemetry {
namespace {

using model::Ending;
using model::Event;
using model::EventKind;
using model::Exchange;

// "100/min", as limits are written in a plan.
std::string per_period(uint64_t count, uint32_t period_s) {
    std::string text;
    append_u64(text, count);
    text += '/';
    switch (period_s) {
        case 1:
            text += "s";
            break;
        case 60:
            text += "min";
            break;
        case 3600:
            text += "h";
            break;
        case 86'400:
            text += "day";
            break;
        default:
            append_u64(text, period_s);
            text += 's';
    }
    return text;
}

std::string_view route_id(const Exchange& x) noexcept {
    return x.route < x.names->routes.size() ? std::string_view(x.names->routes[x.route].id)
                                            : "none";
}

// The attributes of an event are cut at its end: what may be long must not eat what follows.
constexpr std::size_t kPathBytesMax = 200;
constexpr std::size_t kTextBytesMax = 96;

void with_path(Event& event, const Exchange& x, std::string& scratch) {
    const std::string_view path = x.path.empty() ? pattern_of(x) : redacted(x.str(x.path), scratch);
    if (!path.empty()) event.with("path", path.substr(0, kPathBytesMax));
}

void with_text(Event& event, std::string_view key, std::string_view text, std::string& scratch) {
    if (!text.empty()) event.with(key, redacted(text, scratch).substr(0, kTextBytesMax));
}

void with_upstream(Event& event, const Exchange& x) {
    if (!x.attempts.empty()) {
        const std::string_view target = target_of(x, x.attempts.back());
        if (!target.empty()) event.with("upstream", target.substr(0, kTextBytesMax));
        return;
    }
    if (!x.has_route()) return;
    const uint32_t upstream = x.names->routes[x.route].upstream;
    if (upstream < x.names->upstreams.size())
        event.with("upstream", x.names->upstreams[upstream].name);
}

// What the policy that refused says: the last step of the chain.
std::string_view refusal_reason(const Exchange& x) noexcept {
    if (x.policies.empty()) return {};
    const model::PolicyStep& last = x.policies.back();
    if (last.verdict != model::PolicyVerdict::reply || last.policy >= x.names->policies.size())
        return {};
    const auto& reasons = x.names->policies[last.policy].reasons;
    return last.reason < reasons.size() ? std::string_view(reasons[last.reason])
                                        : std::string_view();
}

void describe_upstream_failure(Event& event, const Exchange& x, std::string& scratch) {
    with_path(event, x, scratch);
    with_upstream(event, x);
    event.with("duration_ms", static_cast<int64_t>((x.lifetime_ns() + kNsPerMs / 2) / kNsPerMs));
    event.with("request_id", request_id_of(x, scratch).substr(0, kTextBytesMax));
    if (event.kind == EventKind::upstream_failed) event.with("reason", to_text(x.ending));
    event.with("route", route_id(x).substr(0, kTextBytesMax));
}

}  // namespace

std::optional<EventKind> event_kind_of(const Exchange& exchange) noexcept {
    switch (exchange.ending) {
        case Ending::rate_limited:
            return EventKind::rate_limit_exceeded;
        case Ending::auth_failed:
            return EventKind::auth_failed;
        case Ending::upstream_timeout:
        case Ending::upstream_connect_timeout:
        case Ending::upstream_body_timeout:
            return EventKind::upstream_timeout;
        case Ending::upstream_dns_failed:
        case Ending::upstream_connect_failed:
        case Ending::upstream_tls_failed:
        case Ending::upstream_reset:
        case Ending::upstream_malformed:
        case Ending::upstream_body_reset:
        case Ending::no_healthy_upstream:
        case Ending::upstream_overflow:
            return EventKind::upstream_failed;
        default:
            return std::nullopt;
    }
}

Event event_of(EventKind kind, const Exchange& x, std::string& scratch) {
    Event event(kind, x.opened_wall_ns + x.lifetime_ns());
    switch (kind) {
        case EventKind::rate_limit_exceeded:
            with_text(event, "client_id", x.str(x.client_id), scratch);
            with_path(event, x, scratch);
            if (x.quota_limit != 0) {
                event.with("limit", per_period(x.quota_limit, x.quota_period_s));
                event.with("current", per_period(x.quota_current, x.quota_period_s));
            }
            event.with("route", route_id(x).substr(0, kTextBytesMax));
            break;
        case EventKind::auth_failed:
            event.with("route", route_id(x).substr(0, kTextBytesMax));
            with_text(event, "reason", refusal_reason(x), scratch);
            with_text(event, "client_address", x.str(x.remote_address), scratch);
            with_text(event, "client_id", x.str(x.client_id), scratch);
            break;
        default:
            describe_upstream_failure(event, x, scratch);
    }
    return event;
}

Event event_of(const model::Connection& connection) {
    const bool handshake = connection.ending == model::ConnectionEnding::tls_handshake_failed;
    Event event(handshake ? EventKind::tls_handshake_failed : EventKind::connection_refused,
                connection.opened_wall_ns);
    if (connection.closed_ns > connection.opened_ns)
        event.wall_ns += connection.closed_ns - connection.opened_ns;
    if (connection.listener_name[0] != '\0')
        event.with("listener", std::string_view(connection.listener_name));
    event.with("client_address", std::string_view(connection.peer));
    const std::string_view slug = connection.reason;
    std::string_view detail = connection.detail;
    if (!handshake) {
        event.with("reason", to_text(connection.ending));
        if (detail.empty()) detail = slug;
    } else if (!slug.empty()) {
        event.with("reason", slug);
    }
    if (!detail.empty()) {
        std::string scratch;
        event.with("detail", redacted(detail, scratch));
    }
    return event;
}

void select_event_fields(model::FieldSelection& captured) {
    using enum model::Field;
    for (const model::Field field : {request_path, client_id, request_remote_address})
        captured.add(field);
}

}  // namespace glassgate::telemetry
