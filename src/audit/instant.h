// Times as the audit log writes them: UTC with six decimals, 2026-11-27T09:14:22.123456Z.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glassgate::audit {

inline constexpr std::size_t kInstantBytes = 27;

// Nanoseconds below a microsecond are dropped.
void append_instant(std::string& out, uint64_t wall_ns);
[[nodiscard]] std::string instant(uint64_t wall_ns);
// Exactly the form above, a date that exists, from 1970 on.
[[nodiscard]] std::optional<uint64_t> parse_instant(std::string_view text) noexcept;
// What people type: the form above with any number of decimals or none, or only a date.
[[nodiscard]] std::optional<uint64_t> parse_loose_instant(std::string_view text) noexcept;

}  // namespace glassgate::audit
