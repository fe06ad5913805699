// Arithmetic of native histograms, as Prometheus 2.42's FloatHistogram has it.
#pragma once

#include <cstdint>
#include <vector>

#include "store/series.h"

namespace glassgate::store::query {

struct BucketRange {
    double lower = 0;
    double upper = 0;
    bool lower_inclusive = false;
    bool upper_inclusive = false;
    double count = 0;
};

// The upper bound of a positive bucket: 2^(index * 2^-schema); of the last one below infinity the
// largest double.
[[nodiscard]] double bucket_bound(int32_t index, int32_t schema) noexcept;

// Ascending: the negative ones, the zero bucket unless it is empty, the positive ones. A bucket
// that overlaps the zero bucket is cut at the zero threshold.
[[nodiscard]] std::vector<BucketRange> all_buckets(const NativeHistogram& histogram);

// To a schema that is not larger: neighbouring buckets are merged.
[[nodiscard]] NativeHistogram to_schema(const NativeHistogram& histogram, int32_t schema);

// The other's schema must not be smaller. Zero thresholds are reconciled.
void add(NativeHistogram& into, const NativeHistogram& other);
void subtract(NativeHistogram& into, const NativeHistogram& other);
void scale(NativeHistogram& histogram, double factor);
// The sum, at the smaller of the two schemas.
[[nodiscard]] NativeHistogram sum_of(const NativeHistogram& a, const NativeHistogram& b);

// Removes empty buckets.
void compact(NativeHistogram& histogram);

// Whether a counter was reset between the two: something in it decreased or disappeared.
[[nodiscard]] bool detect_reset(const NativeHistogram& now, const NativeHistogram& before);

}  // namespace glassgate::store::query
