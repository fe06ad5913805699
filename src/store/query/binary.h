// Binary operators on columns.
#pragma once

#include <vector>

#include "store/query/columns.h"
#include "store/query/expr.h"

namespace glassgate::store::query {

// Of two scalars, one value a step each; a comparison gives 0 or 1. The result replaces `left`.
void scalar_binary(BinaryOp op, std::vector<double>& left, const std::vector<double>& right);

// Of a vector and a scalar; `swapped`: the scalar stands on the left.
[[nodiscard]] Outcome<void> vector_scalar_binary(BinaryOp op, bool return_bool, bool swapped,
                                                 Columns& vector,
                                                 const std::vector<double>& scalar);

// Of two vectors: arithmetic and comparisons of series that match (binary_vector.cc).
[[nodiscard]] Outcome<Columns> vector_binary(const Binary& node, Columns left, Columns right,
                                             const Grid& grid, Budget& budget);

// and, or, unless (binary_set.cc).
[[nodiscard]] Outcome<Columns> set_binary(const Binary& node, Columns left, Columns right);

// Whether the result of the operator has no metric name.
[[nodiscard]] constexpr bool drops_name(BinaryOp op) noexcept {
    return op <= BinaryOp::pow;  // not atan2: so it is in Prometheus
}

// The key under which series of the two sides match.
void match_key(const VectorMatching& matching, const Labels& labels, std::string& key);

}  // namespace glassgate::store::query
