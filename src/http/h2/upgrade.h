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
// To accept: look whether the value is valid, send the 101 of kSwitchingToH2c, make a Session and
// call adopt_upgrade with the value. With one that is not valid: answer in HTTP/1.1 instead.
[[nodiscard]] std::string_view asks_for_h2c(const RequestHead& head) noexcept;

// Whether HTTP2-Settings is the payload of a SETTINGS frame (RFC 7540 §3.2.1) that may be sent
// (RFC 9113 §6.5.2): behind the 101 it would be too late to find out.
[[nodiscard]] bool valid_settings(std::string_view base64url);

inline constexpr std::string_view kSwitchingToH2c =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

}  // namespace glassgate::http::h2
