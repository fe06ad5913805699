// What a series counts, which decides what the coarser tiers keep of it.
//
//   counter  the last sample of each interval; where it is reset, also the last sample before the
//            reset and the first after it. So the sum of all increases between any two kept samples
//            is the same as over all samples: rate() and increase() lose nothing, and resets() is
//            right.
//   gauge    the last sample of each interval, as if it had been scraped that often. What happens
//            in between is not kept: averages stay without bias, peaks may be missed. A peak that
//            must be seen for months is a recording rule (max_over_time).
//
// Native histograms say themselves which they are. Of every series the first sample is kept, and
// staleness markers with the sample before them. Kept samples keep their own timestamps.
#pragma once

#include <cstdint>
#include <string_view>

namespace glassgate::store {

enum class SeriesKind : uint8_t { gauge, counter };

// By the naming rules of Prometheus, for series that come without a type.
[[nodiscard]] inline SeriesKind kind_by_name(std::string_view metric) noexcept {
    for (const std::string_view end : {"_total", "_bucket", "_count", "_sum"})
        if (metric.ends_with(end)) return SeriesKind::counter;
    return SeriesKind::gauge;
}

}  // namespace glassgate::store
