// fmt.Sprintf, for the values templates have.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "alert/template/functions.h"
#include "store/query/number_text.h"
#include "store/query/string_literal.h"
#include "store/query/utf8.h"

namespace glassgate::alert {
namespace {

constexpr int kWidthMax = 10'000;

struct Directive {
    bool minus = false, plus = false, sharp = false, space = false, zero = false;
    int width = -1, precision = -1;
    char32_t verb = 0;
};

std::size_t runes_in(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(std::string text, const Directive& d, bool may_zero = false) {
    const std::size_t size = runes_in(text);
    if (d.width < 0 || size >= static_cast<std::size_t>(d.width)) return text;
    const std::size_t missing = static_cast<std::size_t>(d.width) - size;
    if (d.minus) return text + std::string(missing, ' ');
    if (!d.zero || !may_zero) return std::string(missing, ' ') + text;
    const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
    return text.substr(0, sign) + std::string(missing, '0') + text.substr(sign);
}

std::string with_sign(std::string digits, const Directive& d) {
    if (digits.starts_with('-') || digits.starts_with('+')) return digits;
    if (d.plus) return "+" + digits;
    return d.space ? " " + digits : digits;
}

std::string verb_text(char32_t verb) {
    std::string out;
    store::query::append_rune(out, verb);
    return out;
}

std::string bad_verb(const Directive& d, const Value& value) {
    return "%!" + verb_text(d.verb) + "(" + std::string(type_name(value)) + "=" + to_text(value) +
           ")";
}

std::string special_float(double x, const Directive& d) {
    std::string text = std::isnan(x) ? "NaN" : x > 0 ? "+Inf" : "-Inf";
    if (std::isnan(x) && d.plus) text = "+NaN";
    if (text == "+Inf" && !d.plus) text = d.space ? " Inf" : "+Inf";
    return padded(std::move(text), d);
}

std::string float_text(double x, const Directive& d, const Value& value) {
    char verb = static_cast<char>(d.verb);
    if (d.verb == 'v') verb = 'g';
    if (d.verb == 'F') verb = 'f';
    if (std::string_view("eEfgG").find(verb) == std::string_view::npos) return bad_verb(d, value);
    if (!std::isfinite(x)) return special_float(x, d);
    if (d.precision < 0 && (verb == 'g' || verb == 'G')) {
        std::string text = store::query::general_text(x);
        if (verb == 'G')
            std::transform(text.begin(), text.end(), text.begin(),
                           [](char c) { return c == 'e' ? 'E' : c; });
        return padded(with_sign(std::move(text), d), d, true);
    }
    const char format[] = {'%', '.', '*', verb, '\0'};
    const char sharp_format[] = {'%', '#', '.', '*', verb, '\0'};
    const int precision = d.precision < 0 ? 6 : std::min(d.precision, 500);
    char text[1024];
    std::snprintf(text, sizeof text, d.sharp ? sharp_format : format, precision, x);
    return padded(with_sign(text, d), d, true);
}

std::string integer_digits(uint64_t magnitude, unsigned base, bool upper) {
    std::string out;
    do {
        const unsigned digit = static_cast<unsigned>(magnitude % base);
        out += static_cast<char>(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10);
        magnitude /= base;
    } while (magnitude != 0);
    std::reverse(out.begin(), out.end());
    return out;
}

std::string integer_text(int64_t n, const Directive& d, const Value& value) {
    std::string rune;
    switch (d.verb) {
        case 'c':
        case 'q':
            store::query::append_rune(rune,
                                      static_cast<char32_t>(std::clamp<int64_t>(n, 0, 0x110000)));
            return padded(
                d.verb == 'c' ? rune : store::query::quoted_rune(static_cast<char32_t>(n)), d);
        case 'U': {
            char text[32];
            std::snprintf(text, sizeof text, "U+%04llX", static_cast<unsigned long long>(n));
            return padded(text, d);
        }
        default:
            break;
    }
    const unsigned base = d.verb == 'b'                    ? 2
                          : d.verb == 'o' || d.verb == 'O' ? 8
                          : d.verb == 'x' || d.verb == 'X' ? 16
                                                           : 10;
    if (base == 10 && d.verb != 'd' && d.verb != 'v') return bad_verb(d, value);
    const uint64_t magnitude = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    std::string digits = integer_digits(magnitude, base, d.verb == 'X');
    const auto precision = static_cast<std::size_t>(std::max(d.precision, 0));
    if (digits.size() < precision) digits.insert(0, precision - digits.size(), '0');
    if (d.verb == 'O') digits.insert(0, "0o");
    if (d.sharp && base == 16) digits.insert(0, d.verb == 'X' ? "0X" : "0x");
    if (d.sharp && base == 8 && d.verb == 'o' && digits[0] != '0') digits.insert(0, "0");
    if (d.sharp && base == 2) digits.insert(0, "0b");
    if (n < 0) digits.insert(0, "-");
    return padded(with_sign(std::move(digits), d), d, d.precision < 0);
}

std::string hex_of(std::string_view text, bool upper) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 16) out += '0';
        out += integer_digits(byte, 16, upper);
    }
    return out;
}

