// What the store is told when it opens. Plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "store/labels.h"
#include "store/series.h"

namespace glassgate::store {

class Disk;  // segment/disk.h

// A resolution and how long it is kept. The finest tier takes samples as they come, whatever its
// step says; the others keep the last sample of each interval (and what else series_kind.h says).
struct Tier {
    int64_t step_ms = 0;
    int64_t retention_ms = 0;
    bool operator==(const Tier&) const = default;
};

inline constexpr int64_t kSecondMs = 1000;
inline constexpr int64_t kMinuteMs = 60 * kSecondMs;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;
inline constexpr int64_t kDayMs = 24 * kHourMs;
inline constexpr std::size_t kMaxTiers = 4;

struct Settings {
    std::string directory;  // empty: memory only
    // Ascending steps, ascending retentions; 1 to kMaxTiers.
    std::vector<Tier> tiers = {
        {kSecondMs, 2 * kHourMs}, {15 * kSecondMs, 3 * kDayMs}, {kMinuteMs, 90 * kDayMs}};
    uint32_t max_series = 200'000;  // live at once
    uint64_t memory_max_bytes = 256u << 20;
    uint64_t disk_max_bytes = 2ull << 30;
    int64_t flush_interval_ms = 10 * kSecondMs;       // what a crash may cost at most
    int64_t checkpoint_interval_ms = 15 * kMinuteMs;  // journal to segments
    bool sync = true;  // fsync at every flush: as safe from a power cut
    uint32_t max_exemplars = 100'000;
    // Runs flushes, checkpoints and retention on a thread of its own. Tests run them by hand.
    bool background = true;
    // For tests: what time it is (default: the wall clock), and a disk that fails.
    std::function<TimeMs()> now;
    Disk* disk = nullptr;
};

// A sample ahead of the clock by more than this is refused: it would outlive its time.
inline constexpr int64_t kMaxAheadMs = 10 * kMinuteMs;
// What is kept beyond a tier's retention, so that windows and lookbacks that reach out of a range
// of that length are answered from the same tier.
inline constexpr int64_t kRetentionMarginMs = 10 * kMinuteMs;
// A series without samples for so long leaves the memory; its past stays on disk.
inline constexpr int64_t kIdleMs = kHourMs;

}  // namespace glassgate::store
