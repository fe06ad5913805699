// LatencyHistogram: counts of durations in log-linear buckets (32 to each power of two, so a bucket
// is at most 3.1 % wide) from 66 us to 137 s; what lies outside goes to the first or last bucket.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace glassgate::gateway::demo {

class LatencyHistogram {
public:
    void add(uint64_t ns) {
        if (counts_.empty()) counts_.resize(kBuckets);
        ++counts_[bucket(ns)];
        ++total_;
    }
    void merge(const LatencyHistogram& other) {
        if (other.total_ == 0) return;
        if (counts_.empty()) counts_.resize(kBuckets);
        for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
        total_ += other.total_;
    }
    void clear() noexcept {
        counts_.clear();
        total_ = 0;
    }
    [[nodiscard]] uint64_t count() const noexcept { return total_; }

    // The duration in ms that a share `q` of all does not exceed, interpolated inside its bucket;
    // 0 when empty.
    [[nodiscard]] double quantile_ms(double q) const noexcept {
        if (total_ == 0) return 0;
        const double rank = q * static_cast<double>(total_);
        double below = 0;
        for (std::size_t i = 0; i < kBuckets; ++i) {
            const double here = counts_[i];
            if (here > 0 && below + here >= rank) {
                const double part = (rank - below) / here;
                return (lower_ns(i) + part * (lower_ns(i + 1) - lower_ns(i))) / 1e6;
            }
            below += here;
        }
        return lower_ns(kBuckets) / 1e6;
    }

private:
    static constexpr unsigned kSubBits = 5, kFirstPower = 16, kPowers = 21;
    static constexpr std::size_t kSub = 1u << kSubBits, kBuckets = kSub * kPowers;

    [[nodiscard]] static std::size_t bucket(uint64_t ns) noexcept {
        const auto power = static_cast<unsigned>(std::bit_width(ns | 1) - 1);
        if (power < kFirstPower) return 0;
        if (power >= kFirstPower + kPowers) return kBuckets - 1;
        const uint64_t sub = (ns >> (power - kSubBits)) & (kSub - 1);
        return (power - kFirstPower) * kSub + sub;
    }
    [[nodiscard]] static double lower_ns(std::size_t bucket) noexcept {
        if (bucket == 0) return 0;
        const double base = std::ldexp(1.0, static_cast<int>(kFirstPower + bucket / kSub));
        return base * (1.0 + static_cast<double>(bucket % kSub) / kSub);
    }

    std::vector<uint32_t> counts_;  // empty, or one a bucket: an idle second takes no memory
    uint64_t total_ = 0;
};

}  // namespace glassgate::gateway::demo
