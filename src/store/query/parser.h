// The query language's parser: Prometheus 2.42's grammar and the type checks it makes at parse
// time. Pure; any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "store/query/expr.h"

namespace glassgate::store::query {

struct ParseError {
    Span span;
    std::string message;

    // "1:7: parse error: unexpected end of input", for the expression it came from.
    [[nodiscard]] std::string to_text(std::string_view expression) const;
    // The same, then the line it is in with a caret under the place.
    [[nodiscard]] std::string to_text_with_caret(std::string_view expression) const;
};

template <typename T>
using Parsed = std::expected<T, ParseError>;

// Higher trees and deeper nesting are refused, for the sake of the stack (Prometheus has no such
// limit; nobody writes them). A chain of n operators is n high.
inline constexpr uint32_t kHeightMax = 1000;
inline constexpr uint32_t kNestingMax = 250;

[[nodiscard]] Parsed<ExprPtr> parse(std::string_view expression);

// A selector alone, as match[] takes it: the matchers.
[[nodiscard]] Parsed<std::vector<Matcher>> parse_selector(std::string_view selector);

// Labels alone, as in rule tests: name{a="b"}; the name or the braces may be missing. Sorted.
[[nodiscard]] Parsed<Labels> parse_labels(std::string_view text);

// What the parser does after the grammar: types, argument counts, matching; then marks what does
// not change from step to step.
[[nodiscard]] Parsed<void> check_types(Expr& expr, std::string_view expression);
void mark_step_invariant(Expr& expr);

}  // namespace glassgate::store::query
