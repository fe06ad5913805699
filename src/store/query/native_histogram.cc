#include "store/query/native_histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace glassgate::store::query {
namespace {

using Bucket = NativeHistogram::Bucket;
using Buckets = std::vector<Bucket>;

constexpr int32_t kSchemaMax = 8;
constexpr double kLargest = std::numeric_limits<double>::max();

// 2^(i / 256), the finest schema; coarser ones take every 2nd, 4th, ...
const std::array<double, 256>& fractions() noexcept {
    static const std::array<double, 256> table = [] {
        std::array<double, 256> made{};
        for (std::size_t i = 0; i < made.size(); ++i)
            made[i] = std::exp2(static_cast<double>(i) / 256);
        return made;
    }();
    return table;
}

int32_t merged_index(int32_t index, int32_t by) noexcept {
    return by == 0 ? index : ((index - 1) >> by) + 1;
}

// The buckets as a schema has them, without those that end at or below a threshold.
Buckets merged(const Buckets& buckets, int32_t schema, int32_t target, double threshold) {
    Buckets out;
    out.reserve(buckets.size());
    for (const Bucket& bucket : buckets) {
        const int32_t index = merged_index(bucket.index, schema - target);
        if (!out.empty() && out.back().index == index)
            out.back().count += bucket.count;
        else
            out.push_back({index, bucket.count});
    }
    std::erase_if(out, [&](const Bucket& b) { return bucket_bound(b.index, target) <= threshold; });
    return out;
}

void add_buckets(Buckets& into, const Buckets& other, double sign) {
    Buckets out;
    out.reserve(into.size() + other.size());
    auto a = into.begin();
    auto b = other.begin();
    while (a != into.end() || b != other.end()) {
        if (b == other.end() || (a != into.end() && a->index < b->index)) {
            out.push_back(*a++);
        } else if (a == into.end() || b->index < a->index) {
            out.push_back({b->index, sign * b->count});
            ++b;
        } else {
            out.push_back({a->index, a->count + sign * b->count});
            ++a;
            ++b;
        }
    }
    into = std::move(out);
}

struct ZeroBucket {
    double count;
    double threshold;
};

// Counts the buckets that a larger threshold swallows. A populated bucket that it would cut is
// swallowed whole: the threshold moves to its far end, and `cut` says so.
double swallowed(const Buckets& buckets, int32_t schema, double& threshold, bool& cut) {
    double count = 0;
    for (const Bucket& bucket : buckets) {
        if (bucket_bound(bucket.index - 1, schema) >= threshold) break;
        count += bucket.count;
        const double end = bucket_bound(bucket.index, schema);
        if (end <= threshold) continue;
        if (bucket.count != 0) {
            threshold = end;
            cut = true;
        }
        break;
    }
    return count;
}

ZeroBucket zero_for_larger_threshold(const NativeHistogram& h, double threshold) {
    if (threshold <= h.zero_threshold) return {h.zero_count, h.zero_threshold};
    while (true) {
        bool cut = false;
        double count = h.zero_count + swallowed(h.positive, h.schema, threshold, cut);
        cut = false;
        count += swallowed(h.negative, h.schema, threshold, cut);
        if (!cut) return {count, threshold};  // else the positive ones have to be counted again
    }
}

void trim_inside_zero(Buckets& buckets, int32_t schema, double threshold) {
    std::erase_if(buckets, [&](const Bucket& b) {
        return b.count == 0 || bucket_bound(b.index - 1, schema) < threshold;
    });
}

// Widens the zero bucket of `h` until it fits the other's; what the other's then counts.
double reconcile_zero(NativeHistogram& h, const NativeHistogram& other) {
    ZeroBucket others{other.zero_count, other.zero_threshold};
    while (others.threshold != h.zero_threshold) {
        if (h.zero_threshold > others.threshold) {
            others = zero_for_larger_threshold(other, h.zero_threshold);
        } else if (!(others.threshold > h.zero_threshold)) {
            break;  // a threshold that is no number
        } else {
            const ZeroBucket own = zero_for_larger_threshold(h, others.threshold);
            h.zero_count = own.count;
            h.zero_threshold = own.threshold;
            trim_inside_zero(h.positive, h.schema, h.zero_threshold);
            trim_inside_zero(h.negative, h.schema, h.zero_threshold);
        }
    }
    return others.count;
}

void combine(NativeHistogram& into, const NativeHistogram& other, double sign) {
    into.zero_count += sign * reconcile_zero(into, other);
    into.count += sign * other.count;
    into.sum += sign * other.sum;
    const double threshold = into.zero_threshold;
    add_buckets(into.positive, merged(other.positive, other.schema, into.schema, threshold), sign);
    add_buckets(into.negative, merged(other.negative, other.schema, into.schema, threshold), sign);
}

bool buckets_reset(const Buckets& now, const Buckets& before) {
    auto at = now.begin();
    for (const Bucket& bucket : before) {
        while (at != now.end() && at->index < bucket.index) ++at;
        const bool there = at != now.end() && at->index == bucket.index;
        if (there ? at->count < bucket.count : bucket.count != 0) return true;
    }
    return false;
}

}  // namespace

