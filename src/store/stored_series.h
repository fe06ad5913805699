// StoredSeries: one live series in memory: its columns, one for each tier, and the downsampling
// between them. Not thread-safe; the lock of its block in the series table guards it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "store/column.h"
#include "store/series_kind.h"
#include "store/settings.h"

namespace glassgate::store {

inline constexpr TimeMs kNever = INT64_MIN;

// What became of a sample. Prometheus' rules without a window for late samples: time goes on.
enum class Append : uint8_t {
    stored,
    duplicate,     // the same time and value as the last: nothing to do
    conflicting,   // the same time, another value: refused
    out_of_order,  // before the last: refused
    too_old,       // a new series may not begin so far back: refused
    too_new,       // too far ahead of the clock: refused
    no_memory,     // the cap is reached and nothing could be given up: refused
    gone,          // the series left the memory: obtain a new handle
};
inline constexpr std::size_t kAppendCount = static_cast<std::size_t>(Append::gone) + 1;
[[nodiscard]] constexpr bool accepted(Append a) noexcept { return a <= Append::duplicate; }

// One sample: a number, or a histogram.
struct SampleValue {
    uint64_t bits = 0;
    HistogramPtr histogram;  // null: a number, or among histograms a staleness marker
    bool is_histogram = false;
};

// A tier's samples of one series at one moment: the column, and the newest sample of the series if
// the tier has not taken it yet (its interval is not over).
struct TierSnapshot {
    ColumnSnapshot column;
    TimeMs pending_ms = kNever;
    SampleValue pending;

    [[nodiscard]] bool append_to(Series& series, TimeMs from_ms, TimeMs to_ms) const;
    [[nodiscard]] std::size_t samples() const noexcept { return column.samples() + 1; }
    [[nodiscard]] bool has_samples(TimeMs from_ms, TimeMs to_ms) const noexcept {
        return column.samples() != 0 || (pending_ms >= from_ms && pending_ms <= to_ms);
    }
    // Samples on disk are needed before this only.
    [[nodiscard]] TimeMs first_ms() const noexcept {
        return column.first_ms() != INT64_MAX || pending_ms == kNever ? column.first_ms()
                                                                      : pending_ms;
    }
};

class StoredSeries {
public:
    void begin(SeriesKind kind, std::size_t tiers, MemoryMeter& meter);
    void end(MemoryMeter& meter);  // gives everything up

    // `tiers` as given to begin().
    [[nodiscard]] Append append(TimeMs t_ms, double value, std::span<const Tier> tiers,
                                MemoryMeter& meter);
    [[nodiscard]] Append append(TimeMs t_ms, HistogramPtr histogram, std::span<const Tier> tiers,
                                MemoryMeter& meter);

    [[nodiscard]] TierSnapshot snapshot(std::size_t tier, TimeMs from_ms, TimeMs to_ms) const;
    [[nodiscard]] SeriesKind kind() const noexcept { return kind_; }
    // Of the newest sample; kNever: none.
    [[nodiscard]] TimeMs last_ms() const noexcept { return last_ms_; }
    // Of the newest sample there is, in memory or on disk.
    [[nodiscard]] TimeMs newest_ms() const noexcept { return std::max(last_ms_, floor_ms_); }
    // The newest sample, to be told to a new journal.
    [[nodiscard]] const SampleValue& last() const noexcept { return last_; }

    struct TierState {
        Column column;
        TimeMs last_ms = kNever;       // newest sample the tier has taken (this run or before)
        TimeMs boundary_ms = kNever;   // end of the interval of the newest sample
        TimeMs persisted_ms = kNever;  // all up to here are in segments
    };
    [[nodiscard]] TierState& tier(std::size_t i) noexcept { return tiers_[i]; }
    [[nodiscard]] const TierState& tier(std::size_t i) const noexcept { return tiers_[i]; }
    void persisted(std::size_t tier, TimeMs to_ms) noexcept {
        tiers_[tier].persisted_ms = std::max(tiers_[tier].persisted_ms, to_ms);
    }
    // Some tier has not taken the newest sample yet.
    [[nodiscard]] bool waits() const noexcept;
    // Segments have all that the tiers are to have / nothing is in memory.
    [[nodiscard]] bool all_persisted() const noexcept;
    [[nodiscard]] bool all_empty() const noexcept;
    // The newest sample goes to all tiers, although its interval may not be over.
    void settle(MemoryMeter& meter);
    // At the start: samples up to here are in segments already. What the journal then tells again
    // goes to those tiers that do not have it.
    void resume(std::size_t tier, TimeMs persisted_ms) noexcept;
    // From now on nothing is taken that the finest tier has, or is older.
    void end_of_recovery() noexcept { floor_ms_ = tiers_[0].last_ms; }

    TimeMs journaled_ms = kNever;  // all up to here are in the journal
    TimeMs last_exemplar_ms = kNever;
    TimeMs met_empty_ms = kNever;  // when a trim first found it without a sample
    uint64_t defined_in = 0;       // number of the journal that knows this series

private:
    [[nodiscard]] Append take(TimeMs t_ms, SampleValue sample, std::span<const Tier> tiers,
                              MemoryMeter& meter);
    [[nodiscard]] bool is_break(const SampleValue& next) const noexcept;
    void keep(TierState& tier, TimeMs t_ms, const SampleValue& sample, MemoryMeter& meter);
    [[nodiscard]] std::size_t footprint() const noexcept;

    SeriesKind kind_ = SeriesKind::gauge;
    TimeMs last_ms_ = kNever;
    TimeMs floor_ms_ = kNever;
    SampleValue last_;
    SampleValue last_real_;  // the last that was no staleness marker
    bool has_real_ = false;
    std::vector<TierState> tiers_;
};

// Whether a counter histogram was reset between two samples: some count went down, or they cannot
// be compared.
[[nodiscard]] bool was_reset(const NativeHistogram& before, const NativeHistogram& after) noexcept;

}  // namespace glassgate::store
