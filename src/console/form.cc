#include "console/form.h"

namespace glassgate::console {
namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The escape at `at`; -1: none.
int escape_at(std::string_view text, std::size_t at) noexcept {
    if (at + 2 >= text.size()) return -1;
    const int high = hex_value(text[at + 1]), low = hex_value(text[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string broken_escape(std::string_view text) {
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1))
        if (escape_at(text, at) < 0)
            return "invalid URL escape \"" + std::string(text.substr(at, 3)) + "\"";
    return {};
}

}  // namespace

std::optional<std::string> decode_percent(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '%') {
            const int byte = escape_at(text, at);
            if (byte < 0) return std::nullopt;
            decoded += static_cast<char>(byte);
            at += 2;
        } else {
            decoded += text[at] == '+' && plus_is_space ? ' ' : text[at];
        }
    }
    return decoded;
}

void read_form(std::string_view text, Parameters& into, std::string& problem) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('&'), text.size());
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty()) continue;
        if (pair.find(';') != std::string_view::npos) {
            if (problem.empty()) problem = "invalid semicolon separator in query";
            continue;
        }
        const std::size_t equals = std::min(pair.find('='), pair.size());
        auto name = decode_percent(pair.substr(0, equals), true);
        auto value = decode_percent(pair.substr(std::min(equals + 1, pair.size())), true);
        if (name && value)
            into.add(*std::move(name), *std::move(value));
        else if (problem.empty())
            problem = broken_escape(pair);
    }
}

}  // namespace glassgate::console
