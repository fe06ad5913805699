// The checks after the grammar, in the order Prometheus makes them: only the first is reported.
#include <algorithm>
#include <array>

#include "store/query/function_table.h"
#include "store/query/matcher.h"
#include "store/query/parser.h"
#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

class TypeCheck {
public:
    explicit TypeCheck(std::string_view text) noexcept : text_(text) {}

    Parsed<void> check(Expr& expr) {
        return std::visit([&](auto& node) { return check_node(expr, node); }, expr.node);
    }

private:
    using Card = VectorMatching::Card;

    static std::unexpected<ParseError> wrong(Span span, std::string message) {
        return std::unexpected(ParseError{span, std::move(message)});
    }

    Parsed<void> expect(Expr& expr, ValueType wanted, const std::string& context) {
        TRY_STATUS(check(expr));
        if (expr.type == wanted) return {};
        return wrong(expr.span, "expected type " + std::string(documented_name_of(wanted)) +
                                    " in " + context + ", got " +
                                    std::string(documented_name_of(expr.type)));
    }

    Parsed<void> check_node(Expr&, NumberLiteral&) { return {}; }
    Parsed<void> check_node(Expr&, StringLiteral&) { return {}; }
    Parsed<void> check_node(Expr&, Paren& node) { return check(*node.expr); }
    Parsed<void> check_node(Expr& expr, MatrixSelector& node) {
        return check_selector(expr.span, node.selector);
    }
    Parsed<void> check_node(Expr& expr, VectorSelector& node) {
        return check_selector(expr.span, node);
    }

    Parsed<void> check_selector(Span span, const VectorSelector& node) {
        if (!node.name.empty()) {
            for (std::size_t i = 0; i + 1 < node.matchers.size(); ++i)
                if (node.matchers[i].name == kMetricName)
                    return wrong(span, "metric name must not be set twice: " + quoted(node.name) +
                                           " or " + quoted(node.matchers[i].value));
            return {};
        }
        const bool selects = std::ranges::any_of(node.matchers, [](const Matcher& matcher) {
            const auto compiled = CompiledMatcher::create(matcher);
            return compiled && !compiled->matches("");
        });
        if (selects) return {};
        return wrong(span, "vector selector must contain at least one non-empty matcher");
    }

    Parsed<void> check_node(Expr& expr, Subquery& node) {
        TRY_STATUS(check(*node.expr));
        if (node.expr->type == ValueType::vector) return {};
        return wrong(expr.span, "subquery is only allowed on instant vector, got " +
                                    std::string(name_of(node.expr->type)) + " instead");
    }

    Parsed<void> check_node(Expr& expr, Unary& node) {
        TRY_STATUS(check(*node.expr));
        const ValueType type = node.expr->type;
        if (type == ValueType::scalar || type == ValueType::vector) return {};
        return wrong(expr.span,
                     "unary expression only allowed on expressions of type scalar or instant "
                     "vector, got " +
                         quoted(documented_name_of(type)));
    }

    Parsed<void> check_node(Expr&, Aggregate& node) {
        TRY_STATUS(expect(*node.expr, ValueType::vector, "aggregation expression"));
        if (!node.parameter) return {};
        const bool text = node.op == Aggregator::count_values;
        return expect(*node.parameter, text ? ValueType::string : ValueType::scalar,
                      "aggregation parameter");
    }

    Parsed<void> check_node(Expr& expr, Call& node) {
        const Function& function = *node.function;
        TRY_STATUS(check_count(expr, node));
        for (std::size_t i = 0; i < node.args.size(); ++i) {
            const std::size_t which = std::min(i, function.arguments.size() - 1);
            TRY_STATUS(expect(*node.args[i], function.arguments[which],
                              "call to function " + quoted(function.name)));
        }
        return {};
    }

    static Parsed<void> check_count(const Expr& expr, const Call& node) {
        const Function& function = *node.function;
        const auto declared = static_cast<int>(function.arguments.size());
        const auto got = static_cast<int>(node.args.size());
        const auto complain = [&](std::string_view bound, int count) {
            return wrong(expr.span, "expected " + std::string(bound) + std::to_string(count) +
                                        " argument(s) in call to " + quoted(function.name) +
                                        ", got " + std::to_string(got));
        };
        if (function.variadic == 0) {
            if (got != declared) return complain("", declared);
            return {};
        }
        const int least = declared - 1;
        if (got < least) return complain("at least ", least);
        if (function.variadic > 0 && got > least + function.variadic)
            return complain("at most ", least + function.variadic);
        return {};
    }

