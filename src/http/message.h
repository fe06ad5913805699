// The head of one message, parsed in place: every view points into the caller's buffer, which must
// outlive it. Nothing here allocates. HTTP/2 heads (h2/read_head.h) have the same form.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/inline_vector.h"
#include "base/method.h"

namespace glassgate::http {

// Headers the gateway itself reads or writes. Everything else is `other` and passes through.
enum class KnownHeader : uint8_t {
    other,
    host,
    connection,
    keep_alive,
    proxy_connection,
    proxy_authenticate,
    proxy_authorization,
    transfer_encoding,
    content_length,
    te,
    trailer,
    upgrade,
    expect,
    via,
    forwarded,
    x_forwarded_for,
    x_forwarded_proto,
    x_forwarded_host,
    x_request_id,
    traceparent,
    tracestate,
    b3,
    x_b3_traceid,
    x_b3_spanid,
    x_b3_parentspanid,
    x_b3_sampled,
    x_b3_flags,
    authorization,
    cookie,
    set_cookie,
    user_agent,
    content_type,
    server,
    date,
    client_id,
    client_secret,
    max_forwards,
    x_ratelimit_limit,
    x_ratelimit_remaining,
    x_ratelimit_reset,
    retry_after,
    x_real_ip,
    http2_settings,
};
inline constexpr std::size_t kKnownHeaderCount =
    static_cast<std::size_t>(KnownHeader::http2_settings) + 1;

// Case-insensitive. `name` is a token (RFC 9110 §5.6.2), as the parsers guarantee.
[[nodiscard]] KnownHeader known_header(std::string_view name) noexcept;

struct HeaderField {
    std::string_view name;   // as sent
    std::string_view value;  // without surrounding white space
    KnownHeader known = KnownHeader::other;
};

inline constexpr std::size_t kMaxHeaders = 256;  // hard; a listener's limit is at most this
using HeaderList = InlineVector<HeaderField, kMaxHeaders>;

// First value by name, or an empty view with data() == nullptr when absent.
[[nodiscard]] std::string_view find(const HeaderList& headers, KnownHeader known) noexcept;
[[nodiscard]] std::string_view find(const HeaderList& headers, std::string_view name) noexcept;

enum class Version : uint8_t { http10, http11, http2 };

enum class BodyKind : uint8_t {
    none,
    length,       // exactly `content_length` bytes follow
    chunked,      // of unknown length; in HTTP/2 it ends with END_STREAM
    until_close,  // responses only
};

// What the head says besides its fields: small, so that clearing it for the next message is cheap.
struct RequestFacts {
    Method method = Method::other;
    std::string_view method_text;
    std::string_view target;     // as sent
    std::string_view path;       // starts with '/', or "*" for OPTIONS *; no query, no fragment
    std::string_view query;      // after '?', without it
    bool has_query = false;      // "/x?" has an empty query
    std::string_view authority;  // from the absolute form, else the Host header; may be empty (1.0)
    bool absolute_form = false;
    bool has_max_forwards = false;  // a valid Max-Forwards (RFC 9110 §7.6.2)
    uint32_t max_forwards = 0;      // for OPTIONS and TRACE: 0 must be answered here
    Version version = Version::http11;
    BodyKind body = BodyKind::none;
    uint64_t content_length = 0;
    bool keep_alive = true;  // what the client allows (version and Connection)
    bool expect_continue = false;
    bool has_upgrade = false;  // Upgrade and Connection: upgrade, in a 1.1 request without a
                               // body, to a protocol that can be tunnelled (never h2c: it would
                               // carry requests past every policy)
    std::string_view upgrade;  // its value
    bool te_trailers = false;  // TE: trailers
    bool extended_connect = false;  // HTTP/2's CONNECT with :protocol (RFC 8441), in the form of
                                    // the GET with Upgrade that it stands for
};
struct RequestHead : RequestFacts {
    HeaderList headers;
    void clear() noexcept {
        static_cast<RequestFacts&>(*this) = {};
        headers.clear();
    }
};

struct ResponseFacts {
    Version version = Version::http11;
    uint16_t status = 0;
    std::string_view reason;
    BodyKind body =
        BodyKind::none;  // already considers the request method and status (1xx/204/304)
    uint64_t content_length = 0;
    bool has_content_length = false;  // also true for HEAD/304 where no body follows
    bool keep_alive = true;           // what the upstream allows
    bool switching = false;           // 101 with Upgrade
    std::string_view upgrade;
};
struct ResponseHead : ResponseFacts {
    HeaderList headers;
    void clear() noexcept {
        static_cast<ResponseFacts&>(*this) = {};
        headers.clear();
    }
};

}  // namespace glassgate::http
