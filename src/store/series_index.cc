#include "store/series_index.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace glassgate::store {
namespace {

Slots intersection(const Slots& a, const Slots& b) {
    Slots out;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
    return out;
}
Slots difference(const Slots& a, const Slots& b) {
    Slots out;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
    return out;
}

}  // namespace

uint64_t SeriesIndex::hash(const Labels& labels) const noexcept {
    uint64_t h = seed_;
    for (const Label& label : labels) h = hash_text(hash_text(h, label.name), label.value);
    return h;
}

bool SeriesIndex::equal(const Entry& entry, const Labels& labels) const {
    if (entry.labels.size() != labels.size()) return false;
    for (std::size_t i = 0; i < labels.size(); ++i)
        if (symbols_.text(entry.labels[i].name) != labels[i].name ||
            symbols_.text(entry.labels[i].value) != labels[i].value)
            return false;
    return true;
}

std::optional<Slot> SeriesIndex::find(const Labels& labels, uint64_t hash) const {
    const auto [begin, end] = by_hash_.equal_range(hash);
    for (auto at = begin; at != end; ++at)
        if (equal(entries_[at->second], labels)) return at->second;
    return std::nullopt;
}

std::size_t SeriesIndex::footprint(const Entry& entry) noexcept {
    // The entry, its place in by_hash_, and in the postings a number per label.
    return sizeof(Entry) + 48 + entry.labels.size() * (sizeof(Pair) + 2 * sizeof(Slot));
}

void SeriesIndex::add(Slot slot, const Labels& labels, uint64_t hash) {
    if (slot >= entries_.size()) entries_.resize(slot + 1);
    Entry& entry = entries_[slot];
    GW_CHECK(!entry.used);
    entry.used = true;
    entry.hash = hash;
    entry.labels.reserve(labels.size());
    for (const Label& label : labels) {
        const Pair pair{symbols_.use(label.name), symbols_.use(label.value)};
        entry.labels.push_back(pair);
        Slots& slots = postings_[pair.name][pair.value];
        if (slots.empty() || slots.back() < slot)
            slots.push_back(slot);
        else
            slots.insert(std::lower_bound(slots.begin(), slots.end(), slot), slot);
    }
    by_hash_.emplace(hash, slot);
    ++size_;
    bytes_ += footprint(entry);
}

void SeriesIndex::remove(Slot slot) {
    Entry& entry = entries_[slot];
    GW_CHECK(entry.used);
    bytes_ -= footprint(entry);
    --size_;
    const auto [begin, end] = by_hash_.equal_range(entry.hash);
    by_hash_.erase(std::find_if(begin, end, [&](const auto& e) { return e.second == slot; }));
    for (const Pair& pair : entry.labels) {
        const auto values = postings_.find(pair.name);
        const auto slots = values->second.find(pair.value);
        slots->second.erase(std::lower_bound(slots->second.begin(), slots->second.end(), slot));
        if (slots->second.empty()) values->second.erase(slots);
        if (values->second.empty()) postings_.erase(values);
        symbols_.release(pair.name);
        symbols_.release(pair.value);
    }
    entry = {};
}

Labels SeriesIndex::labels(Slot slot) const {
    Labels labels;
    labels.reserve(entries_[slot].labels.size());
    for (const Pair& pair : entries_[slot].labels)
        labels.push_back({symbols_.text(pair.name), symbols_.text(pair.value)});
    return labels;
}

// --- matching ------------------------------------------------------------------------------------

Slots SeriesIndex::all() const {
    Slots slots;
    slots.reserve(size_);
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (entries_[i].used) slots.push_back(static_cast<Slot>(i));
    return slots;
}

// Of the series that have the label: those whose value fits, or those whose does not.
Slots SeriesIndex::with(const CompiledMatcher& matcher, bool fitting) const {
    const Symbol* const name = symbols_.find(matcher.name());
    const auto values = name == nullptr ? postings_.end() : postings_.find(*name);
    if (values == postings_.end()) return {};
    if (const std::string* const only = matcher.only_value(); only != nullptr && fitting) {
        const Symbol* const value = symbols_.find(*only);
        const auto slots = value == nullptr ? values->second.end() : values->second.find(*value);
        return slots == values->second.end() ? Slots{} : slots->second;
    }
    Slots out;
    std::size_t lists = 0;
    for (const auto& [value, slots] : values->second) {
        if (matcher.matches(symbols_.text(value)) != fitting) continue;
        out.insert(out.end(), slots.begin(), slots.end());
        ++lists;
    }
    if (lists > 1) std::sort(out.begin(), out.end());
    return out;
}

// First what narrows it down; then what only takes away. A matcher that fits series without its
// label takes away those whose value does not fit.
Slots SeriesIndex::select(const MatcherSet& matchers) const {
    std::optional<Slots> found;
    for (const bool by_value : {true, false}) {  // single values first: they are cheap
        for (const CompiledMatcher& matcher : matchers) {
            if (matcher.matches_missing() || (matcher.only_value() != nullptr) != by_value)
                continue;
            Slots slots = with(matcher, true);
            found = found ? intersection(*found, slots) : std::move(slots);
            if (found->empty()) return {};
        }
    }
    if (!found) found = all();
    for (const CompiledMatcher& matcher : matchers)
        if (matcher.matches_missing()) found = difference(*found, with(matcher, false));
    return std::move(*found);
}

}  // namespace glassgate::store
