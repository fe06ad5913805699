// SeriesTable: the live series. Finding and making them takes the index's lock; appending by handle
// takes only the lock of the series' block of 64, which is held for a few samples or the copying of
// some pointers, never for decoding or for the disk.
//
// Any thread. Lock order: index, block.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "store/series_index.h"
#include "store/stored_series.h"

namespace glassgate::store {

// Names a live series; cheap. Outlived by nothing: when the series leaves the memory, appending
// says `gone`.
struct Handle {
    static constexpr Slot kNone = UINT32_MAX;
    Slot slot = kNone;
    uint32_t generation = 0;
    [[nodiscard]] bool valid() const noexcept { return slot != kNone; }
    bool operator==(const Handle&) const = default;
};

class SeriesTable {
public:
    static constexpr uint32_t kBlockSeries = 64;

    SeriesTable(uint32_t max_series, std::size_t tiers, uint64_t hash_seed, MemoryMeter& meter);

    // The series with these labels; not valid: there is none.
    [[nodiscard]] Handle find(const Labels& labels) const;
    // The same, made if there is none and `may_make`. Not valid: there is no
    // room, which is counted.
    [[nodiscard]] Handle obtain(const Labels& labels, SeriesKind kind, bool may_make = true);

    // A block's lock, held while it lives; moves from block to block with the handles it is given.
    class Access {
    public:
        explicit Access(SeriesTable& table) noexcept : table_(table) {}
        // Null: gone.
        [[nodiscard]] StoredSeries* find(Handle handle);

    private:
        SeriesTable& table_;
        uint32_t block_ = UINT32_MAX;
        std::unique_lock<std::mutex> lock_;
    };

    struct Found {
        Handle handle;
        Labels labels;
        uint64_t hash = 0;
    };
    [[nodiscard]] std::vector<Found> select(const MatcherSet& matchers) const;
    [[nodiscard]] std::vector<Handle> all() const;
    [[nodiscard]] Labels labels(Handle handle) const;  // empty: gone

    // Removes those for which `done` says so, under all locks. Handles of them are gone.
    template <typename Done>
    std::size_t remove_if(const std::vector<Handle>& candidates, Done&& done) {
        const std::unique_lock lock(index_mutex_);
        std::size_t removed = 0;
        for (const Handle handle : candidates) {
            Block& block = *blocks_[handle.slot / kBlockSeries];
            const std::lock_guard block_lock(block.mutex);
            Entry& entry = block.entries[handle.slot % kBlockSeries];
            if (entry.generation != handle.generation || !done(entry.series)) continue;
            remove_locked(handle.slot, entry);
            ++removed;
        }
        return removed;
    }

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::size_t index_bytes() const;
    [[nodiscard]] uint64_t overflows() const noexcept { return overflows_.load(); }
    [[nodiscard]] uint64_t hash_seed() const noexcept { return hash_seed_; }
    [[nodiscard]] uint64_t hash(const Labels& labels) const noexcept { return index_.hash(labels); }

private:
    struct Entry {
        uint32_t generation = 0;  // odd: in use
        StoredSeries series;
    };
    struct Block {
        std::mutex mutex;
        std::array<Entry, kBlockSeries> entries;
    };
    [[nodiscard]] Handle find(const Labels& labels, uint64_t hash) const;
    void remove_locked(Slot slot, Entry& entry);

    const uint32_t max_series_;
    const std::size_t tiers_;
    const uint64_t hash_seed_;
    MemoryMeter& meter_;
    std::atomic<uint64_t> overflows_{0};
    mutable std::shared_mutex index_mutex_;  // all below but what a block's lock guards
    SeriesIndex index_;
    std::vector<std::unique_ptr<Block>> blocks_;  // never resized: read without the lock
    std::vector<uint32_t> generations_;           // by slot, as in the blocks
    Slots free_;
};

}  // namespace glassgate::store
