// What the metadata endpoints of Prometheus' HTTP API select by: match[], start, end, limit.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "console/request.h"
#include "store/query/expr.h"
#include "store/query/result.h"
#include "store/series.h"

namespace glassgate::console {

using MatcherSets = std::vector<std::vector<store::Matcher>>;
template <typename T>
using Answer = store::query::Outcome<T>;  // or the error to answer with

// All of time, as far as a request can name it.
inline constexpr store::TimeMs kTimeFirst = -(store::TimeMs{1} << 53);
inline constexpr store::TimeMs kTimeLast = store::TimeMs{1} << 53;

struct TimeRange {
    store::TimeMs from_ms = kTimeFirst, to_ms = kTimeLast;
};
[[nodiscard]] Answer<TimeRange> read_time_range(const Request& request);
// Of all match[]; each must have a matcher that the empty value does not fit.
[[nodiscard]] Answer<MatcherSets> read_matchers(const Request& request);
// 0: none given.
[[nodiscard]] Answer<std::size_t> read_limit(const Request& request);
inline constexpr std::string_view kTruncated = "results truncated due to limit";

// Label sets of series that fit any of the sets (all series, if there is none), sorted, unique.
[[nodiscard]] Answer<std::vector<store::Labels>> select_labels(const store::Source& source,
                                                               const MatcherSets& sets,
                                                               const TimeRange& range);

// The selectors in an expression, as matchers.
[[nodiscard]] MatcherSets selectors_of(const store::query::Expr& expr);

}  // namespace glassgate::console
