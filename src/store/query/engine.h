// The query engine: expressions over a Source, at one time or over the steps of a range, with the
// semantics of Prometheus 2.42.
//
// Pure functions of their arguments; any thread, any number at once.
#pragma once

#include <string_view>

#include "store/query/expr.h"
#include "store/query/result.h"
#include "store/series.h"

namespace glassgate::store::query {

struct Options {
    int64_t lookback_ms = 5 * 60 * 1000;   // how old a sample may be
    int64_t subquery_step_ms = 60 * 1000;  // of a subquery that names none
    Limits limits{};
};

// An expression of any type, at one time.
[[nodiscard]] Outcome<QueryResult> instant_query(const Source& source, const Expr& expr,
                                                 TimeMs at_ms, const Options& options = {});

// An expression of type scalar or vector at start, start + step, ... up to end: a matrix, sorted by
// labels. The step must be positive.
[[nodiscard]] Outcome<QueryResult> range_query(const Source& source, const Expr& expr,
                                               TimeMs start_ms, TimeMs end_ms, int64_t step_ms,
                                               const Options& options = {});

// What rules need: a vector's samples; a scalar is one sample without labels.
[[nodiscard]] Outcome<std::vector<Sample>> evaluate(const Source& source, const Expr& expr,
                                                    TimeMs at_ms, const Options& options = {});

}  // namespace glassgate::store::query
