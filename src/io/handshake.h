// The TLS handshake of a socket, as a coroutine.
#pragma once

#include <cstdint>

#include "io/socket.h"
#include "io/tls/handshake_limiter.h"

namespace glassgate::io {

// Until the handshake of `socket` (see Socket::start_tls) is done: `none`, or why it was not.
// What the peer is to be told has then been sent, as far as the socket took it. deadline_ns: mono
// clock. `limiter` bounds how long the private key's work of many handshakes may hold the loop.
[[nodiscard]] Task<tls::Refusal> handshake(Socket& socket, tls::HandshakeLimiter& limiter,
                                           uint64_t deadline_ns);

}  // namespace glassgate::io
