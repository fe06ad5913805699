#include "store/query/number_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/text.h"

namespace glassgate::store::query {
namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

bool append_special(std::string& out, double value) {
    if (std::isnan(value))
        out += "NaN";
    else if (std::isinf(value))
        out += value > 0 ? "+Inf" : "-Inf";
    else
        return false;
    return true;
}

// The shortest digits and the decimal exponent of the first one: value = d.ddd * 10^exponent.
struct Digits {
    char text[24];
    int count = 0;
    int exponent = 0;
    bool negative = false;
};

Digits shortest(double value) {
    char buffer[40];
    const auto [end, error] =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    (void)error;  // 40 characters hold any double
    Digits digits;
    const char* at = buffer;
    if (*at == '-') {
        digits.negative = true;
        ++at;
    }
    for (; at != end && *at != 'e'; ++at)
        if (*at != '.') digits.text[digits.count++] = *at;
    if (at != end) ++at;
    if (at != end && *at == '+') ++at;
    std::from_chars(at, end, digits.exponent);
    return digits;
}

void append_scientific(std::string& out, double value) {
    char buffer[40];
    const auto [end, error] =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    (void)error;
    out.append(buffer, end);
}

std::optional<double> parse_special(std::string_view text) {
    bool negative = false;
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
        negative = text[0] == '-';
        text.remove_prefix(1);
        if (iequals(text, "nan")) return std::nullopt;
    }
    if (iequals(text, "inf") || iequals(text, "infinity")) {
        const double infinity = std::numeric_limits<double>::infinity();
        return negative ? -infinity : infinity;
    }
    if (iequals(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
    return std::nullopt;
}

// Digits with at most one point and, for hexadecimal, a p exponent. strtod reads more than this.
bool float_syntax(std::string_view text, bool hex) {
    bool digits = false;
    std::size_t i = 0;
    const auto is_digit = [&](char c) {
        const bool decimal = c >= '0' && c <= '9';
        return decimal || (hex && to_lower(c) >= 'a' && to_lower(c) <= 'f');
    };
    for (bool point = false; i < text.size(); ++i) {
        if (is_digit(text[i]))
            digits = true;
        else if (text[i] == '.' && !point)
            point = true;
        else
            break;
    }
    if (!digits) return false;
    if (i == text.size()) return !hex;
    if (to_lower(text[i]) != (hex ? 'p' : 'e')) return false;
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (i == text.size()) return false;
    for (; i < text.size(); ++i)
        if (text[i] < '0' || text[i] > '9') return false;
    return true;
}

// An integer as ParseInt(text, 0, 64) reads it, without sign.
std::optional<double> parse_integer(std::string_view text) {
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
        const char mark = to_lower(text[1]);
        base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 8;
        text.remove_prefix(mark == 'x' || mark == 'o' || mark == 'b' ? 2 : 1);
    }
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || text[0] == '-' || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return static_cast<double>(value);
}

}  // namespace

void append_fixed(std::string& out, double value) {
    if (append_special(out, value)) return;
    if (std::abs(value) < kExactIntegers && value == std::floor(value) &&
        (value != 0 || !std::signbit(value))) {
        char buffer[24];
        const auto [end, error] =
            std::to_chars(buffer, buffer + sizeof buffer, static_cast<int64_t>(value));
        (void)error;
        out.append(buffer, end);
        return;
    }
    const Digits d = shortest(value);
    if (d.negative) out += '-';
    const auto count = static_cast<std::size_t>(d.count);
    if (d.exponent < 0) {
        out += "0.";
        out.append(static_cast<std::size_t>(-d.exponent - 1), '0');
        out.append(d.text, count);
        return;
    }
    const auto whole = static_cast<std::size_t>(d.exponent) + 1;
    if (count <= whole) {
        out.append(d.text, count);
        out.append(whole - count, '0');
        return;
    }
    out.append(d.text, whole);
    out += '.';
    out.append(d.text + whole, count - whole);
}

void append_api_value(std::string& out, double value) {
    const double size = std::abs(value);
    if (std::isfinite(value) && size != 0 && (size < 1e-6 || size >= 1e21))
        append_scientific(out, value);
    else
        append_fixed(out, value);
}

std::string general_text(double value) {
    std::string out;
    if (append_special(out, value)) return out;
    const int exponent = value == 0 ? 0 : shortest(value).exponent;
    if (exponent < -4 || exponent >= 6)
        append_scientific(out, value);
    else
        append_fixed(out, value);
    return out;
}

std::string six_digits(double value) {
    std::string out;
    if (append_special(out, value)) return out;
    char buffer[400];
    const int length = std::snprintf(buffer, sizeof buffer, "%f", value);
    return std::string(buffer, static_cast<std::size_t>(length));
}

std::optional<double> parse_float(std::string_view text) {
    if (const auto special = parse_special(text)) return special;
    std::string_view digits = text;
    if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) digits.remove_prefix(1);
    const bool hex = digits.size() > 2 && digits[0] == '0' && to_lower(digits[1]) == 'x';
    if (!float_syntax(hex ? digits.substr(2) : digits, hex)) return std::nullopt;
    const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
    const char* end = text.data() + text.size();
    double value = 0;
    if (!hex) {
        const auto result = std::from_chars(begin, end, value);
        if (result.ec == std::errc{}) return value;
    }
    // Hexadecimal, or out of range: too small reads as 0, too large is an error.
    value = std::strtod(std::string(begin, end).c_str(), nullptr);
    if (std::isinf(value)) return std::nullopt;
    return value;
}

std::optional<double> parse_number(std::string_view text) {
    if (const auto integer = parse_integer(text)) return integer;
    return parse_float(text);
}

}  // namespace glassgate::store::query
