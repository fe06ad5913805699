#include "base/card_numbers.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace glassgate {
namespace {

constexpr std::size_t kDigitsMin = kCardDigitsMin, kDigitsMax = 19, kDigitsShown = 4;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

struct Token {
    enum class Kind : uint8_t { digit, separator, other } kind = Kind::other;
    uint8_t length = 1;
    uint8_t value = 0;  // of a digit
};

Token encoded_token(std::string_view text) noexcept {
    using enum Token::Kind;
    if (text[1] == '3' && is_digit(text[2])) return {digit, 3, static_cast<uint8_t>(text[2] - '0')};
    const char last = to_lower(text[2]);
    const bool separates = text[1] == '2' && (last == '0' || last == 'd' || last == 'b');
    return separates ? Token{separator, 3, 0} : Token{};
}

Token token_at(std::string_view text) noexcept {
    using enum Token::Kind;
    const char c = text[0];
    if (is_digit(c)) return {digit, 1, static_cast<uint8_t>(c - '0')};
    if (c == ' ' || c == '-' || c == '+') return {separator, 1, 0};
    if (c == '%' && text.size() >= 3) return encoded_token(text);
    return {};
}

struct Digit {
    std::size_t at;  // in the text
    uint8_t length;  // 1, or 3 when percent-encoded
    uint8_t value;
    bool begins_group;  // what stands before it is no digit
    bool ends_group;
    bool masked = false;
};

// A row: digits with nothing but separators between them.
class Row {
public:
    void clear() noexcept { digits_.clear(); }
    void add(std::size_t at, Token token, bool begins_group) {
        if (begins_group && !digits_.empty()) digits_.back().ends_group = true;
        digits_.push_back({at, token.length, token.value, begins_group || digits_.empty(), false});
    }
    [[nodiscard]] std::size_t size() const noexcept { return digits_.size(); }
    [[nodiscard]] const std::vector<Digit>& digits() const noexcept { return digits_; }

    // Marks what must be masked; true if anything must.
    bool mark();

private:
    bool mark_once();
    void prepare_sums();
    [[nodiscard]] bool passes_luhn(std::size_t begin, std::size_t end) const noexcept;
    [[nodiscard]] bool is_known_scheme(std::size_t begin, std::size_t length) const noexcept;
    [[nodiscard]] std::size_t number_at(std::size_t begin) const noexcept;
    [[nodiscard]] unsigned prefix(std::size_t begin, std::size_t count) const noexcept;

    std::vector<Digit> digits_;
    // Sums over the first i digits in which those at odd (even) positions count doubled.
    std::vector<uint32_t> odd_doubled_, even_doubled_;
};

void Row::prepare_sums() {
    odd_doubled_.assign(1, 0);
    even_doubled_.assign(1, 0);
    for (std::size_t i = 0; i < digits_.size(); ++i) {
        const uint32_t once = digits_[i].value;
        const uint32_t twice = once < 5 ? 2 * once : 2 * once - 9;
        odd_doubled_.push_back(odd_doubled_.back() + (i % 2 == 1 ? twice : once));
        even_doubled_.push_back(even_doubled_.back() + (i % 2 == 0 ? twice : once));
    }
}

// The last digit counts once, the one before it doubled, and so on.
bool Row::passes_luhn(std::size_t begin, std::size_t end) const noexcept {
    const std::vector<uint32_t>& sums = (end - 1) % 2 == 0 ? odd_doubled_ : even_doubled_;
    return (sums[end] - sums[begin]) % 10 == 0;
}

unsigned Row::prefix(std::size_t begin, std::size_t count) const noexcept {
    unsigned value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 10 + digits_[begin + i].value;
    return value;
}

// Visa, Mastercard, American Express, Diners Club, Discover, UnionPay, JCB, Maestro.
bool Row::is_known_scheme(std::size_t begin, std::size_t length) const noexcept {
    const unsigned two = prefix(begin, 2), four = prefix(begin, 4);
    if (two / 10 == 4) return length == 13 || length == 16 || length == 19;
    if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return length == 16;
    if (two == 34 || two == 37) return length == 15;
    if (two == 36 || two == 38 || two == 39 || two == 30) return length == 14 || length == 16;
    if (two == 35) return length >= 16;
    if (two == 60 || two == 62 || two == 64 || two == 65) return length >= 16;
    return (two == 50 || (two >= 56 && two <= 69)) && length == 16;
}

// Length of the longest number that begins here and must be masked; 0: none does.
std::size_t Row::number_at(std::size_t begin) const noexcept {
    std::size_t room = 0;
    while (room < kDigitsMax && begin + room < digits_.size() && !digits_[begin + room].masked)
        ++room;
    const auto masked = [this](std::size_t i) { return i < digits_.size() && digits_[i].masked; };
    const bool bounded_before = digits_[begin].begins_group || (begin != 0 && masked(begin - 1));
    for (std::size_t length = room; length >= kDigitsMin; --length) {
        const std::size_t end = begin + length;
        if (!passes_luhn(begin, end)) continue;
        const bool bounded = bounded_before && (digits_[end - 1].ends_group || masked(end));
        if (bounded || is_known_scheme(begin, length)) return length;
    }
    return 0;
}

bool Row::mark_once() {
    bool any = false;
    for (std::size_t begin = 0; begin + kDigitsMin <= digits_.size();) {
        const std::size_t length = number_at(begin);
        if (length == 0) {
            ++begin;
            continue;
        }
        any = true;
        // The digits shown may begin another number: the search goes on with them.
        for (const std::size_t end = begin + length - kDigitsShown; begin < end; ++begin)
            digits_[begin].masked = true;
    }
    return any;
}

// What is masked bounds what is before it: until nothing is left to find.
bool Row::mark() {
    if (digits_.size() < kDigitsMin) return false;
    digits_.back().ends_group = true;
    prepare_sums();
    bool any = false;
    while (mark_once()) any = true;
    return any;
}

void apply(const Row& row, std::string& text) noexcept {
    for (const Digit& digit : row.digits())
        if (digit.masked) text.replace(digit.at, digit.length, digit.length == 1 ? "*" : "%2A");
}

}  // namespace

bool mask_card_numbers(std::string& text, std::size_t from) {
    thread_local Row row;  // scratch: steady state allocates nothing
    row.clear();
    bool any = false, after_digit = false;
    const auto end_row = [&] {
        if (row.mark()) {
            apply(row, text);
            any = true;
        }
        row.clear();
    };
    for (std::size_t at = from; at < text.size();) {
        const Token token = token_at(std::string_view(text).substr(at));
        if (token.kind == Token::Kind::digit)
            row.add(at, token, !after_digit);
        else if (token.kind == Token::Kind::other)
            end_row();
        after_digit = token.kind == Token::Kind::digit;
        at += token.length;
    }
    end_row();
    return any;
}

}  // namespace glassgate
