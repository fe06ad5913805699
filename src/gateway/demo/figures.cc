#include "gateway/demo/figures.h"

#include <cmath>
#include <cstdio>

namespace glassgate::gateway::demo {

std::string with_thousands(uint64_t value) {
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, 1, ',');
    }
    return text;
}

std::string decimal(double value, int digits) {
    char text[48];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string compact(double value) {
    if (value >= 9999.5) return decimal(value / 1000, 1) + "k";
    return with_thousands(static_cast<uint64_t>(std::llround(value)));
}

std::string percent(double share) { return decimal(share * 100, 1) + "%"; }

std::string milliseconds(double ms) {
    return with_thousands(static_cast<uint64_t>(std::llround(ms))) + "ms";
}

std::string clock_text(double seconds) {
    const auto whole = static_cast<unsigned>(seconds < 0 ? 0 : seconds);
    char text[16];
    std::snprintf(text, sizeof text, "%02u:%02u", whole / 60 % 1000, whole % 60);
    return text;
}

}  // namespace glassgate::gateway::demo
