#include "store/query/grammar.h"

#include <algorithm>

#include "base/text.h"
#include "store/query/function_table.h"
#include "store/query/number_text.h"
#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

constexpr int kLowest = 1;
constexpr int kMultiplication = 5;
constexpr int kPower = 6;

int precedence_of(BinaryOp op) noexcept {
    switch (op) {
        case BinaryOp::or_:
            return kLowest;
        case BinaryOp::and_:
        case BinaryOp::unless:
            return 2;
        case BinaryOp::add:
        case BinaryOp::sub:
            return 4;
        case BinaryOp::mul:
        case BinaryOp::div:
        case BinaryOp::mod:
        case BinaryOp::atan2:
            return kMultiplication;
        case BinaryOp::pow:
            return kPower;
        default:
            return 3;  // comparisons
    }
}

Span join(Span first, Span last) noexcept { return {first.begin, last.end}; }

uint32_t height_of(const std::vector<ExprPtr>& exprs) noexcept {
    uint32_t height = 0;
    for (const ExprPtr& expr : exprs) height = std::max(height, expr->height);
    return height;
}

// Keywords may be label names where labels are listed.
bool may_be_label(const Token& token) noexcept {
    switch (token.kind) {
        case TokenKind::identifier:
        case TokenKind::aggregator:
        case TokenKind::offset:
        case TokenKind::by:
        case TokenKind::without:
        case TokenKind::on:
        case TokenKind::ignoring:
        case TokenKind::group_left:
        case TokenKind::group_right:
        case TokenKind::bool_:
        case TokenKind::start:
        case TokenKind::end_:
            return true;
        case TokenKind::op:
            return is_set_operator(token.op) || token.op == BinaryOp::atan2;
        default:
            return false;
    }
}

// Counts itself in while it lives.
template <typename T>
class Counted {
public:
    explicit Counted(T& count) noexcept : count_(count) { ++count_; }
    ~Counted() { --count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

private:
    T& count_;
};

}  // namespace

std::unexpected<ParseError> Grammar::unexpected(std::string_view context,
                                                std::string_view expected) const {
    if (is(TokenKind::error)) return wrong(token_.span, token_.message);
    if (context.empty() && aggregations_open_ > 0) context = "aggregation";
    std::string message = "unexpected " + describe(token_);
    if (!context.empty()) message.append(" in ").append(context);
    if (!expected.empty()) message.append(", expected ").append(expected);
    return wrong(token_.span, std::move(message));
}

Parsed<ExprPtr> Grammar::make(Expr::Node node, Span span, ValueType type, uint32_t height) {
    if (height > kHeightMax)
        return wrong(span, "expression has a chain longer than " + std::to_string(kHeightMax));
    auto made = std::make_unique<Expr>();
    made->node = std::move(node);
    made->span = span;
    made->type = type;
    made->height = height;
    return made;
}

Parsed<void> Grammar::expect_end() {
    if (!is(TokenKind::end)) return unexpected();
    return {};
}

Parsed<ExprPtr> Grammar::whole_expression() {
    if (is(TokenKind::end)) return wrong({}, "no expression found in input");
    ExprPtr expr = TRY(expression(kLowest));
    TRY_STATUS(expect_end());
    return expr;
}

Parsed<ExprPtr> Grammar::expression(int precedence) {
    ExprPtr left = TRY(unary());
    while (is(TokenKind::op) && precedence_of(token_.op) >= precedence)
        left = TRY(binary(std::move(left), take()));
    return left;
}

Parsed<ExprPtr> Grammar::binary(ExprPtr left, Token op) {
    Binary made;
    made.op = op.op;
    made.matching = TRY(matching(made.return_bool));
    // All operators group to the left, but powers to the right.
    const int own = precedence_of(op.op);
    made.left = std::move(left);
    made.right = TRY(expression(own == kPower ? own : own + 1));
    const bool scalars =
        made.left->type == ValueType::scalar && made.right->type == ValueType::scalar;
    const Span span = join(made.left->span, made.right->span);
    const uint32_t height = 1 + std::max(made.left->height, made.right->height);
    return make(std::move(made), span, scalars ? ValueType::scalar : ValueType::vector, height);
}

