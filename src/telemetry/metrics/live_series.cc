#include "telemetry/metrics/live_series.h"

namespace glassgate::telemetry {

static_assert(cells::listener::kConnections == 0 && cells::upstream::kConnections == 0);

LiveSeries::Entry& LiveSeries::name(std::string_view name, SeriesGroup& group, Cell* cells) {
    Entry& entry = entries_.try_emplace(std::string(name)).first->second;
    if (entry.group == nullptr) {
        group.hold.fetch_add(1, std::memory_order_acq_rel);  // alive: a plan holds it, too
        entry.group = &group;
        entry.cells = cells;
    }
    ++entry.plans;
    return entry;
}

void LiveSeries::forget(std::string_view name) noexcept {
    const auto at = entries_.find(name);
    if (at == entries_.end()) return;
    --at->second.plans;
    erase_if_over(at);
}

LiveSeries::Entry* LiveSeries::find(std::string_view name) noexcept {
    const auto at = entries_.find(name);
    return at == entries_.end() ? nullptr : &at->second;
}

void LiveSeries::opened(Entry& entry, int64_t delta) noexcept {
    entry.cells->add(static_cast<uint64_t>(delta));  // gauges are signed sums over the workers
    entry.open += delta;
    if (entry.plans != 0 || entry.open != 0) return;
    for (auto at = entries_.begin(); at != entries_.end(); ++at) {  // rare: the last of a dead plan
        if (&at->second == &entry) return erase_if_over(at);
    }
}

void LiveSeries::erase_if_over(Entries::iterator at) noexcept {
    if (at->second.plans != 0 || at->second.open != 0) return;
    index_.release(*at->second.group);
    entries_.erase(at);
}

}  // namespace glassgate::telemetry
