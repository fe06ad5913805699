// A rate as people write it: "100/min".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glassgate::policy {

struct Rate {
    uint64_t requests = 0;
    uint64_t period_ms = 0;
    bool operator==(const Rate&) const = default;
};

inline constexpr std::string_view kRateForm =
    "a rate such as 100/min (N/s, N/sec, N/second, N/min, N/minute, N/h, N/hour or N/day), or "
    "{requests: N, periodMs: M}";

// "N/UNIT", spaces around the slash allowed. Nothing on any other text.
[[nodiscard]] std::optional<Rate> parse_rate(std::string_view text) noexcept;

// In the shortest of those forms: "100/min"; "5/1500ms" for a period without a name.
[[nodiscard]] std::string rate_text(const Rate& rate);

}  // namespace glassgate::policy