Parsed<VectorMatching> Grammar::matching(bool& return_bool) {
    VectorMatching made;
    if (is(TokenKind::bool_)) {
        advance();
        return_bool = true;
    }
    if (!is(TokenKind::on) && !is(TokenKind::ignoring)) return made;
    made.on = take().kind == TokenKind::on;
    made.labels = TRY(grouping());
    if (!is(TokenKind::group_left) && !is(TokenKind::group_right)) return made;
    made.card = take().kind == TokenKind::group_left ? VectorMatching::Card::many_to_one
                                                     : VectorMatching::Card::one_to_many;
    if (is(TokenKind::left_paren) || !starts_expression()) made.include = TRY(grouping());
    return made;
}

Parsed<ExprPtr> Grammar::unary() {
    const Counted deeper(depth_);
    if (depth_ > kNestingMax)
        return wrong(token_.span,
                     "expression is nested deeper than " + std::to_string(kNestingMax));
    if (!is_op(BinaryOp::add) && !is_op(BinaryOp::sub)) return postfix();
    const Token sign = take();
    const bool minus = sign.op == BinaryOp::sub;
    // As tight as a multiplication: -a^b is -(a^b), -a*b is (-a)*b.
    ExprPtr operand = TRY(expression(kMultiplication + 1));
    if (auto* literal = std::get_if<NumberLiteral>(&operand->node)) {
        if (minus) literal->value = -literal->value;
        operand->span.begin = sign.span.begin;
        return operand;
    }
    const Span span = join(sign.span, operand->span);
    const ValueType type = operand->type;
    const uint32_t height = operand->height + 1;
    return make(Unary{minus, std::move(operand)}, span, type, height);
}

Parsed<ExprPtr> Grammar::postfix() {
    ExprPtr expr = TRY(primary());
    while (true) {
        if (is(TokenKind::left_bracket)) {
            expr = TRY(range(std::move(expr)));
        } else if (is(TokenKind::offset)) {
            TRY_STATUS(offset(*expr));
        } else if (is(TokenKind::at)) {
            TRY_STATUS(at(*expr));
        } else {
            return expr;
        }
    }
}

bool Grammar::names_metric() const noexcept {
    switch (token_.kind) {
        case TokenKind::identifier:
        case TokenKind::metric_identifier:
        case TokenKind::aggregator:
        case TokenKind::by:
        case TokenKind::offset:
        case TokenKind::without:
        case TokenKind::start:
        case TokenKind::end_:
            return true;
        case TokenKind::op:
            return is_set_operator(token_.op);
        default:
            return false;
    }
}

bool Grammar::starts_expression() const noexcept {
    switch (token_.kind) {
        case TokenKind::number:
        case TokenKind::string:
        case TokenKind::left_paren:
        case TokenKind::left_brace:
        case TokenKind::error:
            return true;  // an error tells of itself
        default:
            return names_metric() || is_op(BinaryOp::add) || is_op(BinaryOp::sub);
    }
}

Parsed<ExprPtr> Grammar::primary() {
    switch (token_.kind) {
        case TokenKind::number:
            return number();
        case TokenKind::string:
            return string();
        case TokenKind::left_paren:
            return paren();
        case TokenKind::left_brace:
            return selector(nullptr);
        default:
            break;
    }
    if (!names_metric()) return unexpected();
    const Token name = take();
    if (name.kind == TokenKind::aggregator &&
        (is(TokenKind::left_paren) || is(TokenKind::by) || is(TokenKind::without)))
        return aggregate(name);
    if (name.kind == TokenKind::identifier && is(TokenKind::left_paren)) return call(name);
    return selector(&name);
}

Parsed<ExprPtr> Grammar::number() {
    const Token token = take();
    const auto value = parse_number(token.text);
    if (!value) {
        const bool syntax = token.text.find_first_not_of("0123456789.eE+-") != std::string::npos ||
                            to_lower(token.text.back()) == 'e' || token.text.back() == '+' ||
                            token.text.back() == '-';
        return wrong(token.span, "error parsing number: strconv.ParseFloat: parsing " +
                                     quoted(token.text) + ": " +
                                     (syntax ? "invalid syntax" : "value out of range"));
    }
    return make(NumberLiteral{*value}, token.span, ValueType::scalar);
}

