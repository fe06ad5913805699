// Functions of each value alone: they change the values of a column and nothing else.
#pragma once

#include <span>
#include <vector>

#include "store/query/columns.h"
#include "store/query/function_table.h"

namespace glassgate::store::query {

[[nodiscard]] constexpr bool is_value_function(FunctionId id) noexcept {
    return id >= FunctionId::abs && id <= FunctionId::histogram_fraction &&
           id != FunctionId::timestamp;
}

// `parameters`: the function's scalar arguments, one value a step each. A histogram counts as the
// number 0, except to the histogram_ functions, which know nothing else.
void apply_value_function(FunctionId id, Column& column,
                          std::span<const std::vector<double>> parameters);

}  // namespace glassgate::store::query
