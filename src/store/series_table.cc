#include "store/series_table.h"

namespace glassgate::store {

SeriesTable::SeriesTable(uint32_t max_series, std::size_t tiers, uint64_t hash_seed,
                         MemoryMeter& meter)
    : max_series_(max_series),
      tiers_(tiers),
      hash_seed_(hash_seed),
      meter_(meter),
      index_(hash_seed),
      blocks_(max_series / kBlockSeries + 1) {}

Handle SeriesTable::find(const Labels& labels, uint64_t hash) const {
    const auto slot = index_.find(labels, hash);
    return slot ? Handle{*slot, generations_[*slot]} : Handle{};
}

Handle SeriesTable::find(const Labels& labels) const {
    const std::shared_lock lock(index_mutex_);
    return find(labels, index_.hash(labels));
}

Handle SeriesTable::obtain(const Labels& labels, SeriesKind kind, bool may_make) {
    const uint64_t hash = index_.hash(labels);
    const std::unique_lock lock(index_mutex_);
    if (const Handle handle = find(labels, hash); handle.valid()) return handle;
    if (!may_make || index_.size() >= max_series_) {
        overflows_.fetch_add(1, std::memory_order_relaxed);
        return {};
    }
    Slot slot = 0;
    if (!free_.empty()) {
        slot = free_.back();
        free_.pop_back();
    } else {
        slot = static_cast<Slot>(generations_.size());
        generations_.push_back(0);
    }
    auto& block = blocks_[slot / kBlockSeries];
    if (block == nullptr) {
        block = std::make_unique<Block>();
        meter_.add(sizeof(Block));
    }
    index_.add(slot, labels, hash);
    const std::lock_guard block_lock(block->mutex);
    Entry& entry = block->entries[slot % kBlockSeries];
    entry.series.begin(kind, tiers_, meter_);
    generations_[slot] = ++entry.generation;
    return {slot, entry.generation};
}

StoredSeries* SeriesTable::Access::find(Handle handle) {
    if (!handle.valid()) return nullptr;
    const uint32_t at = handle.slot / kBlockSeries;
    Block& block = *table_.blocks_[at];
    if (at != block_) {
        if (lock_.owns_lock()) lock_.unlock();
        lock_ = std::unique_lock(block.mutex);
        block_ = at;
    }
    Entry& entry = block.entries[handle.slot % kBlockSeries];
    return entry.generation == handle.generation ? &entry.series : nullptr;
}

std::vector<SeriesTable::Found> SeriesTable::select(const MatcherSet& matchers) const {
    const std::shared_lock lock(index_mutex_);
    std::vector<Found> found;
    for (const Slot slot : index_.select(matchers))
        found.push_back({{slot, generations_[slot]}, index_.labels(slot), index_.hash_of(slot)});
    return found;
}

std::vector<Handle> SeriesTable::all() const {
    const std::shared_lock lock(index_mutex_);
    std::vector<Handle> handles;
    handles.reserve(index_.size());
    for (Slot slot = 0; slot < generations_.size(); ++slot)
        if ((generations_[slot] & 1) != 0) handles.push_back({slot, generations_[slot]});
    return handles;
}

Labels SeriesTable::labels(Handle handle) const {
    const std::shared_lock lock(index_mutex_);
    if (!handle.valid() || generations_[handle.slot] != handle.generation) return {};
    return index_.labels(handle.slot);
}

void SeriesTable::remove_locked(Slot slot, Entry& entry) {
    entry.series.end(meter_);
    generations_[slot] = ++entry.generation;
    index_.remove(slot);
    free_.push_back(slot);
}

std::size_t SeriesTable::size() const {
    const std::shared_lock lock(index_mutex_);
    return index_.size();
}

std::size_t SeriesTable::index_bytes() const {
    const std::shared_lock lock(index_mutex_);
    return index_.bytes() + generations_.size() * sizeof(uint32_t);
}

}  // namespace glassgate::store
