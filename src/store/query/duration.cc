#include "store/query/duration.h"

#include <array>
#include <charconv>
#include <limits>

#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

struct Unit {
    std::string_view name;
    int64_t ms;
    bool only_if_exact;
};

constexpr int64_t kDayMs = 24 * 3600 * 1000;
constexpr std::array<Unit, 7> kUnits = {{{"y", 365 * kDayMs, true},
                                         {"w", 7 * kDayMs, true},
                                         {"d", kDayMs, false},
                                         {"h", 3600 * 1000, false},
                                         {"m", 60 * 1000, false},
                                         {"s", 1000, false},
                                         {"ms", 1, false}}};
// Prometheus counts nanoseconds in 64 bits.
constexpr int64_t kDurationMaxMs = std::numeric_limits<int64_t>::max() / 1'000'000;

}  // namespace

Result<int64_t> parse_duration_ms(std::string_view text) {
    if (text == "0") return 0;
    if (text.empty()) return failure("empty duration string");
    const auto invalid = [&] { return failure("not a valid duration string: " + quoted(text)); };
    int64_t total = 0;
    bool overflow = false;
    std::size_t next_unit = 0;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t digits = at;
        while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
        std::size_t end = digits;
        while (end < text.size() && text[end] >= 'a' && text[end] <= 'z') ++end;
        const std::string_view name = text.substr(digits, end - digits);
        while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
        if (digits == at || next_unit == kUnits.size()) return invalid();
        const int64_t unit_ms = kUnits[next_unit++].ms;
        int64_t count = 0;
        const auto result = std::from_chars(text.data() + at, text.data() + digits, count);
        overflow = overflow || result.ec != std::errc{} || count > kDurationMaxMs / unit_ms ||
                   (total += count * unit_ms) > kDurationMaxMs;
        if (overflow) total = 0;
        at = end;
    }
    if (overflow) return failure("duration out of range");
    return total;
}

std::string duration_text(int64_t duration_ms) {
    if (duration_ms == 0) return "0s";
    std::string out;
    for (const Unit& unit : kUnits) {
        if (unit.only_if_exact && duration_ms % unit.ms != 0) continue;
        if (const int64_t count = duration_ms / unit.ms; count > 0) {
            out += std::to_string(count);
            out += unit.name;
            duration_ms -= count * unit.ms;
        }
    }
    return out;
}

}  // namespace glassgate::store::query
