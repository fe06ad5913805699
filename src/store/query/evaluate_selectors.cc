// The part of the evaluator that reads samples: instant selectors, ranges, subqueries.
#include <algorithm>

#include "base/check.h"
#include "store/query/evaluator.h"
#include "store/query/label_sets.h"
#include "store/query/range_functions.h"

namespace glassgate::store::query {
namespace {

constexpr std::size_t kStepsMax = 50'000'000;  // where nothing else limits samples

// Nearly always no. A sum over all is a number only if none of them is NaN; four sums, so that they
// need not wait for each other.
bool any_stale(std::span<const double> values) noexcept {
    double sums[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= values.size(); i += 4)
        for (std::size_t k = 0; k < 4; ++k) sums[k] += values[i + k];
    for (; i < values.size(); ++i) sums[0] += values[i];
    const double all = sums[0] + sums[1] + sums[2] + sums[3];
    return all != all && std::ranges::any_of(values, is_stale);
}

// Samples without the staleness markers, which end a series but are nothing in a range. Copies only
// when there are some.
class FreshSamples {
public:
    void read(const SeriesView& view) {
        times = view.times_ms;
        values = view.values;
        histograms = view.histograms;
        if (!any_stale(view.values)) return;
        times_.clear();
        values_.clear();
        histograms_.clear();
        for (std::size_t i = 0; i < view.values.size(); ++i) {
            if (is_stale(view.values[i])) continue;
            times_.push_back(view.times_ms[i]);
            values_.push_back(view.values[i]);
            if (!view.histograms.empty()) histograms_.push_back(view.histograms[i]);
        }
        times = times_;
        values = values_;
        histograms = histograms_;
    }

    std::span<const TimeMs> times;
    std::span<const double> values;
    std::span<const HistogramPtr> histograms;

private:
    std::vector<TimeMs> times_;
    std::vector<double> values_;
    std::vector<HistogramPtr> histograms_;
};

// The values a column has, as samples at the times of its steps.
class ColumnSamples {
public:
    explicit ColumnSamples(const Grid& grid) {
        all_times_.reserve(grid.steps);
        for (std::size_t i = 0; i < grid.steps; ++i) all_times_.push_back(grid.at(i));
    }

    void read(const Column& column) {
        times = all_times_;
        values = column.values;
        histograms = column.histograms;
        if (!any_stale(column.values)) return;  // absent looks like stale
        const SeriesView view{column.labels, all_times_, column.values, column.histograms};
        present_.read(view);
        times = present_.times;
        values = present_.values;
        histograms = present_.histograms;
    }

    std::span<const TimeMs> times;
    std::span<const double> values;
    std::span<const HistogramPtr> histograms;

private:
    std::vector<TimeMs> all_times_;
    FreshSamples present_;
};

// The newest sample at or before `reference`, if it is not older than the lookback allows.
class Latest {
public:
    Latest(const SeriesView& view, int64_t lookback_ms) : view_(view), lookback_ms_(lookback_ms) {}

    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

