// SeriesIndex: which live series there are: labels to slot, and for every label value the slots
// that carry it (postings), which matchers are answered from. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "store/labels.h"
#include "store/matcher_set.h"
#include "store/symbols.h"

namespace glassgate::store {

using Slot = uint32_t;
using Slots = std::vector<Slot>;  // ascending where it is a set

class SeriesIndex {
public:
    explicit SeriesIndex(uint64_t seed) : seed_(seed), symbols_(seed) {}

    // The same for the same labels, in this process.
    [[nodiscard]] uint64_t hash(const Labels& labels) const noexcept;
    [[nodiscard]] std::optional<Slot> find(const Labels& labels, uint64_t hash) const;
    // A slot that has no labels yet gets some.
    void add(Slot slot, const Labels& labels, uint64_t hash);
    void remove(Slot slot);

    // Slots of the series that all matchers fit, ascending.
    [[nodiscard]] Slots select(const MatcherSet& matchers) const;
    [[nodiscard]] Labels labels(Slot slot) const;
    [[nodiscard]] uint64_t hash_of(Slot slot) const noexcept { return entries_[slot].hash; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return symbols_.bytes() + bytes_; }

private:
    struct Pair {
        Symbol name, value;
    };
    struct Entry {
        std::vector<Pair> labels;
        uint64_t hash = 0;
        bool used = false;
    };
    using Values = std::unordered_map<Symbol, Slots>;

    [[nodiscard]] bool equal(const Entry& entry, const Labels& labels) const;
    [[nodiscard]] Slots all() const;
    [[nodiscard]] Slots with(const CompiledMatcher& matcher, bool fitting) const;
    [[nodiscard]] static std::size_t footprint(const Entry& entry) noexcept;

    uint64_t seed_;
    Symbols symbols_;
    std::vector<Entry> entries_;  // by slot
    std::unordered_multimap<uint64_t, Slot> by_hash_;
    std::unordered_map<Symbol, Values> postings_;
    std::size_t size_ = 0, bytes_ = 0;
};

}  // namespace glassgate::store
