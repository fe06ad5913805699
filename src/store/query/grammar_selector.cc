// Selectors and what follows them: matchers, ranges, subqueries, offset, @.
#include <algorithm>
#include <cmath>
#include <limits>

#include "store/query/duration.h"
#include "store/query/grammar.h"
#include "store/query/matcher.h"
#include "store/query/number_text.h"

namespace glassgate::store::query {
namespace {

// No sample is further away than this; sums of such times do not overflow.
constexpr double kTimeMaxMs = 9007199254740992.0;  // 2^53

// The shift of what a modifier may follow; nullptr: it may not follow this.
TimeShift* shift_of(Expr& expr) noexcept {
    if (auto* selector = std::get_if<VectorSelector>(&expr.node)) return &selector->shift;
    if (auto* matrix = std::get_if<MatrixSelector>(&expr.node)) return &matrix->selector.shift;
    if (auto* subquery = std::get_if<Subquery>(&expr.node)) return &subquery->shift;
    return nullptr;
}

}  // namespace

Parsed<std::vector<Matcher>> Grammar::whole_selector() {
    const Token name = token_;
    if (!is(TokenKind::left_brace)) {
        if (!names_metric()) return unexpected();
        advance();
    }
    ExprPtr expr = TRY(selector(name.kind == TokenKind::left_brace ? nullptr : &name));
    TRY_STATUS(expect_end());
    return std::move(std::get<VectorSelector>(expr->node).matchers);
}

Parsed<ExprPtr> Grammar::selector(const Token* name) {
    VectorSelector made;
    Span span = name != nullptr ? name->span : token_.span;
    if (is(TokenKind::left_brace)) {
        made.matchers = TRY(matchers());
        span.end = closing_end_;
    }
    if (name != nullptr) {
        made.name = name->text;
        made.matchers.push_back({std::string(kMetricName), Matcher::Kind::equal, made.name});
    }
    return make(std::move(made), span, ValueType::vector);
}

Parsed<std::vector<Matcher>> Grammar::matchers() {
    std::vector<Matcher> made;
    advance();
    while (!is(TokenKind::right_brace)) {
        made.push_back(TRY(matcher()));
        if (is(TokenKind::comma))
            advance();
        else if (!is(TokenKind::right_brace))
            return unexpected("label matching", "\",\" or \"}\"");
    }
    advance();
    return made;
}

Parsed<Matcher> Grammar::matcher() {
    constexpr std::string_view kContext = "label matching";
    if (!is(TokenKind::identifier)) return unexpected(kContext, "identifier or \"}\"");
    const Token name = take();
    Matcher made;
    made.name = name.text;
    if (is(TokenKind::equal))
        made.kind = Matcher::Kind::equal;
    else if (is_op(BinaryOp::not_equal))
        made.kind = Matcher::Kind::not_equal;
    else if (is(TokenKind::equal_regex))
        made.kind = Matcher::Kind::regex;
    else if (is(TokenKind::not_equal_regex))
        made.kind = Matcher::Kind::not_regex;
    else
        return unexpected(kContext, "label matching operator");
    advance();
    if (!is(TokenKind::string)) return unexpected(kContext, "string");
    const Token value = take();
    made.value = TRY(unquoted(value));
    if (auto compiled = CompiledMatcher::create(made); !compiled)
        return wrong({name.span.begin, value.span.end}, std::move(compiled.error().message));
    return made;
}

Parsed<Labels> Grammar::whole_labels() {
    Labels labels;
    if (names_metric()) labels.push_back({std::string(kMetricName), std::string(take().text)});
    if (is(TokenKind::left_brace)) {
        advance();
        while (!is(TokenKind::right_brace)) {
            labels.push_back(TRY(label()));
            if (is(TokenKind::comma))
                advance();
            else if (!is(TokenKind::right_brace))
                return unexpected("label set", "\",\" or \"}\"");
        }
        advance();
    }
    TRY_STATUS(expect_end());
    std::erase_if(labels, [](const Label& l) { return l.value.empty(); });
    std::sort(labels.begin(), labels.end());
    return labels;
}

Parsed<Label> Grammar::label() {
    if (!is(TokenKind::identifier)) return unexpected("label set", "identifier or \"}\"");
    Label made;
    made.name = take().text;
    if (!is(TokenKind::equal)) return unexpected("label set", "\"=\"");
    advance();
    if (!is(TokenKind::string)) return unexpected("label set", "string");
    made.value = TRY(unquoted(take()));
    return made;
}

Parsed<int64_t> Grammar::duration() {
    const Token token = take();
    auto parsed = parse_duration_ms(token.text);
    if (!parsed) return wrong(token.span, std::move(parsed.error().message));
    if (*parsed == 0) return wrong(token.span, "duration must be greater than 0");
    return *parsed;
}

Parsed<ExprPtr> Grammar::range(ExprPtr expr) {
    const Token open = take();
    if (!is(TokenKind::duration)) return unexpected("subquery selector", "duration");
    const int64_t range_ms = TRY(duration());
    if (is(TokenKind::colon)) {
        advance();
        return subquery(std::move(expr), range_ms);
    }
    if (!is(TokenKind::right_bracket)) return unexpected("subquery or range", "\":\" or \"]\"");
    const Span brackets{open.span.begin, take().span.end};
    return matrix(std::move(expr), brackets, range_ms);
}

Parsed<ExprPtr> Grammar::matrix(ExprPtr expr, Span brackets, int64_t range_ms) {
    auto* selector = std::get_if<VectorSelector>(&expr->node);
    if (selector == nullptr) return wrong(brackets, "ranges only allowed for vector selectors");
    if (selector->shift.offset_ms != 0)
        return wrong(brackets, "no offset modifiers allowed before range");
    if (selector->shift.at == TimeShift::At::time)
        return wrong(brackets, "no @ modifiers allowed before range");
    const Span span{expr->span.begin, brackets.end};
    return make(MatrixSelector{std::move(*selector), range_ms}, span, ValueType::matrix);
}

Parsed<ExprPtr> Grammar::subquery(ExprPtr expr, int64_t range_ms) {
    constexpr std::string_view kContext = "subquery selector";
    Subquery made;
    made.range_ms = range_ms;
    if (is(TokenKind::duration)) {
        made.step_ms = TRY(duration());
        if (!is(TokenKind::right_bracket)) return unexpected(kContext, "\"]\"");
    }
    if (!is(TokenKind::right_bracket)) return unexpected(kContext, "duration or \"]\"");
    const Span span{expr->span.begin, take().span.end};
    const uint32_t height = expr->height + 1;
    made.expr = std::move(expr);
    return make(std::move(made), span, ValueType::matrix, height);
}

Parsed<void> Grammar::offset(Expr& expr) {
    advance();
    const bool negative = is_op(BinaryOp::sub);
    if (negative) advance();
    if (!is(TokenKind::duration)) return unexpected("offset", "duration");
    const int64_t offset_ms = TRY(duration());
    TimeShift* shift = shift_of(expr);
    if (shift == nullptr)
        return wrong(expr.span,
                     "offset modifier must be preceded by an instant vector selector or range "
                     "vector selector or a subquery");
    if (shift->offset_ms != 0) return wrong(expr.span, "offset may not be set multiple times");
    shift->offset_ms = negative ? -offset_ms : offset_ms;
    expr.span.end = closing_end_;
    return {};
}

Parsed<void> Grammar::at(Expr& expr) {
    constexpr std::string_view kContext = "@";
    constexpr std::string_view kExpected = "timestamp";
    advance();
    if (is(TokenKind::start) || is(TokenKind::end_)) {
        const auto which =
            take().kind == TokenKind::start ? TimeShift::At::start : TimeShift::At::end;
        if (!is(TokenKind::left_paren)) return unexpected(kContext, kExpected);
        advance();
        if (!is(TokenKind::right_paren)) return unexpected(kContext, kExpected);
        advance();
        return set_at(expr, which, 0);
    }
    const bool negative = is_op(BinaryOp::sub);
    if (negative || is_op(BinaryOp::add)) advance();
    if (!is(TokenKind::number)) return unexpected(kContext, kExpected);
    const ExprPtr literal = TRY(number());
    const double seconds = std::get<NumberLiteral>(literal->node).value;
    return set_at(expr, TimeShift::At::time, negative ? -seconds : seconds);
}

Parsed<void> Grammar::set_at(Expr& expr, TimeShift::At at, double seconds) {
    constexpr auto kMost = static_cast<double>(std::numeric_limits<int64_t>::max());
    if (!(seconds < kMost && seconds > -kMost))
        return wrong(expr.span, "timestamp out of bounds for @ modifier: " + six_digits(seconds));
    TimeShift* shift = shift_of(expr);
    if (shift == nullptr)
        return wrong(expr.span,
                     "@ modifier must be preceded by an instant vector selector or range vector "
                     "selector or a subquery");
    if (shift->at != TimeShift::At::none)
        return wrong(expr.span, "@ <timestamp> may not be set multiple times");
    shift->at = at;
    shift->at_ms =
        static_cast<TimeMs>(std::clamp(std::round(seconds * 1000), -kTimeMaxMs, kTimeMaxMs));
    expr.span.end = closing_end_;
    return {};
}

}  // namespace glassgate::store::query
