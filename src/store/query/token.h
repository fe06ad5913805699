// The words of the query language.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/query/expr.h"

namespace glassgate::store::query {

enum class TokenKind : uint8_t {
    end,
    error,
    comment,
    identifier,
    metric_identifier,  // has a colon
    number,
    duration,
    string,
    // Punctuation.
    left_brace,
    right_brace,
    left_bracket,
    right_bracket,
    left_paren,
    right_paren,
    comma,
    colon,
    equal,
    equal_regex,
    not_equal_regex,
    at,
    // An operator between expressions, `op` says which; `!=` also between a label and its value.
    op,
    aggregator,
    // Keywords.
    offset,
    by,
    without,
    on,
    ignoring,
    group_left,
    group_right,
    bool_,
    start,
    end_,
};

struct Token {
    TokenKind kind = TokenKind::end;
    Span span;
    std::string_view text;  // in the expression; an error's text is in `message`
    BinaryOp op = BinaryOp::add;
    Aggregator aggregator = Aggregator::sum;
    std::string message;
};

// How an unexpected token is named in a message: `identifier "foo"`, `<op:*>`, `end of input`.
[[nodiscard]] std::string describe(const Token& token);

}  // namespace glassgate::store::query
