#include "telemetry/metrics/number_text.h"

#include <charconv>
#include <cmath>

namespace glassgate::telemetry {
namespace {

// The length of the UTF-8 sequence at the front (Unicode 15, table 3-7); 0 if there is none.
std::size_t sequence_length(std::string_view s) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
    const unsigned first = byte(0);
    if (first < 0x80) return first == 0 ? 0 : 1;
    if (first >= 0xC2 && first <= 0xDF) return s.size() >= 2 && tail(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if (s.size() < 3 || !tail(1) || !tail(2)) return 0;
        if (first == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
        if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogates
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (s.size() < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
        if (first == 0xF0 && byte(1) < 0x90) return 0;
        if (first == 0xF4 && byte(1) > 0x8F) return 0;
        return 4;
    }
    return 0;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

void append_number(std::string& out, int64_t value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
}

void append_number(std::string& out, double value) {
    constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
    if (std::isnan(value)) {
        out.append("NaN");
    } else if (std::isinf(value)) {
        out.append(value > 0 ? "+Inf" : "-Inf");
    } else if (std::trunc(value) == value && std::fabs(value) <= kExactIntegers) {
        append_number(out, static_cast<int64_t>(value));
    } else {
        char digits[32];
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        out.append(digits, end);
    }
}

void append_canonical_edge(std::string& out, double edge) {
    const std::size_t start = out.size();
    char digits[32];
    const auto end =
        std::to_chars(digits, digits + sizeof digits, edge, std::chars_format::fixed).ptr;
    out.append(digits, end);
    if (out.find('.', start) == std::string::npos) out.append(".0");
}

void append_utf8(std::string& out, std::string_view value) {
    while (!value.empty()) {
        const std::size_t length = sequence_length(value);
        if (length == 0) {
            out.append(kReplacement);
            value.remove_prefix(1);
        } else {
            out.append(value.substr(0, length));
            value.remove_prefix(length);
        }
    }
}

bool is_clean_label(std::string_view value) noexcept {
    while (!value.empty()) {
        const std::size_t length = sequence_length(value);
        if (length == 0) return false;
        value.remove_prefix(length);
    }
    return true;
}

void append_label_value(std::string& out, std::string_view value) {
    const std::size_t start = out.size();
    append_utf8(out, value);
    for (std::size_t i = start; i < out.size(); ++i) {
        const char c = out[i];
        if (c != '\\' && c != '"' && c != '\n') continue;
        if (c == '\n') out[i] = 'n';
        out.insert(i, 1, '\\');
        ++i;
    }
}

void append_help(std::string& out, std::string_view help, bool escape_quotes) {
    for (const char c : help) {
        if (c == '\n') {
            out.append("\\n");
            continue;
        }
        if (c == '\\' || (c == '"' && escape_quotes)) out.push_back('\\');
        out.push_back(c);
    }
}

}  // namespace glassgate::telemetry
