// Quantiles and fractions: of values, of classic buckets, of native histograms.
#pragma once

#include <span>
#include <vector>

#include "store/series.h"

namespace glassgate::store::query {

// Of plain values, interpolated between the two nearest; NaN counts as less than any number. The
// values are reordered. q < 0: -Inf, q > 1: +Inf, NaN or no values: NaN.
[[nodiscard]] double quantile_of(double q, std::span<double> values);

struct ClassicBucket {
    double upper_bound = 0;
    double count = 0;  // cumulative
};

// Linear within a bucket, from 0 in the first one. The buckets must be sorted by bound; they are
// merged where bounds are equal and made monotonic, in place.
[[nodiscard]] double bucket_quantile(double q, std::span<ClassicBucket> buckets);

[[nodiscard]] double histogram_quantile(double q, const NativeHistogram& histogram);

// The share of observations between two values.
[[nodiscard]] double histogram_fraction(double lower, double upper,
                                        const NativeHistogram& histogram);

}  // namespace glassgate::store::query
