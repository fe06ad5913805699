// The words of a filter.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::flight {

// What is wrong with a filter, and where: columns count bytes from 1.
struct FilterError {
    std::size_t column = 1;
    std::string message;
};

enum class TokenKind : uint8_t { word, text, op, open, close, comma, end };
struct Token {
    TokenKind kind = TokenKind::end;
    std::string value;  // of a text: without quotes, escapes resolved
    std::size_t column = 1;
};

inline constexpr std::size_t kFilterBytesMax = 4096;

[[nodiscard]] std::expected<std::vector<Token>, FilterError> tokens_of(std::string_view filter);

}  // namespace glassgate::flight
