#include "model/ending.h"

#include <array>

namespace glassgate::model {
namespace {

using enum Ending;
using enum Origin;

// In the order of the enum. Columns: ending, slug, origin, status, cut_short, doc.
constexpr std::array<EndingInfo, kEndingCount> kEndings{{
    {completed, "completed", upstream, 0, false,
     "The upstream's response, whatever its status, reached the client."},
    {upgraded, "upgraded", upstream, 0, false,
     "An upgraded connection (WebSocket) lived and was closed in order."},
    {rate_limited, "rate_limited", client, 429, false, "A rate limit was exceeded."},
    {auth_failed, "auth_failed", client, 401, false,
     "Who is asking is unknown, unproven or not allowed."},
    {policy_refused, "policy_refused", client, 403, false, "A policy refused the request."},
    {circuit_open, "circuit_open", gateway, 503, true,
     "The circuit breaker of the route is open; the upstream was not asked."},
    {audit_unavailable, "audit_unavailable", gateway, 503, true,
     "What must be recorded could not be, so the request was refused."},
    {malformed_request, "malformed_request", client, 400, false,
     "What the client sent is not acceptable HTTP."},
    {uri_too_long, "uri_too_long", client, 414, false, "The request target is too long."},
    {header_too_large, "header_too_large", client, 431, false,
     "The header section is too large or has too many fields."},
    {body_too_large, "body_too_large", client, 413, false, "The request body is too large."},
    {expectation_failed, "expectation_failed", client, 417, false,
     "An Expect other than 100-continue."},
    {no_route, "no_route", client, 404, false, "No route matches."},
    {method_not_allowed, "method_not_allowed", client, 405, false,
     "A route matches the path, but not the method."},
    {client_header_timeout, "client_header_timeout", client, 408, false,
     "The header section did not arrive in time."},
    {client_body_timeout, "client_body_timeout", client, 408, false,
     "The request body did not go on in time."},
    {client_write_timeout, "client_write_timeout", client, 0, false,
     "The client stopped taking the response."},
    {client_abort, "client_abort", client, 499, false,
     "The client closed before its response was complete."},
    {upstream_dns_failed, "upstream_dns_failed", upstream, 503, true,
     "The upstream's name did not resolve."},
    {upstream_connect_failed, "upstream_connect_failed", upstream, 503, true,
     "The upstream refused the connection or is unreachable."},
    {upstream_connect_timeout, "upstream_connect_timeout", upstream, 504, true,
     "The upstream did not accept the connection in time."},
    {upstream_tls_failed, "upstream_tls_failed", upstream, 502, true,
     "The TLS handshake with the upstream failed."},
    {upstream_timeout, "upstream_timeout", upstream, 504, true,
     "The upstream did not begin its response in time."},
    {upstream_reset, "upstream_reset", upstream, 502, true,
     "The upstream closed the connection before its response began."},
    {upstream_malformed, "upstream_malformed", upstream, 502, true,
     "What the upstream sent is not acceptable HTTP."},
    {upstream_body_reset, "upstream_body_reset", upstream, 502, true,
     "The upstream broke off its response."},
    {upstream_body_timeout, "upstream_body_timeout", upstream, 504, true,
     "The upstream's response stalled."},
    {no_healthy_upstream, "no_healthy_upstream", upstream, 503, true,
     "Every target of the upstream is ejected, unhealthy or unresolved."},
    {upstream_overflow, "upstream_overflow", gateway, 503, true,
     "The connection limit to the upstream is reached."},
    {shutdown, "shutdown", gateway, 503, true, "Cut off when the drain time was over."},
    {internal_error, "internal_error", gateway, 500, true, "A resource of the gateway ran out."},
}};

constexpr bool table_is_in_order() {
    for (std::size_t i = 0; i < kEndings.size(); ++i)
        if (static_cast<std::size_t>(kEndings[i].ending) != i) return false;
    return true;
}
static_assert(table_is_in_order());

constexpr std::string_view kOrigins[kOriginCount] = {"client", "gateway", "upstream"};

constexpr std::string_view kConnectionEndings[kConnectionEndingCount] = {"client_closed",
                                                                         "idle_timeout",
                                                                         "finished",
                                                                         "protocol_error",
                                                                         "client_reset",
                                                                         "exchange_failed",
                                                                         "timed_out",
                                                                         "tunnel_closed",
                                                                         "limit_exceeded",
                                                                         "tls_handshake_failed",
                                                                         "drained",
                                                                         "proxy_protocol_error",
                                                                         "h2_protocol_error",
                                                                         "h2_rapid_reset",
                                                                         "h2_continuation_flood",
                                                                         "h2_settings_flood",
                                                                         "h2_ping_flood",
                                                                         "h2_priority_flood",
                                                                         "h2_window_update_flood",
                                                                         "h2_empty_frame_flood",
                                                                         "h2_overhead_flood",
                                                                         "h2_header_bomb",
                                                                         "h2_stream_limit",
                                                                         "h2_output_flood",
                                                                         "h2_timeout"};

}  // namespace

const EndingInfo& info(Ending ending) noexcept {
    return kEndings[static_cast<std::size_t>(ending)];
}
std::string_view to_text(Ending ending) noexcept { return info(ending).slug; }
std::string_view to_text(Origin o) noexcept { return kOrigins[static_cast<std::size_t>(o)]; }
std::string_view to_text(TlsVersion version) noexcept {
    constexpr std::string_view kVersions[kTlsVersionCount] = {"", "TLSv1.2", "TLSv1.3"};
    return kVersions[static_cast<std::size_t>(version)];
}
std::string_view to_text(ConnectionEnding e) noexcept {
    return kConnectionEndings[static_cast<std::size_t>(e)];
}

}  // namespace glassgate::model
