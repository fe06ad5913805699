#include "config/duration.h"

#include "base/text.h"

namespace glassgate::config {
namespace {

// Longest first where one begins with another.
struct Unit {
    std::string_view name;
    uint64_t ms;
};
constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
constexpr uint64_t kMost = uint64_t{1} << 40;  // some 35 years

}  // namespace

std::optional<uint64_t> parse_duration_ms(std::string_view text) noexcept {
    if (text.empty()) return std::nullopt;
    uint64_t sum = 0;
    while (!text.empty()) {
        std::size_t digits = 0;
        while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
        const auto number = parse_u64(text.substr(0, digits));
        if (digits == 0 || !number || *number > kMost) return std::nullopt;
        text.remove_prefix(digits);
        const Unit* found = nullptr;
        for (const Unit& unit : kUnits)
            if (found == nullptr && text.starts_with(unit.name)) found = &unit;
        if (found == nullptr || *number > kMost / found->ms) return std::nullopt;
        text.remove_prefix(found->name.size());
        sum += *number * found->ms;
        if (sum > kMost) return std::nullopt;
    }
    return sum;
}

}  // namespace glassgate::config
