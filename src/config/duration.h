// Durations as Go writes them: "10s", "500ms", "1m30s".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace glassgate::config {

// In milliseconds; nothing if it is no duration or not whole milliseconds.
[[nodiscard]] std::optional<uint64_t> parse_duration_ms(std::string_view text) noexcept;

}  // namespace glassgate::config
