// The SETTINGS a session begins with.
#pragma once

#include <nghttp2/nghttp2.h>

#include "http/h2/session.h"

namespace glassgate::http::h2 {

inline constexpr std::size_t kMaxSettings = 6;

// Returns how many of `entries` were filled.
std::size_t settings_entries(Role role, const Limits& limits,
                             nghttp2_settings_entry (&entries)[kMaxSettings]) noexcept;

}  // namespace glassgate::http::h2
