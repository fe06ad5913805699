// Samples from text with timestamps: OpenMetrics (ending in `# EOF`, times in seconds) or
// Prometheus' text format 0.0.4 (times in milliseconds).
//
// Strict: what the formats do not allow is an error with its line. Beyond them, a value may be
// `stale` (the series ends here) or a native histogram, both as rule tests write them:
// {{schema:0 sum:5 count:4 buckets:[1 2 1]}}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/memory_source.h"
#include "store/series.h"

namespace glassgate::store {

// Error: "line 3: the sample has no timestamp".
[[nodiscard]] Result<std::vector<Series>> read_samples(std::string_view text);

// Error: the same with the path in front, or the file cannot be read.
[[nodiscard]] Result<MemorySource> read_samples_file(const std::string& path);

}  // namespace glassgate::store
