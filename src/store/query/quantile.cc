#include "store/query/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "store/query/native_histogram.h"

namespace glassgate::store::query {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t merge_equal_bounds(std::span<ClassicBucket> buckets) {
    std::size_t last = 0;
    for (std::size_t i = 1; i < buckets.size(); ++i) {
        if (buckets[i].upper_bound == buckets[last].upper_bound)
            buckets[last].count += buckets[i].count;
        else
            buckets[++last] = buckets[i];
    }
    return last + 1;
}

// Buckets scraped at different moments may seem to shrink; the envelope is taken.
void make_monotonic(std::span<ClassicBucket> buckets) {
    double most = buckets[0].count;
    for (ClassicBucket& bucket : buckets) {
        if (bucket.count > most)
            most = bucket.count;
        else if (bucket.count < most)
            bucket.count = most;
    }
}

// The first of all but the last bucket that reaches the rank; the last one if none does.
std::size_t bucket_with_rank(std::span<const ClassicBucket> buckets, double rank) {
    std::size_t low = 0, high = buckets.size() - 1;
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (buckets[middle].count >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

// With buckets on one side of zero only, the zero bucket is taken to lie on that side too.
void cut_at_zero(BucketRange& bucket, const NativeHistogram& h) {
    if (!(bucket.lower < 0 && bucket.upper > 0)) return;
    if (h.negative.empty() && !h.positive.empty())
        bucket.lower = 0;
    else if (h.positive.empty() && !h.negative.empty())
        bucket.upper = 0;
}

}  // namespace

double quantile_of(double q, std::span<double> values) {
    if (values.empty() || std::isnan(q)) return kNaN;
    if (q < 0) return -kInfinity;
    if (q > 1) return kInfinity;
    const auto less = [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; };
    const double rank = q * static_cast<double>(values.size() - 1);
    const auto lower = static_cast<std::ptrdiff_t>(std::floor(rank));
    const auto middle = values.begin() + lower;
    std::nth_element(values.begin(), middle, values.end(), less);
    const double low = *middle;
    const double high =
        middle + 1 == values.end() ? low : *std::min_element(middle + 1, values.end(), less);
    const double weight = rank - std::floor(rank);
    return low * (1 - weight) + high * weight;
}

double bucket_quantile(double q, std::span<ClassicBucket> buckets) {
    if (std::isnan(q)) return kNaN;
    if (q < 0) return -kInfinity;
    if (q > 1) return kInfinity;
    if (buckets.empty() || buckets.back().upper_bound != kInfinity) return kNaN;
    buckets = buckets.first(merge_equal_bounds(buckets));
    make_monotonic(buckets);
    if (buckets.size() < 2) return kNaN;
    const double observations = buckets.back().count;
    if (observations == 0) return kNaN;
    double rank = q * observations;
    const std::size_t b = bucket_with_rank(buckets, rank);
    if (b == buckets.size() - 1) return buckets[b - 1].upper_bound;
    if (b == 0 && buckets[0].upper_bound <= 0) return buckets[0].upper_bound;
    const double begin = b > 0 ? buckets[b - 1].upper_bound : 0;
    const double end = buckets[b].upper_bound;
    double count = buckets[b].count;
    if (b > 0) {
        count -= buckets[b - 1].count;
        rank -= buckets[b - 1].count;
    }
    return begin + (end - begin) * (rank / count);
}

double histogram_quantile(double q, const NativeHistogram& h) {
    if (q < 0) return -kInfinity;
    if (q > 1) return kInfinity;
    if (h.count == 0 || std::isnan(q)) return kNaN;
    double rank = q * h.count;
    double count = 0;
    BucketRange bucket;
    for (const BucketRange& each : all_buckets(h)) {
        bucket = each;
        count += bucket.count;
        if (count >= rank) break;
    }
    cut_at_zero(bucket, h);
    count = std::min(count, h.count);  // rounding
    // Observations of NaN are in no bucket.
    if (count < rank) return bucket.upper;
    rank -= count - bucket.count;
    return bucket.lower + (bucket.upper - bucket.lower) * (rank / bucket.count);
}

double histogram_fraction(double lower, double upper, const NativeHistogram& h) {
    if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
    if (lower >= upper) return 0;
    double rank = 0, lower_rank = h.count, upper_rank = h.count;
    bool lower_set = false, upper_set = false;
    for (BucketRange b : all_buckets(h)) {
        cut_at_zero(b, h);
        // The rank of a bound that lies before or in this bucket.
        const auto place = [&](double bound, double& bound_rank, bool& set) {
            if (set) return;
            if (b.lower >= bound) {
                bound_rank = rank;
                set = true;
            } else if (b.upper > bound) {
                bound_rank = rank + b.count * (bound - b.lower) / (b.upper - b.lower);
                set = true;
            }
        };
        place(lower, lower_rank, lower_set);
        place(upper, upper_rank, upper_set);
        if (lower_set && upper_set) break;
        rank += b.count;
    }
    return (std::min(upper_rank, h.count) - std::min(lower_rank, h.count)) / h.count;
}

}  // namespace glassgate::store::query
