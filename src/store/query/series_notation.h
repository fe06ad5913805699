// Series in the notation of Prometheus' rule tests: `name{a="b"} 1+2x3 _ stale {{schema:0 ...}}`.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/series.h"

namespace glassgate::store::query {

// One sample of the sequence; nothing: left out.
struct SequenceValue {
    double value = 0;
    std::shared_ptr<const NativeHistogram> histogram;
};

struct SeriesDescription {
    Labels labels;
    std::vector<std::optional<SequenceValue>> values;
};

// At most this many values a series, so that x999999999999 does not fill the memory.
inline constexpr std::size_t kSequenceMax = 10'000'000;

[[nodiscard]] Result<SeriesDescription> parse_series(std::string_view text);
// The values alone: `1+2x3 _ stale`.
[[nodiscard]] Result<std::vector<std::optional<SequenceValue>>> parse_values(std::string_view text);

// {{schema:1 sum:4 count:5 z_bucket:1 z_bucket_w:0.001 offset:0 buckets:[1 2] n_offset:0
// n_buckets:[1]}}; what is left out is 0. `text` begins with the braces; what is behind them is
// left in it.
[[nodiscard]] Result<NativeHistogram> take_histogram(std::string_view& text);

// As columns, one value every `interval` from `start` on.
[[nodiscard]] Series to_series(const SeriesDescription& description, TimeMs start_ms,
                               int64_t interval_ms);

}  // namespace glassgate::store::query
