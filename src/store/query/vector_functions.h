// Functions that look at the labels of a vector, or at all its series together.
#pragma once

#include <string>
#include <vector>

#include "store/query/columns.h"
#include "store/query/expr.h"

namespace glassgate::store::query {

// The labels that the selector says equal something, for the series of absent() and
// absent_over_time().
[[nodiscard]] Labels labels_of_absence(const Expr& argument);

// 1 at the steps where no series has a value.
[[nodiscard]] Outcome<Columns> absence(const Expr& argument, const Columns& vector,
                                       const Grid& grid, Budget& budget);

// The value of the only series, NaN where there is none or several.
[[nodiscard]] std::vector<double> only_value(const Columns& vector, const Grid& grid);

// Classic buckets by their le label, and native histograms.
[[nodiscard]] Outcome<Columns> histogram_quantiles(const std::vector<double>& q, Columns vector,
                                                   const Grid& grid, Budget& budget);

[[nodiscard]] Outcome<Columns> label_replace(const Call& call, Columns vector);
[[nodiscard]] Outcome<Columns> label_join(const Call& call, Columns vector);

// By value, NaN last. Only an instant query's result has an order.
void sort_by_value(bool ascending, Columns& vector);

}  // namespace glassgate::store::query
