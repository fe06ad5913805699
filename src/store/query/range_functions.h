// Functions of a range vector: from the samples of one series to one value a step.
#pragma once

#include <span>
#include <vector>

#include "store/query/columns.h"
#include "store/query/function_table.h"
#include "store/query/window.h"

namespace glassgate::store::query {

// The function's scalar arguments in their order, each with one value a step.
using Parameters = std::span<const std::vector<double>>;

// Fills `out`, which is all absent. A function that takes one series and knows nothing of labels.
// Error: an argument out of its domain.
[[nodiscard]] Outcome<void> apply_range_function(FunctionId id, const RangeInput& in,
                                                 Parameters parameters, Column& out);

// rate, increase and delta, extrapolated to the window (range_rate.cc).
enum class RateKind : uint8_t { rate, increase, delta };
void extrapolated_rate(RateKind kind, const RangeInput& in, Column& out);
// irate and idelta: of the last two samples.
void instant_rate(bool per_second, const RangeInput& in, std::span<double> out);

// (over_time.cc)
void sum_over_time(const RangeInput& in, std::span<double> out);
void avg_over_time(const RangeInput& in, std::span<double> out);
void extreme_over_time(bool maximum, const RangeInput& in, std::span<double> out);
void variance_over_time(bool root, const RangeInput& in, std::span<double> out);
void quantile_over_time(std::span<const double> q, const RangeInput& in, std::span<double> out);

// (regression.cc)
void deriv(const RangeInput& in, std::span<double> out);
void predict_linear(std::span<const double> seconds, const RangeInput& in, std::span<double> out);
[[nodiscard]] Outcome<void> holt_winters(std::span<const double> smoothing,
                                         std::span<const double> trend, const RangeInput& in,
                                         std::span<double> out);

}  // namespace glassgate::store::query
