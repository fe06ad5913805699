// Durations as Prometheus writes them: 1h30m, 15s, 250ms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace glassgate::store::query {

// Milliseconds; "0" is 0. Units in the order y w d h m s ms, each at most once.
[[nodiscard]] Result<int64_t> parse_duration_ms(std::string_view text);

// The canonical form: years and weeks only when nothing is left over; "0s".
[[nodiscard]] std::string duration_text(int64_t duration_ms);

}  // namespace glassgate::store::query
