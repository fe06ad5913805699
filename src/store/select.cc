// Reading: the series of memory and of disk that fit, and their samples joined: from disk what is
// older than the first sample in memory, then memory.
#include <algorithm>
#include <unordered_map>

#include "base/clock.h"
#include "store/store_state.h"

namespace glassgate::store {

// The oldest time from which on a tier has everything.
TimeMs StoreState::available_from(std::size_t tier) const {
    const TimeMs kept = now() - settings.tiers[tier].retention_ms - kRetentionMarginMs;
    return std::max({first_ms.load(), kept, capped_ms[tier].load()});
}

std::size_t StoreState::tier_index_for(TimeMs from_ms) const {
    const std::size_t last = settings.tiers.size() - 1;
    TimeMs oldest = INT64_MAX;
    for (std::size_t i = 0; i <= last; ++i) oldest = std::min(oldest, available_from(i));
    const TimeMs wanted = std::max(from_ms, oldest);
    for (std::size_t i = 0; i < last; ++i)
        if (available_from(i) <= wanted) return i;
    return last;
}

namespace {

// A series that fits, and where its samples are.
struct Found {
    Labels labels;
    uint64_t hash = 0;
    Handle handle;
    TierSnapshot memory;
    struct Extent {
        const Segment* segment;
        std::shared_ptr<const SegmentIndex> index;
        uint32_t entry;
    };
    std::vector<Extent> disk;  // ascending

    [[nodiscard]] TimeMs memory_from() const noexcept { return memory.first_ms(); }
};

// One query's gathering of what fits.
class Gathering {
public:
    Gathering(SeriesTable& table, const MatcherSet& matchers, std::size_t tier, TimeMs from_ms,
              TimeMs to_ms)
        : table_(table), matchers_(matchers), tier_(tier), from_ms_(from_ms), to_ms_(to_ms) {}

    // Memory before disk: what leaves the memory in between is on the disk by then.
    void add_memory() {
        for (SeriesTable::Found& found : table_.select(matchers_)) {
            Found& source = sources_.emplace_back();
            source.labels = std::move(found.labels);
            source.hash = found.hash;
            source.handle = found.handle;
        }
        SeriesTable::Access access(table_);
        for (Found& source : sources_)
            if (const StoredSeries* series = access.find(source.handle))
                source.memory = series->snapshot(tier_, from_ms_, to_ms_);
    }
    void add_disk(const std::vector<SegmentPtr>& segments, Faults& faults) {
        for (const SegmentPtr& segment : segments) {
            auto index = segment->index();
            if (!index) {
                faults.block(segment->path(), index.error().message);
                continue;
            }
            held_.push_back(segment);
            for (const uint32_t i : (*index)->select(matchers_)) {
                const SegmentEntry& entry = (*index)->entries()[i];
                if (entry.last_ms < from_ms_ || entry.first_ms > to_ms_) continue;
                Found& source = source_of(**index, entry);
                if (entry.first_ms < source.memory_from())
                    source.disk.push_back({segment.get(), *index, i});
            }
        }
    }
    [[nodiscard]] std::vector<Found*> sorted() {
        std::vector<Found*> all;
        for (Found& source : sources_) all.push_back(&source);
        std::sort(all.begin(), all.end(),
                  [](const Found* a, const Found* b) { return a->labels < b->labels; });
        return all;
    }

private:
    Found& source_of(const SegmentIndex& index, const SegmentEntry& entry) {
        if (by_hash_.empty())
            for (std::size_t i = 0; i < sources_.size(); ++i) by_hash_.emplace(sources_[i].hash, i);
        const auto [begin, end] = by_hash_.equal_range(entry.hash);
        for (auto at = begin; at != end; ++at)
            if (index.has_labels(entry, sources_[at->second].labels)) return sources_[at->second];
        by_hash_.emplace(entry.hash, sources_.size());
        Found& source = sources_.emplace_back();
        source.labels = index.labels(entry);
        source.hash = entry.hash;
        return source;
    }

