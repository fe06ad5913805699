#include "policy/rate.h"

#include "base/text.h"

namespace glassgate::policy {
namespace {

struct Unit {
    std::string_view name;
    uint64_t period_ms;
};
// The first name of a period is the one it is shown with.
constexpr Unit kUnits[] = {
    {"s", 1000},        {"sec", 1000},       {"second", 1000}, {"min", 60'000},
    {"minute", 60'000}, {"hour", 3'600'000}, {"h", 3'600'000}, {"day", 86'400'000},
};

}  // namespace

std::optional<Rate> parse_rate(std::string_view text) noexcept {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const std::optional<uint64_t> requests = parse_u64(trim_ows(text.substr(0, slash)));
    if (!requests) return std::nullopt;
    const std::string_view name = trim_ows(text.substr(slash + 1));
    for (const Unit& unit : kUnits)
        if (unit.name == name) return Rate{*requests, unit.period_ms};
    return std::nullopt;
}

std::string rate_text(const Rate& rate) {
    std::string out;
    append_u64(out, rate.requests);
    out += '/';
    for (const Unit& unit : kUnits)
        if (unit.period_ms == rate.period_ms) return out.append(unit.name);
    const bool whole_seconds = rate.period_ms % 1000 == 0;
    append_u64(out, whole_seconds ? rate.period_ms / 1000 : rate.period_ms);
    return out += whole_seconds ? "s" : "ms";
}

}  // namespace glassgate::policy
