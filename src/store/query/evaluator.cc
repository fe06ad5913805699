#include "store/query/evaluator.h"

#include <algorithm>
#include <numbers>

#include "base/check.h"
#include "store/query/aggregate.h"
#include "store/query/binary.h"
#include "store/query/calendar.h"
#include "store/query/function_table.h"
#include "store/query/label_sets.h"
#include "store/query/value_functions.h"
#include "store/query/vector_functions.h"

namespace glassgate::store::query {
namespace {

bool is_range_call(const Expr& expr) noexcept {
    const auto* call = std::get_if<Call>(&expr.node);
    return call != nullptr && takes_range(call->function->id) &&
           call->function->id != FunctionId::absent_over_time;
}

// Series that differ in nothing are an error even where they do not meet.
Outcome<void> require_different_labels(const Columns& columns) {
    KeyIndex seen;
    std::string key;
    for (const Column& column : columns) {
        key_of(column.labels, key);
        if (!seen.add(key).is_new) return same_labelset_error();
    }
    return {};
}

Evaluator::Sink into(Columns& columns) {
    return [&columns](Column&& column) -> Outcome<void> {
        columns.push_back(std::move(column));
        return {};
    };
}

}  // namespace

Outcome<void> Evaluator::each(const Expr& expr, const Grid& grid, const Sink& sink) {
    const Expr& inner = inside_parens(expr);
    const bool at_steps = !inner.step_invariant && !expr.step_invariant;
    if (at_steps && std::holds_alternative<VectorSelector>(inner.node))
        return select_instant(std::get<VectorSelector>(inner.node), grid, Want::value, sink);
    if (at_steps && is_range_call(inner)) return range_call(std::get<Call>(inner.node), grid, sink);
    Columns columns = TRY(vector(expr, grid));
    for (Column& column : columns) TRY_STATUS(sink(std::move(column)));
    return {};
}

Outcome<Columns> Evaluator::vector(const Expr& expr, const Grid& grid) {
    TRY_STATUS(budget_.check());
    if (!expr.step_invariant || grid.steps <= 1) return vector_at_steps(expr, grid);
    return repeat(TRY(vector_at_steps(expr, grid.first_step_only())), grid);
}

// What was evaluated at one step, at every step.
Outcome<Columns> Evaluator::repeat(Columns columns, const Grid& grid) {
    for (Column& column : columns) {
        column.charge = TRY(Charge::of(budget_, grid.steps, grid.steps * sizeof(double)));
        column.values.resize(grid.steps, column.values[0]);
        if (!column.histograms.empty())
            column.histograms.resize(grid.steps, HistogramPtr(column.histograms[0]));
    }
    return columns;
}

Outcome<Columns> Evaluator::vector_at_steps(const Expr& expr, const Grid& grid) {
    if (const auto* paren = std::get_if<Paren>(&expr.node)) return vector(*paren->expr, grid);
    if (const auto* node = std::get_if<VectorSelector>(&expr.node)) {
        Columns columns;
        TRY_STATUS(select_instant(*node, grid, Want::value, into(columns)));
        return columns;
    }
    if (const auto* node = std::get_if<Unary>(&expr.node)) return unary(*node, grid);
    if (const auto* node = std::get_if<Binary>(&expr.node)) return binary(*node, grid);
    if (const auto* node = std::get_if<Aggregate>(&expr.node)) return aggregate(*node, grid);
    return call(std::get<Call>(expr.node), grid);
}

Outcome<Columns> Evaluator::unary(const Unary& node, const Grid& grid) {
    Columns columns = TRY(vector(*node.expr, grid));
    if (!node.minus) return columns;
    for (Column& column : columns) {
        drop_name(column.labels);
        for (double& value : column.values)
            if (!is_absent(value)) value = -value;
    }
    TRY_STATUS(require_different_labels(columns));
    return columns;
}

Outcome<Columns> Evaluator::binary(const Binary& node, const Grid& grid) {
    const bool left_scalar = node.left->type == ValueType::scalar;
    if (left_scalar || node.right->type == ValueType::scalar) {
        const Expr& vector_side = left_scalar ? *node.right : *node.left;
        const Expr& scalar_side = left_scalar ? *node.left : *node.right;
        Columns columns = TRY(vector(vector_side, grid));
        const std::vector<double> values = TRY(scalar(scalar_side, grid));
        TRY_STATUS(vector_scalar_binary(node.op, node.return_bool, left_scalar, columns, values));
        return columns;
    }
    Columns left = TRY(vector(*node.left, grid));
    Columns right = TRY(vector(*node.right, grid));
    if (is_set_operator(node.op)) return set_binary(node, std::move(left), std::move(right));
    return vector_binary(node, std::move(left), std::move(right), grid, budget_);
}

Outcome<Columns> Evaluator::aggregate(const Aggregate& node, const Grid& grid) {
    if (StreamingAggregation::serves(node.op)) {
        StreamingAggregation aggregation(node, grid, budget_);
        TRY_STATUS(each(*node.expr, grid,
                        [&](Column&& column) { return aggregation.add(std::move(column)); }));
        return aggregation.finish();
    }
    if (node.op == Aggregator::count_values) {
        const Columns columns = TRY(vector(*node.expr, grid));
        return count_values_aggregation(node, string_of(*node.parameter), columns, grid, budget_);
    }
    const std::vector<double> parameter = TRY(scalar(*node.parameter, grid));
    Columns columns = TRY(vector(*node.expr, grid));
    if (node.op == Aggregator::quantile)
        return quantile_aggregation(node, parameter, columns, grid, budget_);
    return rank_aggregation(node, parameter, std::move(columns), grid, budget_);
}

Outcome<Columns> Evaluator::call(const Call& node, const Grid& grid) {
    const FunctionId id = node.function->id;
    if (id == FunctionId::absent_over_time) return absent_over_time_call(node, grid);
    if (id == FunctionId::timestamp) return timestamp_call(node, grid);
    if (is_value_function(id)) return value_call(node, grid);
    if (!takes_range(id)) return vector_call(node, grid);
    Columns columns;
    TRY_STATUS(range_call(node, grid, into(columns)));
    return columns;
}

Outcome<Columns> Evaluator::one_series(std::vector<double> values, const Grid& grid) {
    Column column = TRY(new_column({}, grid, budget_));
    column.values = std::move(values);
    Columns columns;
    if (has_value(column)) columns.push_back(std::move(column));
    return columns;
}

Outcome<Columns> Evaluator::value_call(const Call& node, const Grid& grid) {
    Columns columns;
    std::vector<std::vector<double>> parameters;
    for (const ExprPtr& arg : node.args) {
        if (arg->type == ValueType::vector)
            columns = TRY(vector(*arg, grid));
        else
            parameters.push_back(TRY(scalar(*arg, grid)));
    }
    if (node.args.empty()) {  // a calendar function, of the step's time
        std::vector<double> seconds(grid.steps);
        for (std::size_t i = 0; i < grid.steps; ++i)
            seconds[i] = static_cast<double>(grid.at(i) / 1000);
        columns = TRY(one_series(std::move(seconds), grid));
    }
    for (Column& column : columns) {
        apply_value_function(node.function->id, column, parameters);
        drop_name(column.labels);
    }
    TRY_STATUS(unite_same_labels(columns));
    return columns;
}

Outcome<Columns> Evaluator::vector_call(const Call& node, const Grid& grid) {
    const auto arg = [&](std::size_t i) -> const Expr& { return *node.args[i]; };
    switch (node.function->id) {
        case FunctionId::vector:
            return one_series(TRY(scalar(arg(0), grid)), grid);
        case FunctionId::absent:
            return absence(arg(0), TRY(vector(arg(0), grid)), grid, budget_);
        case FunctionId::histogram_quantile: {
            const std::vector<double> q = TRY(scalar(arg(0), grid));
            return histogram_quantiles(q, TRY(vector(arg(1), grid)), grid, budget_);
        }
        case FunctionId::label_replace:
            return label_replace(node, TRY(vector(arg(0), grid)));
        case FunctionId::label_join:
            return label_join(node, TRY(vector(arg(0), grid)));
        default:
            break;
    }
    Columns columns = TRY(vector(arg(0), grid));
    sort_by_value(node.function->id == FunctionId::sort, columns);
    return columns;
}

// Of a selector the times of the samples themselves; of anything else that of the step.
Outcome<Columns> Evaluator::timestamp_call(const Call& node, const Grid& grid) {
    Columns columns;
    const Expr& argument = inside_parens(*node.args[0]);
    if (const auto* selector = std::get_if<VectorSelector>(&argument.node)) {
        TRY_STATUS(select_instant(*selector, grid, Want::time, into(columns)));
    } else {
        columns = TRY(vector(argument, grid));
        for (Column& column : columns) {
            column.histograms.clear();
            for (std::size_t i = 0; i < grid.steps; ++i)
                if (!is_absent(column.values[i]))
                    column.values[i] = static_cast<double>(grid.at(i)) / 1000;
        }
    }
    for (Column& column : columns) drop_name(column.labels);
    TRY_STATUS(unite_same_labels(columns));
    return columns;
}

Outcome<Columns> Evaluator::absent_over_time_call(const Call& node, const Grid& grid) {
    Columns columns;
    TRY_STATUS(range_call(node, grid, into(columns)));
    return absence(*node.args[0], columns, grid, budget_);
}

Outcome<std::vector<double>> Evaluator::scalar(const Expr& expr, const Grid& grid) {
    if (!expr.step_invariant || grid.steps <= 1) return scalar_at_steps(expr, grid);
    std::vector<double> values = TRY(scalar_at_steps(expr, grid.first_step_only()));
    const double value = values[0];
    values.assign(grid.steps, value);
    return values;
}

Outcome<std::vector<double>> Evaluator::scalar_at_steps(const Expr& expr, const Grid& grid) {
    if (const auto* number = std::get_if<NumberLiteral>(&expr.node))
        return std::vector<double>(grid.steps, number->value);
    if (const auto* paren = std::get_if<Paren>(&expr.node)) return scalar(*paren->expr, grid);
    if (const auto* node = std::get_if<Unary>(&expr.node)) {
        std::vector<double> values = TRY(scalar(*node->expr, grid));
        if (node->minus)
            for (double& value : values) value = -value;
        return values;
    }
    if (const auto* node = std::get_if<Binary>(&expr.node)) {
        std::vector<double> left = TRY(scalar(*node->left, grid));
        scalar_binary(node->op, left, TRY(scalar(*node->right, grid)));
        return left;
    }
    return scalar_call(std::get<Call>(expr.node), grid);
}

Outcome<std::vector<double>> Evaluator::scalar_call(const Call& node, const Grid& grid) {
    switch (node.function->id) {
        case FunctionId::pi:
            return std::vector<double>(grid.steps, std::numbers::pi);
        case FunctionId::scalar:
            return only_value(TRY(vector(*node.args[0], grid)), grid);
        default:
            break;
    }
    GW_CHECK(node.function->id == FunctionId::time);
    std::vector<double> values(grid.steps);
    for (std::size_t i = 0; i < grid.steps; ++i) values[i] = static_cast<double>(grid.at(i)) / 1000;
    return values;
}

}  // namespace glassgate::store::query
