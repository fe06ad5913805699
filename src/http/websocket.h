// WebSocket at its beginning (RFC 6455 §4) and on its way from one HTTP version to the other
// (RFC 8441 §5); and server-sent events. Pure functions: once it is open a tunnel is bytes.
//
// Inside the gateway a WebSocket always is the GET with Upgrade of HTTP/1.1, which
// h2::read_request makes of an extended CONNECT and h2::write_upstream_head makes into one. What
// differs is the handshake, which HTTP/2 does not have:
//   client  upstream   what is to be done
//   h1      h1         nothing: the upstream judges the request, the client the Accept
//   h1      h2         check_websocket; a 2xx answer: accept_as_upgrade
//   h2      h1         check_websocket; a new Sec-WebSocket-Key (an edit); accepted_by the 101
//   h2      h2         check_websocket; a 2xx answer: accept_as_upgrade, for what asks for a 101
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace glassgate::http {

// Whether the request asks for a WebSocket, in either HTTP version.
[[nodiscard]] bool asks_for_websocket(const RequestHead& head) noexcept;

enum class WebSocketFault : uint8_t {
    none,
    bad_version,  // Sec-WebSocket-Version is not 13: 426, with ours (RFC 6455 §4.4)
    bad_key,      // Sec-WebSocket-Key is not one field of 16 bytes in base 64: 400
    not_a_get,    // 400
};
// Of a request that asks for one. An extended CONNECT has no key, and needs none.
[[nodiscard]] WebSocketFault check_websocket(const RequestHead& head) noexcept;
[[nodiscard]] std::string_view to_text(WebSocketFault fault) noexcept;
[[nodiscard]] uint16_t status_of(WebSocketFault fault) noexcept;

inline constexpr std::size_t kWebSocketKeyBytes = 24;
// A key from sixteen random bytes.
void make_websocket_key(const uint8_t (&random)[16], char (&key)[kWebSocketKeyBytes]);
// Sec-WebSocket-Accept for `key` (RFC 6455 §4.2.2). Appended.
void append_websocket_accept(std::string& out, std::string_view key);

// Whether an HTTP/1.1 upstream's 101 accepts the WebSocket that was asked for with `key`.
[[nodiscard]] bool accepted_by(const ResponseHead& head, std::string_view key);

// An HTTP/2 upstream has accepted an extended CONNECT with a 2xx: `head` becomes the 101 that it
// stands for. `key` is the client's; empty for an HTTP/2 client. What is made lives in `arena`.
void accept_as_upgrade(ResponseHead& head, std::string_view key, Arena& arena);

// text/event-stream, with or without parameters: a response that may last.
[[nodiscard]] bool is_event_stream(std::string_view content_type) noexcept;

}  // namespace glassgate::http
