#include "store/store_state.h"

namespace glassgate::store {

Admission StoreState::admission() const {
    const TimeMs t = now();
    Admission a;
    a.oldest_ms = t - settings.tiers.back().retention_ms;
    a.oldest_new_ms = std::max(a.oldest_ms, floor_ms.load(std::memory_order_relaxed) + 1);
    a.newest_ms = t + kMaxAheadMs;
    // Index and caches are bounded elsewhere; the samples' share is checked for each batch.
    a.memory_left = meter.bytes() < settings.memory_max_bytes;
    return a;
}

bool StoreState::has_memory_for_series() const {
    return memory_bytes() < settings.memory_max_bytes / 100 * 95;
}

template <typename Value>
Append StoreState::append_one(const Admission& admission, StoredSeries* series, TimeMs t_ms,
                              Value&& value) {
    if (series == nullptr) return Append::gone;
    if (t_ms > admission.newest_ms) return Append::too_new;
    const bool is_new = series->last_ms() == kNever;
    if (t_ms < (is_new ? admission.oldest_new_ms : admission.oldest_ms)) return Append::too_old;
    if (!admission.memory_left) return Append::no_memory;
    if (is_new) note_first(t_ms);
    return series->append(t_ms, std::forward<Value>(value), settings.tiers, meter);
}

void StoreState::count(const AppendCounts& counts) {
    for (std::size_t i = 0; i < kAppendCount; ++i)
        if (counts.by_outcome[i] != 0)
            samples[i].fetch_add(counts.by_outcome[i], std::memory_order_relaxed);
    if (meter.bytes() < settings.memory_max_bytes / 10 * 9 || pressed.load()) return;
    pressed.store(true);
    wake.notify_one();
}

Handle Store::obtain(const Labels& labels, SeriesKind kind) {
    if (const Handle known = state_->table.find(labels); known.valid()) return known;
    return state_->table.obtain(labels, kind, state_->has_memory_for_series());
}

AppendCounts Store::append(std::span<const Sample> batch) {
    const Admission admission = state_->admission();
    AppendCounts counts;
    {
        SeriesTable::Access access(state_->table);
        for (const Sample& sample : batch)
            ++counts[state_->append_one(admission, access.find(sample.series), sample.t_ms,
                                        sample.value)];
    }
    state_->count(counts);
    return counts;
}

Append Store::append(Handle series, TimeMs t_ms, double value) {
    const Sample sample{series, t_ms, value};
    const AppendCounts counts = append({&sample, 1});
    for (std::size_t i = 0; i < kAppendCount; ++i)
        if (counts.by_outcome[i] != 0) return static_cast<Append>(i);
    return Append::gone;
}

Append Store::append(Handle series, TimeMs t_ms, std::shared_ptr<const NativeHistogram> h) {
    const Admission admission = state_->admission();
    AppendCounts counts;
    Append outcome = Append::gone;
    {
        SeriesTable::Access access(state_->table);
        outcome = state_->append_one(admission, access.find(series), t_ms, std::move(h));
    }
    ++counts[outcome];
    state_->count(counts);
    return outcome;
}

void Store::add_exemplar(Handle series, Exemplar exemplar) {
    Labels labels = state_->table.labels(series);
    if (labels.empty()) return;
    {
        SeriesTable::Access access(state_->table);
        StoredSeries* const stored = access.find(series);
        if (stored == nullptr || exemplar.t_ms <= stored->last_exemplar_ms) return;
        stored->last_exemplar_ms = exemplar.t_ms;
    }
    state_->exemplars.add(std::move(labels), std::move(exemplar));
}

}  // namespace glassgate::store
