// String literals: double quotes, single quotes with Go's escapes, back quotes without any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glassgate::store::query {

// What a literal, its quotes included, stands for; nothing when it is not one.
[[nodiscard]] std::optional<std::string> unquote(std::string_view literal);

// A double-quoted literal that stands for `text` (Go's %q).
[[nodiscard]] std::string quoted(std::string_view text);

// A character for a message, in single quotes (Go's %q of a rune).
[[nodiscard]] std::string quoted_rune(char32_t rune);

}  // namespace glassgate::store::query