    SeriesTable& table_;
    const MatcherSet& matchers_;
    std::size_t tier_;
    TimeMs from_ms_, to_ms_;
    std::vector<Found> sources_;
    std::unordered_multimap<uint64_t, std::size_t> by_hash_;
    std::vector<SegmentPtr> held_;
};

// Appends what an extent has in [from, to]. False: damaged; nothing was appended.
Status append_extent(const Segment& segment, const SegmentEntry& entry, TimeMs from_ms,
                     TimeMs to_ms, std::string& buffer, std::vector<ChunkView>& chunks,
                     Series& series) {
    const std::string_view bytes = TRY(segment.read(entry, buffer));
    if (!read_extent(bytes, chunks)) return failure(segment.path() + ": an extent makes no sense");
    for (const ChunkView& chunk : chunks) {
        if (chunk.last_ms < from_ms || chunk.first_ms > to_ms) continue;
        if (!append_samples(chunk, from_ms, to_ms, series))
            return failure(segment.path() + ": a chunk makes no sense");
    }
    return {};
}

uint64_t bytes_of(const Series& series) {
    uint64_t bytes = series.times_ms.size() * (sizeof(TimeMs) + sizeof(double));
    const NativeHistogram* before = nullptr;
    for (const auto& h : series.histograms) {
        bytes += sizeof h;
        if (h == nullptr || h.get() == before) continue;
        before = h.get();
        bytes +=
            sizeof *h + (h->positive.size() + h->negative.size()) * sizeof(NativeHistogram::Bucket);
    }
    return bytes;
}

// What a query has used of its limits.
class Budget {
public:
    explicit Budget(const Limits& limits) noexcept : limits_(limits) {}
    // `kept`: what is handed over stays in memory until the query ends.
    [[nodiscard]] Status charge(const Series& series, bool kept) {
        samples_ += series.times_ms.size();
        if (limits_.max_samples != 0 && samples_ > limits_.max_samples)
            return failure("the query needs more than " + std::to_string(limits_.max_samples) +
                           " samples");
        if (limits_.max_bytes != 0) {
            bytes_ = (kept ? bytes_ : 0) + bytes_of(series);
            if (bytes_ > limits_.max_bytes)
                return failure("the query needs more than " + std::to_string(limits_.max_bytes) +
                               " bytes of memory");
        }
        return {};
    }
    // Before each series.
    [[nodiscard]] Status check_time() {
        if (limits_.cancelled != nullptr && limits_.cancelled->load(std::memory_order_relaxed))
            return failure("the query was cancelled");
        if (limits_.deadline_ns != 0 && calls_++ % 16 == 0 && mono_now_ns() > limits_.deadline_ns)
            return failure("the query took too long");
        return {};
    }

private:
    const Limits& limits_;
    uint64_t samples_ = 0, bytes_ = 0, calls_ = 0;
};

// Decodes what was found, one series after the other.
class Decoding {
public:
    Decoding(Faults& faults, TimeMs from_ms, TimeMs to_ms)
        : faults_(faults), from_ms_(from_ms), to_ms_(to_ms) {}

