// Base 64 (RFC 4648): §4 with padding for what is encoded, §5 without padding for HTTP2-Settings.
#pragma once

#include <string>
#include <string_view>

namespace glassgate::http {

void append_base64(std::string& out, std::string_view bytes);
void append_base64url(std::string& out, std::string_view bytes);

// The bytes of `text`; false for anything that no encoder writes: other characters, a wrong length,
// bits that should be zero.
[[nodiscard]] bool decode_base64(std::string_view text, std::string& out);
[[nodiscard]] bool decode_base64url(std::string_view text, std::string& out);

}  // namespace glassgate::http
