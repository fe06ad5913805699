#include "store/stored_series.h"

#include <algorithm>

namespace glassgate::store {
namespace {

// Intervals are (n * step, (n + 1) * step]: a sample at a full minute is the last of its minute.
TimeMs interval_end(TimeMs t, int64_t step) noexcept {
    const int64_t past = ((t % step) + step) % step;
    if (past == 0) return t;
    const int64_t ahead = step - past;
    return t > INT64_MAX - ahead ? INT64_MAX : t + ahead;
}

bool is_stale(const SampleValue& s) noexcept {
    return s.is_histogram ? s.histogram == nullptr : s.bits == kStaleBits;
}
bool same(const SampleValue& a, const SampleValue& b) noexcept {
    if (a.is_histogram != b.is_histogram) return false;
    return a.is_histogram ? same_sample(a.histogram, b.histogram) : a.bits == b.bits;
}

bool buckets_fell(const std::vector<NativeHistogram::Bucket>& before,
                  const std::vector<NativeHistogram::Bucket>& after) noexcept {
    auto next = after.begin();
    for (const auto& bucket : before) {
        while (next != after.end() && next->index < bucket.index) ++next;
        const bool there = next != after.end() && next->index == bucket.index;
        if ((there ? next->count : 0) < bucket.count) return true;
    }
    return false;
}

}  // namespace

bool was_reset(const NativeHistogram& before, const NativeHistogram& after) noexcept {
    return before.schema != after.schema || before.zero_threshold != after.zero_threshold ||
           after.count < before.count || after.zero_count < before.zero_count ||
           buckets_fell(before.positive, after.positive) ||
           buckets_fell(before.negative, after.negative);
}

bool TierSnapshot::append_to(Series& series, TimeMs from_ms, TimeMs to_ms) const {
    if (!column.append_to(series, from_ms, to_ms)) return false;
    if (pending_ms == kNever || pending_ms < from_ms || pending_ms > to_ms) return true;
    if (pending.is_histogram)
        append_histogram(series, pending_ms, pending.histogram);
    else
        append_number(series, pending_ms, std::bit_cast<double>(pending.bits));
    return true;
}

std::size_t StoredSeries::footprint() const noexcept { return tiers_.size() * sizeof(TierState); }

void StoredSeries::begin(SeriesKind kind, std::size_t tiers, MemoryMeter& meter) {
    kind_ = kind;
    tiers_ = std::vector<TierState>(tiers);
    meter.add(footprint());
}

void StoredSeries::end(MemoryMeter& meter) {
    for (TierState& tier : tiers_) tier.column.clear(meter);
    meter.release(footprint());
    *this = {};
}

Append StoredSeries::append(TimeMs t_ms, double value, std::span<const Tier> tiers,
                            MemoryMeter& meter) {
    SampleValue sample;
    sample.bits = std::bit_cast<uint64_t>(value);
    // The end of a series of histograms comes as a number.
    sample.is_histogram = last_.is_histogram && sample.bits == kStaleBits;
    return take(t_ms, std::move(sample), tiers, meter);
}

Append StoredSeries::append(TimeMs t_ms, HistogramPtr histogram, std::span<const Tier> tiers,
                            MemoryMeter& meter) {
    return take(t_ms, {0, std::move(histogram), true}, tiers, meter);
}

// Where both neighbours must be kept: a reset, the end of the series, a change of type.
bool StoredSeries::is_break(const SampleValue& next) const noexcept {
    if (is_stale(next)) return true;
    if (!has_real_) return false;
    if (next.is_histogram != last_real_.is_histogram) return true;
    if (next.is_histogram)
        return !next.histogram->gauge && next.histogram != last_real_.histogram &&
               was_reset(*last_real_.histogram, *next.histogram);
    return kind_ == SeriesKind::counter &&
           std::bit_cast<double>(next.bits) < std::bit_cast<double>(last_real_.bits);
}

Append StoredSeries::take(TimeMs t_ms, SampleValue sample, std::span<const Tier> tiers,
                          MemoryMeter& meter) {
    const bool first = last_ms_ == kNever;
    if (t_ms <= floor_ms_) return Append::out_of_order;
    if (!first && t_ms <= last_ms_) {
        if (t_ms < last_ms_) return Append::out_of_order;
        return same(sample, last_) ? Append::duplicate : Append::conflicting;
    }
    keep(tiers_[0], t_ms, sample, meter);
    const bool both = is_break(sample);
    for (std::size_t i = 1; i < tiers_.size(); ++i) {
        TierState& tier = tiers_[i];
        if (t_ms > tier.boundary_ms || first) {
            if (!first) keep(tier, last_ms_, last_, meter);
            tier.boundary_ms = interval_end(t_ms, tiers[i].step_ms);
        } else if (both) {
            keep(tier, last_ms_, last_, meter);
        }
        if (first || both) keep(tier, t_ms, sample, meter);
    }
    last_ms_ = t_ms;
    if (!is_stale(sample)) {
        last_real_ = sample;
        has_real_ = true;
    }
    last_ = std::move(sample);
    return Append::stored;
}

// Unless the tier has it already: from before a restart, or because it was the first.
void StoredSeries::keep(TierState& tier, TimeMs t_ms, const SampleValue& sample,
                        MemoryMeter& meter) {
    if (t_ms <= tier.last_ms) return;
    if (sample.is_histogram)
        tier.column.push(t_ms, sample.histogram, meter);
    else
        tier.column.push(t_ms, sample.bits, meter);
    tier.last_ms = t_ms;
}

void StoredSeries::settle(MemoryMeter& meter) {
    if (last_ms_ == kNever) return;
    for (TierState& tier : tiers_) keep(tier, last_ms_, last_, meter);
}

bool StoredSeries::waits() const noexcept {
    return std::any_of(tiers_.begin(), tiers_.end(),
                       [&](const TierState& tier) { return tier.last_ms < last_ms_; });
}
bool StoredSeries::all_persisted() const noexcept {
    return std::all_of(tiers_.begin(), tiers_.end(), [&](const TierState& tier) {
        return tier.last_ms >= last_ms_ && tier.persisted_ms >= tier.last_ms;
    });
}
bool StoredSeries::all_empty() const noexcept {
    return std::all_of(tiers_.begin(), tiers_.end(),
                       [](const TierState& tier) { return tier.column.empty(); });
}

void StoredSeries::resume(std::size_t tier, TimeMs persisted_ms) noexcept {
    TierState& state = tiers_[tier];
    state.last_ms = std::max(state.last_ms, persisted_ms);
    state.persisted_ms = std::max(state.persisted_ms, persisted_ms);
}

TierSnapshot StoredSeries::snapshot(std::size_t tier, TimeMs from_ms, TimeMs to_ms) const {
    const TierState& state = tiers_[tier];
    TierSnapshot snapshot;
    snapshot.column = state.column.snapshot(from_ms, to_ms);
    if (last_ms_ > state.last_ms) {
        snapshot.pending_ms = last_ms_;
        snapshot.pending = last_;
    }
    return snapshot;
}

}  // namespace glassgate::store
