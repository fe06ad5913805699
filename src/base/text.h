// Small text functions for ASCII protocols. None allocates.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glassgate {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    return true;
}

// Without leading and trailing SP and HTAB (OWS of RFC 9110 §5.6.3).
[[nodiscard]] constexpr std::string_view trim_ows(std::string_view s) noexcept {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
}

// The whole text as a decimal number without sign; nothing on any other character or overflow.
[[nodiscard]] inline std::optional<uint64_t> parse_u64(std::string_view s) noexcept {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (s.empty() || s.front() == '-' || error != std::errc{} || end != s.data() + s.size())
        return std::nullopt;
    return value;
}

inline void append_u64(std::string& out, uint64_t value) {
    char digits[20];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    (void)error;  // 20 digits hold any uint64_t
    out.append(digits, end);
}

// Calls `use(element)` for each element of a comma-separated list (RFC 9110 §5.6.1), trimmed,
// empty ones skipped. Stops when `use` returns false; returns whether it went through.
template <typename Use>
constexpr bool for_each_list_element(std::string_view list, Use&& use) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        const std::string_view element = trim_ows(list.substr(0, comma));
        if (!element.empty() && !use(element)) return false;
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
    }
    return true;
}

}  // namespace glassgate
