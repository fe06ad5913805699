#include "store/query/expr.h"

namespace glassgate::store::query {

std::string_view name_of(ValueType type) noexcept {
    switch (type) {
        case ValueType::none:
            return "none";
        case ValueType::scalar:
            return "scalar";
        case ValueType::vector:
            return "vector";
        case ValueType::matrix:
            return "matrix";
        case ValueType::string:
            return "string";
    }
    return "";
}

std::string_view documented_name_of(ValueType type) noexcept {
    if (type == ValueType::vector) return "instant vector";
    if (type == ValueType::matrix) return "range vector";
    return name_of(type);
}

std::string_view text_of(BinaryOp op) noexcept {
    switch (op) {
        case BinaryOp::add:
            return "+";
        case BinaryOp::sub:
            return "-";
        case BinaryOp::mul:
            return "*";
        case BinaryOp::div:
            return "/";
        case BinaryOp::mod:
            return "%";
        case BinaryOp::pow:
            return "^";
        case BinaryOp::atan2:
            return "atan2";
        case BinaryOp::equal:
            return "==";
        case BinaryOp::not_equal:
            return "!=";
        case BinaryOp::less:
            return "<";
        case BinaryOp::less_equal:
            return "<=";
        case BinaryOp::greater:
            return ">";
        case BinaryOp::greater_equal:
            return ">=";
        case BinaryOp::and_:
            return "and";
        case BinaryOp::or_:
            return "or";
        case BinaryOp::unless:
            return "unless";
    }
    return "";
}

std::string_view text_of(Aggregator op) noexcept {
    switch (op) {
        case Aggregator::sum:
            return "sum";
        case Aggregator::avg:
            return "avg";
        case Aggregator::count:
            return "count";
        case Aggregator::min:
            return "min";
        case Aggregator::max:
            return "max";
        case Aggregator::group:
            return "group";
        case Aggregator::stddev:
            return "stddev";
        case Aggregator::stdvar:
            return "stdvar";
        case Aggregator::topk:
            return "topk";
        case Aggregator::bottomk:
            return "bottomk";
        case Aggregator::count_values:
            return "count_values";
        case Aggregator::quantile:
            return "quantile";
    }
    return "";
}

const Expr& inside_parens(const Expr& expr) noexcept {
    const Expr* at = &expr;
    while (const auto* paren = std::get_if<Paren>(&at->node)) at = paren->expr.get();
    return *at;
}

const std::string& string_of(const Expr& expr) noexcept {
    return std::get<StringLiteral>(inside_parens(expr).node).value;
}

}  // namespace glassgate::store::query
