#include "base/utf8.h"

#include <cstdint>

namespace glassgate {
namespace {

// What may follow a lead byte: how many more bytes, and the range of the first of them; the others
// are 80..BF.
struct Lead {
    uint8_t more = 0;  // 0: not a lead byte of a sequence
    uint8_t low = 0x80, high = 0xBF;
};

constexpr Lead lead_of(uint8_t byte) noexcept {
    if (byte >= 0xC2 && byte <= 0xDF) return {1};
    if (byte == 0xE0) return {2, 0xA0, 0xBF};
    if (byte == 0xED) return {2, 0x80, 0x9F};  // no surrogates
    if (byte >= 0xE1 && byte <= 0xEF) return {2};
    if (byte == 0xF0) return {3, 0x90, 0xBF};
    if (byte >= 0xF1 && byte <= 0xF3) return {3};
    if (byte == 0xF4) return {3, 0x80, 0x8F};  // up to U+10FFFF
    return {0};
}

}  // namespace

Utf8Sequence front_sequence(std::string_view text) noexcept {
    const uint8_t first = static_cast<uint8_t>(text[0]);
    if (first < 0x80) return {1, true};
    const Lead lead = lead_of(first);
    if (lead.more == 0) return {1, false};
    for (std::size_t i = 1; i <= lead.more; ++i) {
        if (i == text.size()) return {i, false};
        const uint8_t byte = static_cast<uint8_t>(text[i]);
        const bool fits = i == 1 ? byte >= lead.low && byte <= lead.high : (byte & 0xC0) == 0x80;
        if (!fits) return {i, false};
    }
    return {std::size_t{lead.more} + 1, true};
}

}  // namespace glassgate
