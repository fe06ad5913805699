// Blocks of native histograms. Turned on its side: each bucket is a column of its counts over the
// samples of the block, encoded as the values of plain samples are; a bucket that stands still
// costs a few bytes for the whole block.
//
// A block is: its head (times' mode, flags), the count, the times; then, unless all its samples are
// staleness markers, what the histograms have in common, and the columns.
//
// Buckets with a count of zero are not kept: having one and not having it is the same histogram.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/codec/time_column.h"
#include "store/series.h"

namespace glassgate::store {

using HistogramPtr = std::shared_ptr<const NativeHistogram>;

inline constexpr std::size_t kMaxHistogramBlock = 128;  // samples
inline constexpr std::size_t kMaxBuckets = 1024;        // of one histogram, each sign

// Whether two samples (null: a staleness marker) may share a block.
[[nodiscard]] bool share_a_block(const HistogramPtr& a, const HistogramPtr& b) noexcept;
[[nodiscard]] bool same_sample(const HistogramPtr& a, const HistogramPtr& b) noexcept;

// 1 to kMaxHistogramBlock samples that may share a block. May write several.
void put_histogram_block(std::string& out, TimeContext& context, std::span<const TimeMs> times,
                         std::span<const HistogramPtr> histograms);

struct HistogramColumns {
    std::vector<TimeMs>& times;
    std::vector<HistogramPtr>& histograms;  // null: a staleness marker
};
// As read_number_blocks. Samples that are the same share one object.
[[nodiscard]] bool read_histogram_blocks(std::string_view bytes, std::size_t samples, TimeMs first,
                                         TimeMs last, TimeMs from, TimeMs to,
                                         HistogramColumns columns);

}  // namespace glassgate::store
