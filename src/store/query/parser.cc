#include "store/query/parser.h"

#include <algorithm>

#include "store/query/grammar.h"

namespace glassgate::store::query {
namespace {

struct Place {
    std::size_t line = 1;
    std::size_t column = 1;
    std::size_t line_begin = 0;
};

Place place_of(std::size_t at, std::string_view text) noexcept {
    Place place;
    at = std::min(at, text.size());
    for (std::size_t i = 0; i < at; ++i) {
        if (text[i] != '\n') continue;
        ++place.line;
        place.line_begin = i + 1;
    }
    place.column = at - place.line_begin + 1;
    return place;
}

}  // namespace

std::string ParseError::to_text(std::string_view expression) const {
    const Place place = place_of(span.begin, expression);
    return std::to_string(place.line) + ":" + std::to_string(place.column) +
           ": parse error: " + message;
}

std::string ParseError::to_text_with_caret(std::string_view expression) const {
    const Place place = place_of(span.begin, expression);
    const std::string_view from_line = expression.substr(place.line_begin);
    const std::string_view line = from_line.substr(0, from_line.find('\n'));
    std::string out = to_text(expression);
    out.append("\n  ").append(line).append("\n  ");
    // Tabs stay tabs and a character is one column, so that the caret stands where it should.
    for (const char c : line.substr(0, place.column - 1)) {
        if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;
        out += c == '\t' ? '\t' : ' ';
    }
    return out += '^';
}

Parsed<ExprPtr> parse(std::string_view expression) {
    ExprPtr expr = TRY(Grammar(expression).whole_expression());
    TRY_STATUS(check_types(*expr, expression));
    mark_step_invariant(*expr);
    return expr;
}

Parsed<std::vector<Matcher>> parse_selector(std::string_view selector) {
    return Grammar(selector).whole_selector();
}

Parsed<Labels> parse_labels(std::string_view text) { return Grammar(text).whole_labels(); }

}  // namespace glassgate::store::query