    // The samples only; `series` is empty and may have room.
    void read(const Found& found, Series& series) {
        const TimeMs memory_from = found.memory_from();
        const TimeMs disk_to = memory_from > to_ms_ ? to_ms_ : memory_from - 1;
        for (const Found::Extent& extent : found.disk) {
            const SegmentEntry& entry = extent.index->entries()[extent.entry];
            if (const Status read = append_extent(*extent.segment, entry, from_ms_, disk_to,
                                                  buffer_, chunks_, series);
                !read)
                faults_.block(extent.segment->path() + std::to_string(entry.offset),
                              read.error().message);
        }
        if (!found.memory.append_to(series, from_ms_, to_ms_))
            faults_.block("memory", "a chunk in memory makes no sense");
    }

private:
    Faults& faults_;
    TimeMs from_ms_, to_ms_;
    std::string buffer_;
    std::vector<ChunkView> chunks_;
};

// At most so many samples will be appended.
std::size_t most_samples(const Found& found) {
    std::size_t most = found.memory.samples();
    for (const Found::Extent& extent : found.disk)
        most += extent.index->entries()[extent.entry].samples;
    return most;
}

}  // namespace

template <typename Use>
Status StoreState::for_each_series(const MatcherSet& matchers, TimeMs from_ms, TimeMs to_ms,
                                   Use&& use) {
    if (from_ms > to_ms) return {};
    const std::size_t tier = tier_index_for(from_ms);
    Gathering gathering(table, matchers, tier, from_ms, to_ms);
    gathering.add_memory();
    gathering.add_disk(segments.select(settings.tiers[tier].step_ms, from_ms, to_ms), faults);
    for (Found* found : gathering.sorted()) TRY_STATUS(use(*found));
    return {};
}

Result<std::vector<Series>> StoreState::select(const MatcherSet& matchers, TimeMs from_ms,
                                               TimeMs to_ms, const Limits& limits) {
    std::vector<Series> out;
    Budget budget(limits);
    Decoding decoding(faults, from_ms, to_ms);
    const auto add = [&](Found& found) -> Status {
        TRY_STATUS(budget.check_time());
        Series series;
        const std::size_t most = most_samples(found);
        series.times_ms.reserve(most);
        series.values.reserve(most);
        decoding.read(found, series);
        TRY_STATUS(budget.charge(series, true));
        if (series.times_ms.empty()) return {};
        series.labels = std::move(found.labels);
        out.push_back(std::move(series));
        return {};
    };
    TRY_STATUS(for_each_series(matchers, from_ms, to_ms, add));
    return out;
}

Status StoreState::visit(const MatcherSet& matchers, TimeMs from_ms, TimeMs to_ms,
                         const Limits& limits,
                         const std::function<Status(const SeriesView&)>& each) {
    Budget budget(limits);
    Decoding decoding(faults, from_ms, to_ms);
    Series series;
    return for_each_series(matchers, from_ms, to_ms, [&](const Found& found) -> Status {
        TRY_STATUS(budget.check_time());
        series.times_ms.clear();
        series.values.clear();
        series.histograms.clear();
        decoding.read(found, series);
        TRY_STATUS(budget.charge(series, false));
        if (series.times_ms.empty()) return {};
        return each({found.labels, series.times_ms, series.values, series.histograms});
    });
}

Result<std::vector<Labels>> StoreState::series(const MatcherSet& matchers, TimeMs from_ms,
                                               TimeMs to_ms) {
    std::vector<Labels> out;
    TRY_STATUS(for_each_series(matchers, from_ms, to_ms, [&](Found& found) -> Status {
        if (found.memory.has_samples(from_ms, to_ms) || !found.disk.empty())
            out.push_back(std::move(found.labels));
        return {};
    }));
    return out;
}

Result<std::vector<Series>> Store::select(const std::vector<Matcher>& matchers, TimeMs from_ms,
                                          TimeMs to_ms, const Limits& limits) const {
    return state_->select(TRY(compile_matchers(matchers)), from_ms, to_ms, limits);
}

Status Store::visit(const std::vector<Matcher>& matchers, TimeMs from_ms, TimeMs to_ms,
                    const Limits& limits,
                    const std::function<Status(const SeriesView&)>& each) const {
    return state_->visit(TRY(compile_matchers(matchers)), from_ms, to_ms, limits, each);
}

Result<std::vector<Labels>> Store::series(const std::vector<Matcher>& matchers, TimeMs from_ms,
                                          TimeMs to_ms) const {
    return state_->series(TRY(compile_matchers(matchers)), from_ms, to_ms);
}

Result<std::vector<SeriesExemplars>> Store::exemplars(const std::vector<Matcher>& matchers,
                                                      TimeMs from_ms, TimeMs to_ms) const {
    return state_->exemplars.select(TRY(compile_matchers(matchers)), from_ms, to_ms);
}

Tier Store::tier_for(TimeMs from_ms) const {
    return state_->settings.tiers[state_->tier_index_for(from_ms)];
}

}  // namespace glassgate::store
