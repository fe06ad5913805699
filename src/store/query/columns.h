// Values as columns: a series of a vector is one array over the steps of the query, so that each
// operation is a loop over arrays and everything about labels is done once per series.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "store/labels.h"
#include "store/query/budget.h"
#include "store/query/result.h"
#include "store/series.h"

namespace glassgate::store::query {

// The steps a query is evaluated at: start, start + step, ...
struct Grid {
    TimeMs start_ms = 0;
    int64_t step_ms = 1;
    std::size_t steps = 1;

    [[nodiscard]] TimeMs at(std::size_t step) const noexcept {
        return start_ms + static_cast<int64_t>(step) * step_ms;
    }
    [[nodiscard]] TimeMs last_ms() const noexcept { return at(steps == 0 ? 0 : steps - 1); }
    // Empty when the end is before the start.
    [[nodiscard]] static Grid between(TimeMs start_ms, TimeMs end_ms, int64_t step_ms) noexcept {
        const bool any = end_ms >= start_ms;
        const auto steps =
            any ? static_cast<std::size_t>((end_ms - start_ms) / step_ms) + 1 : std::size_t{0};
        return {start_ms, step_ms, steps};
    }
    [[nodiscard]] Grid first_step_only() const noexcept { return {start_ms, step_ms, 1}; }
};

// No value at a step. The staleness marker serves: it never is a value at a step, and arithmetic
// never makes it (a NaN that comes out of arithmetic is a quiet one).
[[nodiscard]] inline double absent() noexcept { return stale_marker(); }
[[nodiscard]] inline bool is_absent(double value) noexcept { return is_stale(value); }

struct Column {
    Labels labels;
    std::vector<double> values;  // one a step, or absent()
    // Empty without native histograms; else one a step, null where the value is a number. Where
    // there is a histogram the value is a number too, as Prometheus' arithmetic sees it: 0.
    std::vector<HistogramPtr> histograms;
    Charge charge;
};
using Columns = std::vector<Column>;

// All absent, charged to the budget.
[[nodiscard]] Outcome<Column> new_column(Labels labels, const Grid& grid, Budget& budget);

[[nodiscard]] bool has_value(const Column& column) noexcept;

// Series that came to have the same labels become one, unless two have a value at the same step:
// "vector cannot contain metrics with the same labelset". Series without any value go.
[[nodiscard]] Outcome<void> unite_same_labels(Columns& columns);

[[nodiscard]] std::unexpected<QueryError> same_labelset_error();

}  // namespace glassgate::store::query
