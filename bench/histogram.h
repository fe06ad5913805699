// Latencies in log-linear buckets: 64 steps to each power of two, so quantiles are within 1.6 %.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

class Histogram {
public:
    void add(uint64_t ns) {
        ++counts_[index(ns)];
        ++total_;
        if (ns > max_) max_ = ns;
    }
    [[nodiscard]] double quantile_ms(double q) const {
        uint64_t left = static_cast<uint64_t>(q * static_cast<double>(total_));
        for (std::size_t i = 0; i < kSize; ++i) {
            if (counts_[i] > left) return static_cast<double>(value(i)) / 1e6;
            left -= counts_[i];
        }
        return static_cast<double>(max_) / 1e6;
    }
    [[nodiscard]] double max_ms() const { return static_cast<double>(max_) / 1e6; }

private:
    static constexpr unsigned kBits = 6;
    static constexpr std::size_t kSize = 64 << kBits;
    static std::size_t index(uint64_t v) {
        if (v < (1u << kBits)) return v;
        const unsigned top = 63u - static_cast<unsigned>(__builtin_clzll(v));
        return ((top - kBits + 1) << kBits) + ((v >> (top - kBits)) & ((1u << kBits) - 1));
    }
    static uint64_t value(std::size_t i) {
        const std::size_t group = i >> kBits;
        const uint64_t low = i & ((1u << kBits) - 1);
        return group == 0 ? low : ((1u << kBits) + low) << (group - 1);
    }
    std::vector<uint64_t> counts_ = std::vector<uint64_t>(kSize);
    uint64_t total_ = 0, max_ = 0;
};
