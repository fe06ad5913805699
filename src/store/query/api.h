// A query as it comes from outside: parameters as text, answered as Prometheus' HTTP API answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/query/engine.h"
#include "store/query/result.h"

namespace glassgate::store::query {

// Seconds since the epoch, or RFC 3339. Error as the API words it.
[[nodiscard]] Result<TimeMs> parse_time(std::string_view text);

// Seconds, or a duration like 15s; milliseconds, any sign.
[[nodiscard]] Result<int64_t> parse_step_ms(std::string_view text);

// Empty: not given.
struct QueryParameters {
    std::string query{};
    std::string timeout{};
    std::string time{};                  // query
    std::string start{}, end{}, step{};  // query_range
};

// More points a series are refused.
inline constexpr int64_t kPointsMax = 11'000;

// /api/v1/query; without a time, at `now_ms`. A timeout shortens the options' deadline.
[[nodiscard]] Outcome<QueryResult> answer_query(const Source& source,
                                                const QueryParameters& parameters, TimeMs now_ms,
                                                const Options& options);
// /api/v1/query_range
[[nodiscard]] Outcome<QueryResult> answer_query_range(const Source& source,
                                                      const QueryParameters& parameters,
                                                      const Options& options);

// /api/v1/format_query: the canonical text, on one line.
[[nodiscard]] Outcome<std::string> answer_format(const std::string& expression);

}  // namespace glassgate::store::query
