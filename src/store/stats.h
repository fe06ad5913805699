// What the store says about itself, to be exported as metrics.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "store/stored_series.h"

namespace glassgate::store {

struct Stats {
    uint64_t series = 0, series_limit = 0;
    uint64_t series_overflow_total = 0;  // new series refused
    // Samples by what became of them, by Append.
    std::array<uint64_t, kAppendCount> samples_total{};
    // Taken, but given up before their time: by the memory's or the disk's cap.
    uint64_t samples_dropped_total = 0;

    uint64_t memory_bytes = 0, memory_limit_bytes = 0;
    uint64_t disk_bytes = 0, disk_limit_bytes = 0;  // 0: memory only
    uint64_t segments = 0;
    uint64_t exemplars = 0;
    int64_t oldest_ms = 0;  // time of the oldest sample; 0: none

    uint64_t flushes_total = 0, flush_failures_total = 0;
    uint64_t checkpoints_total = 0, checkpoint_failures_total = 0;
    // Since everything taken was last safe on the disk; grows while the disk fails.
    int64_t flush_lag_ms = 0;
    uint64_t corrupt_blocks_total = 0;    // extents and journal records that were skipped
    uint64_t corrupt_segments_total = 0;  // moved to quarantine/
    std::string last_error;               // the newest of any kind; empty: none yet

    [[nodiscard]] uint64_t samples(Append a) const noexcept {
        return samples_total[static_cast<std::size_t>(a)];
    }
};

}  // namespace glassgate::store
