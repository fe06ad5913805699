// The expression tree: what the parser makes, what the engine evaluates. Immutable once parsed, so
// one tree may be evaluated by several threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/series.h"

namespace glassgate::store::query {

// Bytes [begin, end) of the expression's text.
struct Span {
    uint32_t begin = 0;
    uint32_t end = 0;
};

enum class ValueType : uint8_t { none, scalar, vector, matrix, string };
[[nodiscard]] std::string_view name_of(ValueType type) noexcept;             // "vector"
[[nodiscard]] std::string_view documented_name_of(ValueType type) noexcept;  // "instant vector"

enum class BinaryOp : uint8_t {
    add,
    sub,
    mul,
    div,
    mod,
    pow,
    atan2,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    and_,
    or_,
    unless,
};
[[nodiscard]] std::string_view text_of(BinaryOp op) noexcept;
[[nodiscard]] constexpr bool is_comparison(BinaryOp op) noexcept {
    return op >= BinaryOp::equal && op <= BinaryOp::greater_equal;
}
[[nodiscard]] constexpr bool is_set_operator(BinaryOp op) noexcept { return op >= BinaryOp::and_; }

enum class Aggregator : uint8_t {
    sum,
    avg,
    count,
    min,
    max,
    group,
    stddev,
    stdvar,
    topk,
    bottomk,
    count_values,
    quantile,
};
[[nodiscard]] std::string_view text_of(Aggregator op) noexcept;
[[nodiscard]] constexpr bool takes_parameter(Aggregator op) noexcept {
    return op >= Aggregator::topk;
}

struct Function;  // function_table.h
struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// `offset` and `@` behind a selector or subquery.
struct TimeShift {
    enum class At : uint8_t { none, time, start, end };
    int64_t offset_ms = 0;
    At at = At::none;
    TimeMs at_ms = 0;
};

struct NumberLiteral {
    double value = 0;
};

struct StringLiteral {
    std::string value;
};

struct VectorSelector {
    std::string name;  // written before the braces; then the last matcher is the one for it
    std::vector<Matcher> matchers;
    TimeShift shift;
};

struct MatrixSelector {
    VectorSelector selector;  // its shift is the range's
    int64_t range_ms = 0;
};

struct Subquery {
    ExprPtr expr;
    int64_t range_ms = 0;
    int64_t step_ms = 0;  // 0: the default
    TimeShift shift;
};

struct Paren {
    ExprPtr expr;
};

struct Unary {
    bool minus = false;
    ExprPtr expr;
};

struct VectorMatching {
    enum class Card : uint8_t { one_to_one, many_to_one, one_to_many, many_to_many };
    Card card = Card::one_to_one;
    bool on = false;  // else ignoring
    std::vector<std::string> labels;
    std::vector<std::string> include;  // of group_left, group_right
};

struct Binary {
    BinaryOp op = BinaryOp::add;
    ExprPtr left, right;
    bool return_bool = false;
    std::optional<VectorMatching> matching;  // when both sides are vectors
};

struct Aggregate {
    Aggregator op = Aggregator::sum;
    ExprPtr expr;
    ExprPtr parameter;
    std::vector<std::string> grouping;
    bool without = false;
};

struct Call {
    const Function* function = nullptr;
    std::vector<ExprPtr> args;
};

struct Expr {
    using Node = std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector,
                              Subquery, Paren, Unary, Binary, Aggregate, Call>;
    Node node;
    Span span;
    ValueType type = ValueType::none;
    // The same at every step of a range (all its selectors have an @), and not part of a larger
    // expression of which that is true: the engine evaluates it once.
    bool step_invariant = false;
    uint32_t height = 1;  // of the tree below
};

// Without the parentheses around it.
[[nodiscard]] const Expr& inside_parens(const Expr& expr) noexcept;

// The text of a string argument, which the parser has made sure of.
[[nodiscard]] const std::string& string_of(const Expr& expr) noexcept;

// Canonical text, as Prometheus' String().
[[nodiscard]] std::string to_text(const Expr& expr);

}  // namespace glassgate::store::query
