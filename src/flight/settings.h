// What the configuration says about the flight recorder, compiled and checked. Plain data.
#pragma once

#include <cstdint>
#include <string>

namespace glassgate::flight {

struct RingLimits {
    uint64_t max_bytes = 512u << 20;  // of all files together; never exceeded
    // Kept at least as long as the bytes allow; above, the oldest segment goes.
    uint64_t max_records = 2'000'000;
    bool operator==(const RingLimits&) const = default;
};
inline constexpr uint64_t kMinRingBytes = 1u << 20;

struct Selection {
    double sample_rate = 0.1;               // of what is neither failed nor refused nor slow
    uint64_t slower_than_ns = 500'000'000;  // 0: none is slow
    bool operator==(const Selection&) const = default;
};

struct RecorderSettings {
    bool enabled = true;
    std::string directory;  // empty: files without names, that go with the process
    RingLimits limits;
    Selection selection;
    uint32_t flush_ms = 250;  // what a kill -9 may cost
    uint64_t queue_bytes = 8u << 20;
    bool operator==(const RecorderSettings&) const = default;
};

}  // namespace glassgate::flight
