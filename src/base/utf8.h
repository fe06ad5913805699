// Well-formed UTF-8 (Unicode 15, §3.9, table 3-7), a character at a time.
#pragma once

#include <cstddef>
#include <string_view>

namespace glassgate {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

struct Utf8Sequence {
    std::size_t length = 1;
    bool valid = true;
};

// The character at the front of `text` (not empty), or the ill-formed maximal subpart, which a
// reader replaces by one U+FFFD.
[[nodiscard]] Utf8Sequence front_sequence(std::string_view text) noexcept;

}  // namespace glassgate
