// Evaluates an expression tree over the steps of a query.
//
// One evaluator serves one query, on one thread. Values are columns over the query's steps; each
// selector asks the source once, and what can be done series by series is done while the source
// hands them over.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "store/query/columns.h"
#include "store/query/engine.h"
#include "store/query/expr.h"
#include "store/query/window.h"

namespace glassgate::store::query {

class Evaluator {
public:
    using Sink = std::function<Outcome<void>(Column&&)>;

    // `start` and `end` are what @ start() and @ end() stand for.
    Evaluator(const Source& source, const Options& options, TimeMs start_ms, TimeMs end_ms)
        : source_(source),
          options_(options),
          start_ms_(start_ms),
          end_ms_(end_ms),
          budget_(options.limits) {}

    // An expression of the type the name says; anything else is a bug.
    [[nodiscard]] Outcome<Columns> vector(const Expr& expr, const Grid& grid);
    [[nodiscard]] Outcome<std::vector<double>> scalar(const Expr& expr, const Grid& grid);
    [[nodiscard]] Outcome<std::vector<Series>> matrix(const Expr& expr, TimeMs at_ms);

    [[nodiscard]] const Budget& budget() const noexcept { return budget_; }

private:
    // The columns of a vector one by one, in their order, which need not all exist at once.
    [[nodiscard]] Outcome<void> each(const Expr& expr, const Grid& grid, const Sink& sink);

    [[nodiscard]] Outcome<Columns> vector_at_steps(const Expr& expr, const Grid& grid);
    [[nodiscard]] Outcome<Columns> repeat(Columns columns, const Grid& grid);
    [[nodiscard]] Outcome<Columns> unary(const Unary& node, const Grid& grid);
    [[nodiscard]] Outcome<Columns> binary(const Binary& node, const Grid& grid);
    [[nodiscard]] Outcome<Columns> aggregate(const Aggregate& node, const Grid& grid);
    [[nodiscard]] Outcome<Columns> call(const Call& node, const Grid& grid);
    [[nodiscard]] Outcome<Columns> value_call(const Call& node, const Grid& grid);
    [[nodiscard]] Outcome<Columns> vector_call(const Call& node, const Grid& grid);
    [[nodiscard]] Outcome<Columns> timestamp_call(const Call& node, const Grid& grid);
    [[nodiscard]] Outcome<Columns> absent_over_time_call(const Call& node, const Grid& grid);
    [[nodiscard]] Outcome<Columns> one_series(std::vector<double> values, const Grid& grid);
    [[nodiscard]] Outcome<std::vector<double>> scalar_at_steps(const Expr& expr, const Grid& grid);
    [[nodiscard]] Outcome<std::vector<double>> scalar_call(const Call& node, const Grid& grid);

    // Selectors (evaluate_selectors.cc).
    enum class Want : uint8_t { value, time };
    [[nodiscard]] Outcome<void> select_instant(const VectorSelector& node, const Grid& grid,
                                               Want want, const Sink& sink);
    [[nodiscard]] Outcome<void> range_call(const Call& node, const Grid& grid, const Sink& sink);
    using RangeUse = std::function<Outcome<void>(const Labels&, const RangeInput&)>;
    [[nodiscard]] Outcome<void> each_range(const Expr& argument, const Grid& grid,
                                           const RangeUse& use);
    [[nodiscard]] Outcome<void> each_selected_range(const MatrixSelector& node, const Grid& grid,
                                                    const RangeUse& use);
    [[nodiscard]] Outcome<void> each_subquery_range(const Subquery& node, const Grid& grid,
                                                    const RangeUse& use);
    [[nodiscard]] Outcome<Columns> subquery_columns(const Subquery& node, const Grid& grid,
                                                    Grid& inner);
    [[nodiscard]] Outcome<void> visit(const VectorSelector& node, TimeMs from_ms, TimeMs to_ms,
                                      const std::function<Outcome<void>(const SeriesView&)>& use);
    // The time an @ fixes, with the offset taken off.
    [[nodiscard]] std::optional<TimeMs> fixed_time(const TimeShift& shift) const noexcept;
    [[nodiscard]] Outcome<void> check_steps(const Grid& grid) const;

    const Source& source_;
    const Options& options_;
    TimeMs start_ms_;
    TimeMs end_ms_;
    Budget budget_;
};

}  // namespace glassgate::store::query