double bucket_bound(int32_t index, int32_t schema) noexcept {
    if (schema < 0) {
        const int64_t exponent = int64_t{index} << std::min(-schema, 31);
        if (exponent == 1024) return kLargest;
        return std::ldexp(1.0, static_cast<int>(std::clamp<int64_t>(exponent, -5000, 5000)));
    }
    const int32_t fine = std::min(schema, kSchemaMax);
    const int32_t within = index & ((1 << fine) - 1);
    const int32_t exponent = index >> fine;
    if (within == 0 && exponent == 1024) return kLargest;
    const double fraction = fractions()[static_cast<std::size_t>(within) << (kSchemaMax - fine)];
    return std::ldexp(fraction, std::clamp(exponent, -5000, 5000));
}

std::vector<BucketRange> all_buckets(const NativeHistogram& h) {
    std::vector<BucketRange> out;
    out.reserve(h.negative.size() + h.positive.size() + 1);
    for (auto b = h.negative.rbegin(); b != h.negative.rend(); ++b) {
        const double lower = -bucket_bound(b->index, h.schema);
        double upper = -bucket_bound(b->index - 1, h.schema);
        upper = std::min(upper, -h.zero_threshold);
        out.push_back({lower, upper, true, false, b->count});
    }
    if (h.zero_count > 0)
        out.push_back({-h.zero_threshold, h.zero_threshold, true, true, h.zero_count});
    for (const Bucket& b : h.positive) {
        const double upper = bucket_bound(b.index, h.schema);
        const double lower = std::max(bucket_bound(b.index - 1, h.schema), h.zero_threshold);
        out.push_back({lower, upper, false, true, b.count});
    }
    return out;
}

NativeHistogram to_schema(const NativeHistogram& h, int32_t schema) {
    NativeHistogram out = h;
    if (schema == h.schema) return out;
    out.schema = schema;
    out.positive = merged(h.positive, h.schema, schema, 0);
    out.negative = merged(h.negative, h.schema, schema, 0);
    return out;
}

void add(NativeHistogram& into, const NativeHistogram& other) { combine(into, other, 1); }
void subtract(NativeHistogram& into, const NativeHistogram& other) { combine(into, other, -1); }

NativeHistogram sum_of(const NativeHistogram& a, const NativeHistogram& b) {
    const bool b_is_finer = b.schema >= a.schema;
    NativeHistogram out = b_is_finer ? a : b;
    add(out, b_is_finer ? b : a);
    return out;
}

void scale(NativeHistogram& h, double factor) {
    h.zero_count *= factor;
    h.count *= factor;
    h.sum *= factor;
    for (Bucket& bucket : h.positive) bucket.count *= factor;
    for (Bucket& bucket : h.negative) bucket.count *= factor;
}

void compact(NativeHistogram& h) {
    const auto empty = [](const Bucket& bucket) { return bucket.count == 0; };
    std::erase_if(h.positive, empty);
    std::erase_if(h.negative, empty);
}

bool detect_reset(const NativeHistogram& now, const NativeHistogram& before) {
    if (now.count < before.count || now.schema > before.schema ||
        now.zero_threshold < before.zero_threshold)
        return true;
    const ZeroBucket zero = zero_for_larger_threshold(before, now.zero_threshold);
    if (zero.threshold != now.zero_threshold || now.zero_count < zero.count) return true;
    const auto of = [&](const NativeHistogram& h, const Buckets& buckets) {
        return merged(buckets, h.schema, now.schema, now.zero_threshold);
    };
    return buckets_reset(of(now, now.positive), of(before, before.positive)) ||
           buckets_reset(of(now, now.negative), of(before, before.negative));
}

}  // namespace glassgate::store::query
