// The JSON of Prometheus' HTTP API, read back: what a client of the API sees.
#pragma once

#include <string_view>

#include "store/query/result.h"

namespace glassgate::store::query {

// An answer to query or query_range. Of native histograms count and sum are read, not the buckets.
// Error: the one the answer tells, or (internal) the text is no such answer.
[[nodiscard]] Outcome<QueryResult> read_answer(std::string_view json);

}  // namespace glassgate::store::query
