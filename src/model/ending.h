// How an exchange ended, and who decided it. Stated once, where it is known; never inferred.
#pragma once

#include <cstdint>
#include <string_view>

namespace glassgate::model {

// Whose doing the ending was. For a response that came from the upstream and reached the client it
// is the upstream's; for a request that was refused or given up because of what the client sent or
// did, the client's; for what the gateway could not or would not do for reasons of its own, the
// gateway's. This answers the question "503: gateway or upstream?".
enum class Origin : uint8_t { client, gateway, upstream };
inline constexpr std::size_t kOriginCount = 3;

// The closed set of endings. The slug in kEndings is the metric label, the log field and the span
// attribute. Adding one: a line here, a line in ending.cc (a static_assert keeps them equal).
enum class Ending : uint8_t {
    completed,  // the upstream's response, whatever its status, reached the client
    upgraded,   // an upgraded connection (WebSocket) lived and was closed in order
    // refused by policy
    rate_limited,       // 429
    auth_failed,        // 401 or 403: who is asking is unknown, unproven or not allowed
    policy_refused,     // any other refusal by a policy
    circuit_open,       // 503: the circuit breaker of the route is open
    audit_unavailable,  // 503: what must be recorded could not be
    // the request was not one
    malformed_request,   // 400, also 501 and 505: what came is not acceptable HTTP
    uri_too_long,        // 414
    header_too_large,    // 431
    body_too_large,      // 413
    expectation_failed,  // 417
    no_route,            // 404: no route matches
    method_not_allowed,  // 405: a route matches, but not for this method
    // the client went away or was too slow
    client_header_timeout,  // 408: the header section did not arrive in time
    client_body_timeout,    // 408: the request body did not go on in time
    client_write_timeout,   // the client stopped taking the response
    client_abort,           // 499: the client closed before its response was complete
    // the upstream failed
    upstream_dns_failed,       // 503: the upstream's name did not resolve
    upstream_connect_failed,   // 503: the connection was refused or unreachable
    upstream_connect_timeout,  // 504
    upstream_tls_failed,       // 502: the TLS handshake with the upstream failed
    upstream_timeout,          // 504: no response head in time
    upstream_reset,            // 502: closed or reset before a response head
    upstream_malformed,        // 502: what came back is not acceptable HTTP
    upstream_body_reset,       // the response broke off before its end
    upstream_body_timeout,     // the response stalled before its end
    no_healthy_upstream,       // 503: every target is ejected, unhealthy or unresolved
    upstream_overflow,         // 503: the connection limit to the upstream is reached
    // the gateway itself
    shutdown,        // cut off when the drain time was over
    internal_error,  // 500: a resource ran out
};
inline constexpr std::size_t kEndingCount = static_cast<std::size_t>(Ending::internal_error) + 1;

struct EndingInfo {
    Ending ending;
    std::string_view slug;
    Origin origin;    // the default; the place that states the ending may know better
    uint16_t status;  // what the client is sent if no response has begun; 0: nothing
    bool cut_short;   // the client never got (all of) a response, through no fault of its own
    std::string_view doc;
};

[[nodiscard]] const EndingInfo& info(Ending ending) noexcept;
[[nodiscard]] std::string_view to_text(Ending ending) noexcept;  // the slug
[[nodiscard]] std::string_view to_text(Origin origin) noexcept;

// Contract of flex_requests_errors_total: a 5xx sent to the client, or a response the client never
// got through no fault of its own. 4xx and 499 are not errors.
[[nodiscard]] inline bool is_error(Ending ending, uint16_t status) noexcept {
    return status >= 500 || info(ending).cut_short;
}

// See Exchange::failed().
[[nodiscard]] constexpr bool is_grpc_error(int grpc_status) noexcept {
    return grpc_status == 2 || grpc_status == 4 || (grpc_status >= 12 && grpc_status <= 15);
}

// How a connection ended. A refused connection has no exchange.
enum class ConnectionEnding : uint8_t {
    client_closed,         // closed by the client between two requests
    idle_timeout,          // no request for too long
    finished,              // closed by us after a response that said so
    protocol_error,        // closed by us after an unacceptable request
    client_reset,          // the client broke off in the middle of an exchange
    exchange_failed,       // closed by us because an exchange could not be completed
    timed_out,             // closed by us: header, body or write deadline
    tunnel_closed,         // an upgraded connection came to its end
    limit_exceeded,        // refused: the listener's connection limit is reached
    tls_handshake_failed,  // refused in the handshake
    drained,               // closed while the gateway was draining
    proxy_protocol_error,  // refused: no or a bad PROXY header (haproxy's proxy-protocol.txt)
    // HTTP/2: given up because of what the client did; one for each defence
    h2_protocol_error,  // against RFC 9113
    h2_rapid_reset,     // CVE-2023-44487
    h2_continuation_flood,
    h2_settings_flood,
    h2_ping_flood,
    h2_priority_flood,
    h2_window_update_flood,
    h2_empty_frame_flood,
    h2_overhead_flood,
    h2_header_bomb,
    h2_stream_limit,
    h2_output_flood,
    h2_timeout,  // no answer to SETTINGS or PING, or a header block that did not end
};
inline constexpr std::size_t kConnectionEndingCount =
    static_cast<std::size_t>(ConnectionEnding::h2_timeout) + 1;
[[nodiscard]] std::string_view to_text(ConnectionEnding ending) noexcept;

// What a connection speaks below HTTP.
enum class TlsVersion : uint8_t { none, tls1_2, tls1_3 };
inline constexpr std::size_t kTlsVersionCount = static_cast<std::size_t>(TlsVersion::tls1_3) + 1;
[[nodiscard]] std::string_view to_text(TlsVersion version) noexcept;  // "TLSv1.3"; none: ""

// The gateway turned the connection away, or gave it up to defend itself: the ending makes an
// event.
[[nodiscard]] constexpr bool is_refusal(ConnectionEnding ending) noexcept {
    using enum ConnectionEnding;
    return ending == limit_exceeded || ending == tls_handshake_failed ||
           ending >= proxy_protocol_error;
}

}  // namespace glassgate::model
