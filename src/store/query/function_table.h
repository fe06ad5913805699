// The functions of the language: names, argument types, results. Prometheus 2.42 has these.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "store/query/expr.h"

namespace glassgate::store::query {

enum class FunctionId : uint8_t {
    // Of a range, one value per series and step.
    rate,
    increase,
    delta,
    irate,
    idelta,
    deriv,
    predict_linear,
    holt_winters,
    changes,
    resets,
    avg_over_time,
    count_over_time,
    last_over_time,
    max_over_time,
    min_over_time,
    present_over_time,
    quantile_over_time,
    stddev_over_time,
    stdvar_over_time,
    sum_over_time,
    absent_over_time,
    // Of each value alone.
    abs,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    ceil,
    cos,
    cosh,
    deg,
    exp,
    floor,
    ln,
    log10,
    log2,
    rad,
    sgn,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    clamp,
    clamp_max,
    clamp_min,
    round,
    days_in_month,
    day_of_month,
    day_of_week,
    day_of_year,
    hour,
    minute,
    month,
    year,
    timestamp,
    histogram_count,
    histogram_sum,
    histogram_fraction,
    // Of a whole vector.
    absent,
    histogram_quantile,
    label_join,
    label_replace,
    scalar,
    sort,
    sort_desc,
    vector,
    // Of nothing.
    pi,
    time,
};

struct Function {
    std::string_view name;
    FunctionId id;
    std::span<const ValueType> arguments;
    int variadic;  // how many times the last may be left out or repeated: 0 not, -1 without end
    ValueType result;
    // Depends on the step's time even when its arguments do not.
    bool uses_time = false;
};

// nullptr: there is none of that name.
[[nodiscard]] const Function* find_function(std::string_view name) noexcept;
[[nodiscard]] std::span<const Function> all_functions() noexcept;

[[nodiscard]] constexpr bool takes_range(FunctionId id) noexcept {
    return id <= FunctionId::absent_over_time;
}

}  // namespace glassgate::store::query