std::string text_text(std::string_view text, const Directive& d, const Value& value) {
    if (d.precision >= 0) {
        std::size_t bytes = 0;
        for (int i = 0; i < d.precision && bytes < text.size(); ++i)
            bytes += store::query::first_rune(text.substr(bytes)).bytes;
        text = text.substr(0, bytes);
    }
    switch (d.verb) {
        case 'v':
        case 's':
            return padded(std::string(text), d, true);
        case 'q':
            return padded(store::query::quoted(text), d, true);
        case 'x':
            return padded(hex_of(text, false), d, true);
        case 'X':
            return padded(hex_of(text, true), d, true);
        default:
            return bad_verb(d, value);
    }
}

std::string one(Directive d, const Value& value) {
    if (d.verb == 'v') d.plus = false;  // %+v means something else, and that only for structures
    if (d.verb == 'T') return padded(std::string(type_name(value)), d);
    if (const auto* text = value.as<std::string>()) return text_text(*text, d, value);
    if (const auto* x = value.as<double>()) return float_text(*x, d, value);
    if (const auto* n = value.as<int64_t>()) return integer_text(*n, d, value);
    if (const auto* b = value.as<bool>(); b != nullptr && d.verb != 't' && d.verb != 'v')
        return bad_verb(d, value);
    if (value.nothing()) return d.verb == 'v' ? "<nil>" : "%!" + verb_text(d.verb) + "(<nil>)";
    return padded(to_text(value), d);
}

// Digits at the front of `rest`; -1: none.
int take_number(std::string_view& rest) {
    int number = -1;
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
        number = std::min(std::max(number, 0) * 10 + (rest[0] - '0'), kWidthMax);
        rest.remove_prefix(1);
    }
    return number;
}

class Formatter {
public:
    explicit Formatter(std::span<const Value> arguments) : arguments_(arguments) {}

    std::string run(std::string_view rest) {
        while (!rest.empty()) {
            const std::size_t percent = rest.find('%');
            out_ += rest.substr(0, percent);
            if (percent == std::string_view::npos) break;
            rest.remove_prefix(percent + 1);
            directive(rest);
            if (out_.size() > kExpandedBytesMax) return std::move(out_);
        }
        if (next_ < arguments_.size()) {
            out_ += "%!(EXTRA ";
            for (std::size_t i = next_; i < arguments_.size(); ++i) {
                if (i > next_) out_ += ", ";
                out_ += std::string(type_name(arguments_[i])) + "=" + to_text(arguments_[i]);
            }
            out_ += ')';
        }
        return std::move(out_);
    }

private:
    static void take_flags(Directive& d, std::string_view& rest) {
        for (; !rest.empty(); rest.remove_prefix(1)) switch (rest[0]) {
                case '-':
                    d.minus = true;
                    d.zero = false;
                    break;
                case '+':
                    d.plus = true;
                    break;
                case '#':
                    d.sharp = true;
                    break;
                case ' ':
                    d.space = true;
                    break;
                case '0':
                    d.zero = !d.minus;
                    break;
                default:
                    return;
            }
    }

    int take_star(std::string_view& rest) {
        rest.remove_prefix(1);
        const auto* n = next_ < arguments_.size() ? arguments_[next_].as<int64_t>() : nullptr;
        if (next_ < arguments_.size()) ++next_;
        return n != nullptr ? static_cast<int>(std::clamp<int64_t>(*n, -kWidthMax, kWidthMax)) : -1;
    }

    void directive(std::string_view& rest) {
        Directive d;
        take_flags(d, rest);
        d.width = rest.starts_with('*') ? take_star(rest) : take_number(rest);
        if (d.width < -1) {
            d.minus = true;
            d.width = -d.width;
        }
        if (rest.starts_with('.')) {
            rest.remove_prefix(1);
            d.precision = rest.starts_with('*') ? take_star(rest) : std::max(take_number(rest), 0);
        }
        if (rest.empty()) {
            out_ += "%!(NOVERB)";
            return;
        }
        const store::query::Rune rune = store::query::first_rune(rest);
        d.verb = rune.code;
        rest.remove_prefix(rune.bytes);
        if (d.verb == '%') {
            out_ += '%';
        } else if (next_ >= arguments_.size()) {
            out_ += "%!" + verb_text(d.verb) + "(MISSING)";
        } else {
            out_ += one(d, arguments_[next_++]);
        }
    }

    std::span<const Value> arguments_;
    std::size_t next_ = 0;
    std::string out_;
};

}  // namespace

std::string format_values(std::string_view format, std::span<const Value> arguments) {
    return Formatter(arguments).run(format);
}

}  // namespace glassgate::alert
