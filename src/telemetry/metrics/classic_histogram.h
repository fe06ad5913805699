// The classic buckets of flex_request_duration_ms: fixed edges, a value equal to an edge belongs
// to it (`le`).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace glassgate::telemetry::classic_buckets {

// The mission's rules need 500 and 5000; the others are Prometheus' habit.
inline constexpr std::array<double, 14> kEdgesMs = {1,   2.5, 5,    10,   25,   50,    100,
                                                    250, 500, 1000, 2500, 5000, 10000, 30000};
inline constexpr uint8_t kBuckets = kEdgesMs.size() + 1;  // the last is +Inf

inline constexpr std::array<uint64_t, kEdgesMs.size()> kEdgesNs = [] {
    std::array<uint64_t, kEdgesMs.size()> edges{};
    for (std::size_t i = 0; i < edges.size(); ++i)
        edges[i] = static_cast<uint64_t>(kEdgesMs[i] * 1e6);  // exact: 2.5 ms is 2'500'000 ns
    return edges;
}();

// By bit width of the value: the first bucket a value of that width can fall into. No two edges
// share a bit width, so one comparison finishes.
inline constexpr std::array<uint8_t, 65> kFirstBucket = [] {
    std::array<uint8_t, 65> first{};
    for (unsigned width = 0; width <= 64; ++width) {
        const uint64_t least = width == 0 ? 0 : uint64_t{1} << (width - 1);
        uint8_t bucket = 0;
        while (bucket < kEdgesNs.size() && kEdgesNs[bucket] < least) ++bucket;
        first[width] = bucket;
    }
    return first;
}();

[[nodiscard]] constexpr uint8_t bucket_of(uint64_t ns) noexcept {
    uint8_t bucket = kFirstBucket[static_cast<std::size_t>(std::bit_width(ns))];
    while (bucket < kEdgesNs.size() && ns > kEdgesNs[bucket]) ++bucket;
    return bucket;
}

static_assert(bucket_of(500'000'000) == 8 && bucket_of(500'000'001) == 9);
static_assert(bucket_of(0) == 0 && bucket_of(~uint64_t{0}) == kBuckets - 1);

}  // namespace glassgate::telemetry::classic_buckets
