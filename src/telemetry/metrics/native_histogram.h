// Native histograms: dense counters over exponential buckets, schema 5 (32 buckets per power of
// two, each 2.2 % wide), from 2^-17 s (7.6 us) to 2^20 s (12 days). Memory comes by the octave when
// a value first falls into it: a series whose latencies stay within a few powers of two costs a few
// hundred bytes.
//
// One worker writes, anybody reads (relaxed counters, published pointers).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "base/ids.h"
#include "telemetry/metrics/catalogue.h"
#include "telemetry/metrics/cell_store.h"

namespace glassgate::telemetry {

namespace native_buckets {
inline constexpr int kSchema = 5;
inline constexpr int kPerOctave = 1 << kSchema;
inline constexpr int kMinExponent = -17;
inline constexpr int kMaxExponent = 20;
inline constexpr int kOctaves = kMaxExponent - kMinExponent;
inline constexpr double kZeroThreshold = 0x1p-17;
// Prometheus' number of our bucket 0: its upper bound is 2^(index / 32).
inline constexpr int kFirstIndex = kMinExponent * kPerOctave + 1;

inline constexpr int kZeroBucket = -1;
// The bucket of a duration: (lower, upper], as Prometheus. 0 .. kOctaves*kPerOctave-1, or
// kZeroBucket for what is not above the zero threshold. Beyond the last: the last.
[[nodiscard]] int bucket_of(uint64_t ns) noexcept;
}  // namespace native_buckets

// Sums over workers, for one scrape of one series.
struct NativeReading {
    uint64_t zero = 0;
    uint64_t octaves_in_use = 0;  // bit per octave
    std::array<std::array<uint64_t, native_buckets::kPerOctave>, native_buckets::kOctaves>
        octaves;  // if in use

    void clear() noexcept { zero = octaves_in_use = 0; }
    [[nodiscard]] uint64_t octave_total(int octave) const noexcept;
};

struct ExemplarReading {
    bool present = false;
    TraceId trace_id;
    double value = 0;  // seconds
    uint64_t wall_ns = 0;
};

// The newest exemplar of one bucket. A reader that meets a writer leaves it out of that scrape.
class ExemplarCell {
public:
    void write(const TraceId& trace, uint64_t value_ns, uint64_t wall_ns) noexcept;  // the owner
    [[nodiscard]] ExemplarReading read() const noexcept;                             // anybody

private:
    std::atomic<uint64_t> sequence_{0};  // odd while being written
    std::atomic<uint64_t> trace_high_{0}, trace_low_{0}, value_ns_{0}, wall_ns_{0};
};

// What one worker knows about one series; the sum is a cell of the series' group.
class NativeCells {
public:
    NativeCells() = default;
    ~NativeCells();
    NativeCells(const NativeCells&) = delete;
    NativeCells& operator=(const NativeCells&) = delete;

    // The owner.
    void observe(uint64_t ns) noexcept;
    void remember(std::span<const double> edges, const TraceId& trace, uint64_t ns,
                  uint64_t wall_ns) noexcept;
    // Anybody.
    void add_to(NativeReading& reading) const noexcept;
    // Keeps the newer one in each of `into` (one per edge, then +Inf).
    void exemplars(std::span<ExemplarReading> into) const noexcept;

    // The block a cell points to; null while there was nothing to observe.
    [[nodiscard]] static NativeCells* of(const Cell& cell) noexcept;
    // The same for its owner, made if need be.
    [[nodiscard]] static NativeCells& make(Cell& cell);

private:
    using Octave = std::array<Cell, native_buckets::kPerOctave>;
    using Exemplars = std::array<ExemplarCell, kMaxEdges>;

    Cell zero_;
    std::array<std::atomic<Octave*>, native_buckets::kOctaves> octaves_{};
    std::atomic<Exemplars*> exemplars_{nullptr};
};

}  // namespace glassgate::telemetry
