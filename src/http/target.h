// The request target and what it names (RFC 9112 §3.2).
#pragma once

#include <string_view>

#include "http/h1.h"

namespace glassgate::http {

// uri-host [":" port]: no userinfo, no list, a port of digits up to 65535. May be empty only where
// the caller says so.
[[nodiscard]] bool valid_authority(std::string_view host, bool may_be_empty) noexcept;

// Splits out.target, in the form that out.method asks for, into authority, path and query. `line`
// is the whole request line.
[[nodiscard]] ParseError parse_target(std::string_view line, RequestFacts& out) noexcept;

}  // namespace glassgate::http
