// The way from HTTP/1.1 to HTTP/2 on one cleartext connection (RFC 7540 §3.2). RFC 9113 has
// deprecated it; clients that know it still ask.
#pragma once

#include <string_view>

#include "http/message.h"

namespace glassgate::http::h2 {

// The value of HTTP2-Settings when the request asks for h2c and may have it: a 1.1 request without
// a body, "h2c" in Upgrade, and both fields named by Connection. data() is null otherwise; then the
// request is an ordinary one, as an Upgrade may always be ignored.
//
// To accept: send the 101 of kSwitchingToH2c, make a Session and call adopt_upgrade with the value;
// when that refuses the value, answer in HTTP/1.1 instead (so: before the 101).
[[nodiscard]] std::string_view asks_for_h2c(const RequestHead& head) noexcept;

inline constexpr std::string_view kSwitchingToH2c =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

}  // namespace glassgate::http::h2
