// One code point at a time out of UTF-8, as Go's utf8 package reads it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace glassgate::store::query {

inline constexpr char32_t kRuneError = 0xFFFD;

struct Rune {
    char32_t code = kRuneError;
    uint8_t bytes = 1;  // 1 for an invalid byte, which reads as kRuneError
    [[nodiscard]] bool invalid() const noexcept { return code == kRuneError && bytes == 1; }
};

// The first code point of a text that is not empty.
[[nodiscard]] inline Rune first_rune(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) -> char32_t { return static_cast<uint8_t>(text[i]); };
    const char32_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const uint8_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
    char32_t code = lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3F);
    }
    const char32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {};
    return {code, length};
}

[[nodiscard]] inline bool valid_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const Rune rune = first_rune(text);
        if (rune.invalid()) return false;
        text.remove_prefix(rune.bytes);
    }
    return true;
}

// A code point that is no surrogate and not above 0x10FFFF; anything else writes kRuneError.
inline void append_rune(std::string& out, char32_t code) {
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = kRuneError;
    const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

}  // namespace glassgate::store::query