Parsed<std::string> Grammar::unquoted(const Token& token) {
    auto text = unquote(token.text);
    if (!text)
        return wrong(token.span,
                     "error unquoting string " + quoted(token.text) + ": invalid syntax");
    return *std::move(text);
}

Parsed<ExprPtr> Grammar::string() {
    const Token token = take();
    return make(StringLiteral{TRY(unquoted(token))}, token.span, ValueType::string);
}

Parsed<ExprPtr> Grammar::paren() {
    const Token open = take();
    ExprPtr inner = TRY(expression(kLowest));
    if (!is(TokenKind::right_paren)) return unexpected();
    const Span span = join(open.span, take().span);
    const ValueType type = inner->type;
    const uint32_t height = inner->height + 1;
    return make(Paren{std::move(inner)}, span, type, height);
}

Parsed<std::vector<ExprPtr>> Grammar::arguments() {
    std::vector<ExprPtr> args;
    if (!is(TokenKind::left_paren)) return unexpected();
    advance();
    if (is(TokenKind::right_paren)) {
        advance();
        return args;
    }
    while (true) {
        args.push_back(TRY(expression(kLowest)));
        if (is(TokenKind::right_paren)) {
            advance();
            return args;
        }
        if (!is(TokenKind::comma)) return unexpected();
        const Token comma = take();
        if (!starts_expression())
            return wrong(comma.span, "trailing commas not allowed in function call args");
    }
}

Parsed<ExprPtr> Grammar::call(Token name) {
    Call made;
    made.args = TRY(arguments());
    made.function = find_function(name.text);
    if (made.function == nullptr)
        return wrong(name.span, "unknown function with name " + quoted(name.text));
    const ValueType type = made.function->result;
    const uint32_t height = 1 + height_of(made.args);
    return make(std::move(made), join(name.span, {0, closing_end_}), type, height);
}

Parsed<ExprPtr> Grammar::aggregate(Token op) {
    Aggregate made;
    made.op = op.aggregator;
    std::vector<ExprPtr> args;
    {
        const Counted open(aggregations_open_);
        const bool modifier_first = !is(TokenKind::left_paren);
        if (modifier_first) TRY_STATUS(aggregate_modifier(made));
        args = TRY(arguments());
        if (!modifier_first && (is(TokenKind::by) || is(TokenKind::without)))
            TRY_STATUS(aggregate_modifier(made));
    }
    return aggregate_of(op, std::move(made), std::move(args));
}

Parsed<ExprPtr> Grammar::aggregate_of(Token op, Aggregate made, std::vector<ExprPtr> args) {
    const Span span = join(op.span, {0, closing_end_});
    if (args.empty()) return wrong(span, "no arguments for aggregate expression provided");
    const std::size_t wanted = takes_parameter(made.op) ? 2 : 1;
    if (args.size() != wanted)
        return wrong(span,
                     "wrong number of arguments for aggregate expression provided, expected " +
                         std::to_string(wanted) + ", got " + std::to_string(args.size()));
    const uint32_t height = 1 + height_of(args);
    made.expr = std::move(args.back());
    if (wanted == 2) made.parameter = std::move(args.front());
    return make(std::move(made), span, ValueType::vector, height);
}

Parsed<void> Grammar::aggregate_modifier(Aggregate& made) {
    made.without = take().kind == TokenKind::without;
    made.grouping = TRY(grouping());
    return {};
}

// In parentheses.
Parsed<std::vector<std::string>> Grammar::grouping() {
    constexpr std::string_view kContext = "grouping opts";
    if (!is(TokenKind::left_paren)) return unexpected(kContext, "\"(\"");
    advance();
    std::vector<std::string> labels;
    while (!is(TokenKind::right_paren)) {
        if (!may_be_label(token_)) return unexpected(kContext, "label");
        labels.emplace_back(take().text);
        if (is(TokenKind::comma))
            advance();
        else if (!is(TokenKind::right_paren))
            return unexpected(kContext, "\",\" or \")\"");
    }
    advance();
    return labels;
}

}  // namespace glassgate::store::query
