#include "store/query/string_literal.h"

#include <cstdint>
#include <cstdio>

#include "store/query/utf8.h"

namespace glassgate::store::query {
namespace {

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// `count` digits of a base off the front of the text.
std::optional<char32_t> take_code(std::string_view& text, std::size_t count, int base) {
    if (text.size() < count) return std::nullopt;
    char32_t code = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const int digit = hex_digit(text[i]);
        if (digit < 0 || digit >= base) return std::nullopt;
        code = code * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
    }
    text.remove_prefix(count);
    return code;
}

char simple_escape(char c) noexcept {
    switch (c) {
        case 'a':
            return '\a';
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'v':
            return '\v';
        case '\\':
            return '\\';
        default:
            return 0;
    }
}

// The escape behind a backslash that is already taken.
bool append_escape(std::string& out, std::string_view& text, char quote) {
    if (text.empty()) return false;
    const char c = text[0];
    if (const char simple = simple_escape(c)) {
        out += simple;
        text.remove_prefix(1);
        return true;
    }
    if (c == quote) {
        out += c;
        text.remove_prefix(1);
        return true;
    }
    if (c >= '0' && c <= '7') {
        const auto code = take_code(text, 3, 8);
        if (!code || *code > 255) return false;
        out += static_cast<char>(*code);
        return true;
    }
    if (c != 'x' && c != 'u' && c != 'U') return false;
    text.remove_prefix(1);
    const auto code = take_code(text, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16);
    if (!code || *code > 0x10FFFF) return false;
    if (c == 'x')
        out += static_cast<char>(*code);
    else
        append_rune(out, *code);
    return true;
}

void append_quoted(std::string& out, Rune rune, std::string_view bytes, char quote) {
    char buffer[16];
    const auto code = static_cast<unsigned>(rune.code);
    if (rune.invalid()) {
        std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<uint8_t>(bytes[0]));
        out += buffer;
    } else if (code == static_cast<unsigned>(quote) || code == '\\') {
        out += '\\';
        out += static_cast<char>(code);
    } else if (code >= 0x20 && code < 0x7F) {
        out += static_cast<char>(code);
    } else if (code > 0xA0 && code != 0xAD && code != 0xFEFF && (code < 0x2000 || code > 0x200F) &&
               (code < 0x2028 || code > 0x202F) && (code < 0xE000 || code > 0xF8FF)) {
        out += bytes;
    } else {
        static constexpr std::string_view kNamed = "abtnvfr";  // 7 .. 13
        if (code >= 7 && code <= 13) {
            out += '\\';
            out += kNamed[code - 7];
            return;
        }
        std::snprintf(buffer, sizeof buffer, code < 0x80 ? "\\x%02x" : "\\u%04x", code);
        out += buffer;
    }
}

}  // namespace

std::optional<std::string> unquote(std::string_view literal) {
    if (literal.size() < 2 || literal.front() != literal.back()) return std::nullopt;
    const char quote = literal.front();
    std::string_view text = literal.substr(1, literal.size() - 2);
    if (quote == '`') {
        if (text.find('`') != std::string_view::npos) return std::nullopt;
        return std::string(text);
    }
    if (quote != '"' && quote != '\'') return std::nullopt;
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const char c = text[0];
        if (c == quote || c == '\n') return std::nullopt;
        text.remove_prefix(1);
        if (c != '\\')
            out += c;
        else if (!append_escape(out, text, quote))
            return std::nullopt;
    }
    return out;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const Rune rune = first_rune(text);
        append_quoted(out, rune, text.substr(0, rune.bytes), '"');
        text.remove_prefix(rune.bytes);
    }
    return out += '"';
}

std::string quoted_rune(char32_t rune) {
    std::string bytes;
    append_rune(bytes, rune);
    std::string out = "'";
    append_quoted(out, first_rune(bytes), bytes, '\'');
    return out += '\'';
}

}  // namespace glassgate::store::query