    // References must not go back.
    std::size_t at(TimeMs reference_ms) noexcept {
        const std::span<const TimeMs> times = view_.times_ms;
        while (end_ < times.size() && times[end_] <= reference_ms) ++end_;
        if (end_ == 0 || times[end_ - 1] < reference_ms - lookback_ms_) return npos;
        return is_stale(view_.values[end_ - 1]) ? npos : end_ - 1;
    }

private:
    const SeriesView& view_;
    int64_t lookback_ms_;
    std::size_t end_ = 0;
};

bool names_metric(const VectorSelector& node) noexcept {
    return std::ranges::any_of(node.matchers, [](const Matcher& matcher) {
        return matcher.name == kMetricName && matcher.kind == Matcher::Kind::equal;
    });
}

const Expr& range_argument(const Call& node) noexcept {
    for (const ExprPtr& arg : node.args)
        if (arg->type == ValueType::matrix) return *arg;
    GW_CHECK(false);
    return *node.args[0];
}

}  // namespace

std::optional<TimeMs> Evaluator::fixed_time(const TimeShift& shift) const noexcept {
    switch (shift.at) {
        case TimeShift::At::none:
            return std::nullopt;
        case TimeShift::At::time:
            return shift.at_ms - shift.offset_ms;
        case TimeShift::At::start:
            return start_ms_ - shift.offset_ms;
        case TimeShift::At::end:
            return end_ms_ - shift.offset_ms;
    }
    return std::nullopt;
}

Outcome<void> Evaluator::check_steps(const Grid& grid) const {
    const uint64_t most = options_.limits.max_samples;
    if (grid.steps <= (most == 0 ? kStepsMax : most)) return {};
    return execution_error(
        "query processing would load too many samples into memory in expression evaluation");
}

Outcome<void> Evaluator::visit(const VectorSelector& node, TimeMs from_ms, TimeMs to_ms,
                               const std::function<Outcome<void>(const SeriesView&)>& use) {
    QueryError error;
    bool failed = false;
    const auto each = [&](const SeriesView& view) -> Status {
        Outcome<void> done = budget_.check();
        if (done) done = use(view);
        if (done) return {};
        failed = true;
        error = std::move(done.error());
        return failure(error.message);
    };
    const Status visited = source_.visit(node.matchers, from_ms, to_ms, budget_.limits(), each);
    if (failed) return std::unexpected(std::move(error));
    if (visited) return {};
    TRY_STATUS(budget_.check());
    return execution_error("expanding series: " + visited.error().message);
}

Outcome<void> Evaluator::select_instant(const VectorSelector& node, const Grid& grid, Want want,
                                        const Sink& sink) {
    const std::optional<TimeMs> fixed = fixed_time(node.shift);
    const auto reference = [&](std::size_t step) {
        return fixed ? *fixed : grid.at(step) - node.shift.offset_ms;
    };
    if (grid.steps == 0) return {};
    const TimeMs from_ms = reference(0) - options_.lookback_ms;
    return visit(node, from_ms, reference(grid.steps - 1),
                 [&](const SeriesView& view) -> Outcome<void> {
                     Column column = TRY(new_column(view.labels, grid, budget_));
                     Latest latest(view, options_.lookback_ms);
                     const bool histograms = want == Want::value && !view.histograms.empty();
                     if (histograms) column.histograms.resize(grid.steps);
                     bool any = false;
                     for (std::size_t step = 0; step < grid.steps; ++step) {
                         const std::size_t at = latest.at(reference(step));
                         if (at == Latest::npos) continue;
                         any = true;
                         column.values[step] = want == Want::value
                                                   ? view.values[at]
                                                   : static_cast<double>(view.times_ms[at]) / 1000;
                         if (histograms) column.histograms[step] = view.histograms[at];
                     }
                     if (!any) return {};
                     return sink(std::move(column));
                 });
}

Outcome<void> Evaluator::each_selected_range(const MatrixSelector& node, const Grid& grid,
                                             const RangeUse& use) {
    const TimeShift& shift = node.selector.shift;
    const std::optional<TimeMs> fixed = fixed_time(shift);
    if (grid.steps == 0) return {};
    const TimeMs first_end = fixed ? *fixed : grid.at(0) - shift.offset_ms;
    const TimeMs last_end = fixed ? *fixed : grid.last_ms() - shift.offset_ms;
    RangeInput input;
    input.grid = grid;
    input.range_ms = node.range_ms;
    input.offset_ms = shift.offset_ms;
    input.fixed_end_ms = fixed;
    input.budget = &budget_;
    FreshSamples fresh;
    return visit(node.selector, first_end - node.range_ms, last_end,
                 [&](const SeriesView& view) -> Outcome<void> {
                     const Charge charge =
                         TRY(Charge::of(budget_, view.values.size(), 16 * view.values.size()));
                     fresh.read(view);
                     input.times_ms = fresh.times;
                     input.values = fresh.values;
                     input.histograms = fresh.histograms;
                     return use(view.labels, input);
                 });
}

// The inner steps are multiples of the step, whatever the outer ones are.
Outcome<Columns> Evaluator::subquery_columns(const Subquery& node, const Grid& grid, Grid& inner) {
    const std::optional<TimeMs> fixed = fixed_time(node.shift);
    const int64_t step_ms = node.step_ms != 0 ? node.step_ms : options_.subquery_step_ms;
    const TimeMs first_end = fixed ? *fixed : grid.at(0) - node.shift.offset_ms;
    const TimeMs last_end = fixed ? *fixed : grid.last_ms() - node.shift.offset_ms;
    const TimeMs begin = first_end - node.range_ms;
    TimeMs start = step_ms * (begin / step_ms);
    if (start < begin) start += step_ms;
    inner = Grid::between(start, last_end, step_ms);
    if (grid.steps == 0 || inner.steps == 0) return Columns{};
    TRY_STATUS(check_steps(inner));
    return vector(*node.expr, inner);
}

Outcome<void> Evaluator::each_subquery_range(const Subquery& node, const Grid& grid,
                                             const RangeUse& use) {
    Grid inner;
    const Columns columns = TRY(subquery_columns(node, grid, inner));
    ColumnSamples samples(inner);
    RangeInput input;
    input.grid = grid;
    input.range_ms = node.range_ms;
    input.offset_ms = node.shift.offset_ms;
    input.fixed_end_ms = fixed_time(node.shift);
    input.budget = &budget_;
    for (const Column& column : columns) {
        TRY_STATUS(budget_.check());
        samples.read(column);
        input.times_ms = samples.times;
        input.values = samples.values;
        input.histograms = samples.histograms;
        TRY_STATUS(use(column.labels, input));
    }
    return {};
}

Outcome<void> Evaluator::each_range(const Expr& argument, const Grid& grid, const RangeUse& use) {
    const Expr& inner = inside_parens(argument);
    if (const auto* selected = std::get_if<MatrixSelector>(&inner.node))
        return each_selected_range(*selected, grid, use);
    return each_subquery_range(std::get<Subquery>(inner.node), grid, use);
}

Outcome<void> Evaluator::range_call(const Call& node, const Grid& grid, const Sink& sink) {
    const FunctionId id = node.function->id;
    std::vector<std::vector<double>> parameters;
    for (const ExprPtr& arg : node.args)
        if (arg->type == ValueType::scalar) parameters.push_back(TRY(scalar(*arg, grid)));
    const Expr& argument = range_argument(node);
    const bool keeps_name = id == FunctionId::last_over_time || id == FunctionId::absent_over_time;
    // With one name, series stay different without it.
    const auto* selected = std::get_if<MatrixSelector>(&inside_parens(argument).node);
    const bool may_collide =
        !keeps_name && (selected == nullptr || !names_metric(selected->selector));
    KeyIndex seen;
    std::string key;
    return each_range(argument, grid,
                      [&](const Labels& labels, const RangeInput& input) -> Outcome<void> {
                          Column column = TRY(new_column(labels, grid, budget_));
                          TRY_STATUS(apply_range_function(id, input, parameters, column));
                          TRY_STATUS(budget_.check());  // it may have stopped half way
                          if (!has_value(column)) return {};
                          if (!keeps_name) drop_name(column.labels);
                          if (may_collide) {
                              key_of(column.labels, key);
                              if (!seen.add(key).is_new) return same_labelset_error();
                          }
                          return sink(std::move(column));
                      });
}

Outcome<std::vector<Series>> Evaluator::matrix(const Expr& expr, TimeMs at_ms) {
    const Grid grid{at_ms, 1, 1};
    std::vector<Series> out;
    const Expr& inner = inside_parens(expr);
    if (const auto* subquery = std::get_if<Subquery>(&inner.node)) {
        // All inner steps, also where the range does not begin or end with one.
        Grid steps;
        const Columns columns = TRY(subquery_columns(*subquery, grid, steps));
        ColumnSamples samples(steps);
        for (const Column& column : columns) {
            samples.read(column);
            out.push_back({column.labels,
                           {samples.times.begin(), samples.times.end()},
                           {samples.values.begin(), samples.values.end()},
                           {samples.histograms.begin(), samples.histograms.end()}});
        }
        return out;
    }
    TRY_STATUS(
        each_range(inner, grid, [&](const Labels& labels, const RangeInput& in) -> Outcome<void> {
            if (in.times_ms.empty()) return {};
            out.push_back({labels,
                           {in.times_ms.begin(), in.times_ms.end()},
                           {in.values.begin(), in.values.end()},
                           {in.histograms.begin(), in.histograms.end()}});
            return {};
        }));
    return out;
}

}  // namespace glassgate::store::query