    // From behind the left side to before the right one, without the spaces.
    Span operator_span(const Binary& node) const noexcept {
        Span span{node.left->span.end, node.right->span.begin};
        const auto space = [&](uint32_t at) {
            return text_[at] == ' ' || text_[at] == '\t' || text_[at] == '\n' || text_[at] == '\r';
        };
        while (span.begin < span.end && space(span.begin)) ++span.begin;
        while (span.end > span.begin && space(span.end - 1)) --span.end;
        return span;
    }

    Parsed<void> check_node(Expr& expr, Binary& node) {
        TRY_STATUS(check(*node.left));
        TRY_STATUS(check(*node.right));
        const ValueType left = node.left->type, right = node.right->type;
        const bool scalars = left == ValueType::scalar && right == ValueType::scalar;
        if (node.return_bool && !is_comparison(node.op))
            return wrong(operator_span(node),
                         "bool modifier can only be used on comparison operators");
        if (is_comparison(node.op) && !node.return_bool && scalars)
            return wrong(operator_span(node), "comparisons between scalars must use BOOL modifier");
        if (is_set_operator(node.op) && node.matching->card == Card::one_to_one)
            node.matching->card = Card::many_to_many;
        if (node.matching->on)
            for (const std::string& label : node.matching->labels)
                if (std::ranges::count(node.matching->include, label) != 0)
                    return wrong(operator_span(node),
                                 "label " + quoted(label) +
                                     " must not occur in ON and GROUP clause at once");
        for (const Expr* side : {node.left.get(), node.right.get()})
            if (side->type != ValueType::scalar && side->type != ValueType::vector)
                return wrong(side->span,
                             "binary expression must contain only scalar and instant vector types");
        return check_matching(expr, node);
    }

    static Parsed<void> check_matching(const Expr& expr, Binary& node) {
        const bool vectors =
            node.left->type == ValueType::vector && node.right->type == ValueType::vector;
        const bool set = is_set_operator(node.op);
        const std::string op = quoted(text_of(node.op));
        if (!vectors) {
            if (!node.matching->labels.empty())
                return wrong(expr.span, "vector matching only allowed between instant vectors");
            node.matching.reset();
            if (set)
                return wrong(expr.span,
                             "set operator " + op + " not allowed in binary scalar expression");
            return {};
        }
        if (set && node.matching->card != Card::many_to_many)
            return wrong(expr.span, "no grouping allowed for " + op + " operation");
        return {};
    }

    std::string_view text_;
};

// Whether the value is the same at every step; roots of such parts below are marked.
class StepInvariance {
public:
    bool mark(Expr& expr) {
        return std::visit([&](auto& node) { return mark_node(node); }, expr.node);
    }

private:
    static bool fixed(const TimeShift& shift) noexcept { return shift.at != TimeShift::At::none; }

    void mark_root(Expr& expr) {
        if (mark(expr)) expr.step_invariant = true;
    }

    bool mark_node(NumberLiteral&) { return true; }
    bool mark_node(StringLiteral&) { return true; }
    bool mark_node(VectorSelector& node) { return fixed(node.shift); }
    bool mark_node(MatrixSelector& node) { return fixed(node.selector.shift); }
    bool mark_node(Subquery& node) {
        mark_root(*node.expr);
        return fixed(node.shift);
    }
    bool mark_node(Paren& node) { return mark(*node.expr); }
    bool mark_node(Unary& node) { return mark(*node.expr); }
    // The parameter does not count, as in Prometheus.
    bool mark_node(Aggregate& node) { return mark(*node.expr); }

    bool mark_node(Binary& node) {
        const bool left = mark(*node.left), right = mark(*node.right);
        if (left && right) return true;
        node.left->step_invariant = left;
        node.right->step_invariant = right;
        return false;
    }

    bool mark_node(Call& node) {
        bool all = !node.function->uses_time;
        std::vector<bool> each;
        for (const ExprPtr& arg : node.args) {
            each.push_back(mark(*arg));
            all = all && each.back();
        }
        if (all) return true;
        for (std::size_t i = 0; i < each.size(); ++i) node.args[i]->step_invariant = each[i];
        return false;
    }
};

}  // namespace

Parsed<void> check_types(Expr& expr, std::string_view expression) {
    return TypeCheck(expression).check(expr);
}

void mark_step_invariant(Expr& expr) {
    if (StepInvariance().mark(expr)) expr.step_invariant = true;
}

}  // namespace glassgate::store::query
