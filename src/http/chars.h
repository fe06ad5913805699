// Character classes of RFC 9110 and RFC 3986 as one table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace glassgate::http {

inline constexpr uint8_t kToken = 1;  // tchar, RFC 9110 §5.6.2
inline constexpr uint8_t kValue = 2;  // field-vchar, SP, HTAB and obs-text
inline constexpr uint8_t kTarget =
    4;  // what may stand in a request target (RFC 3986, pchar / "/" "?")
inline constexpr uint8_t kHost = 8;  // reg-name or IPv4address, and port (RFC 3986 §3.2.2)

inline constexpr std::array<uint8_t, 256> kCharClass = [] {
    std::array<uint8_t, 256> table{};
    const auto add = [&](std::string_view chars, uint8_t c) {
        for (const char ch : chars) table[static_cast<uint8_t>(ch)] |= c;
    };
    const std::string_view alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    add(alnum, kToken | kTarget | kHost);
    add("!#$%&'*+-.^_`|~", kToken);
    // Unreserved, sub-delims, ":@/?%", and those that browsers and clients send unencoded.
    add("-._~!$&'()*+,;=:@/?%[]|^`{}\"\\<>", kTarget);
    add("-._~!$&'()*+;=:%", kHost);
    for (unsigned c = 0x20; c < 256; ++c)
        if (c != 0x7f) table[c] |= kValue;
    table['\t'] |= kValue;
    return table;
}();

[[nodiscard]] inline bool is(char c, uint8_t char_class) noexcept {
    return (kCharClass[static_cast<uint8_t>(c)] & char_class) != 0;
}
[[nodiscard]] inline bool all(std::string_view s, uint8_t char_class) noexcept {
    for (const char c : s)
        if (!is(c, char_class)) return false;
    return true;
}

}  // namespace glassgate::http
