// Store: series of samples, some of the past of them at one-second resolution in memory, all of it
// at coarser ones on disk; fed by a sampler and by remote write, read by the query engine.
//
// Appending and querying: any thread. Queries never make an append wait for more than the copying
// of some pointers. A thread of the store's own flushes, checkpoints and forgets.
//
// Durability. Every flush interval what has been taken goes to the journal (appended, checksummed,
// fsynced): a crash or a kill costs at most that much of the newest samples. Every checkpoint
// interval the journal becomes segments, which are published by renaming. What is damaged on disk
// is skipped or moved to quarantine/, counted and reported, and never served. A full or failing
// disk is counted; serving from memory goes on.
//
// Tiers. A query is answered from the finest tier that reaches back to its start, or to the oldest
// sample there is; all of it from one tier, so that counts over its windows mean the same from end
// to end. series_kind.h says what coarser tiers keep.
//
// Limits are hard. New series beyond `max_series` are refused and counted. Near the memory's cap
// what is on disk leaves the memory, then the oldest goes (by age in proportion to its tier's
// retention, so that all tiers shrink alike), and if that is not enough appends are refused. Beyond
// the disk's cap segments go by the same rule.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "store/exemplars.h"
#include "store/series.h"
#include "store/series_table.h"
#include "store/settings.h"
#include "store/stats.h"

namespace glassgate::store {

struct Sample {
    Handle series;
    TimeMs t_ms = 0;
    double value = 0;
};

// How many of a batch became what, by Append.
struct AppendCounts {
    std::array<uint64_t, kAppendCount> by_outcome{};
    uint64_t& operator[](Append a) noexcept { return by_outcome[static_cast<std::size_t>(a)]; }
    [[nodiscard]] uint64_t operator[](Append a) const noexcept {
        return by_outcome[static_cast<std::size_t>(a)];
    }
};

struct StoreState;

class Store final : public Source {
public:
    // Reads what is there, in seconds. Error: the settings make no sense, or the directory cannot
    // be used or belongs to a running process. Damaged files are no error.
    [[nodiscard]] static Result<std::unique_ptr<Store>> open(Settings settings);
    // Writes out everything it can.
    ~Store() override;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    // The series with these labels (sound ones: sorted by name, unique, no empty value), made if
    // need be. Not valid: no room, which is counted; ask again later.
    [[nodiscard]] Handle obtain(const Labels& labels, SeriesKind kind);

    Append append(Handle series, TimeMs t_ms, double value);
    // Null: a staleness marker. Buckets ascending.
    Append append(Handle series, TimeMs t_ms, std::shared_ptr<const NativeHistogram> histogram);
    // Fastest where neighbours in the batch were obtained one after the other.
    AppendCounts append(std::span<const Sample> batch);
    void add_exemplar(Handle series, Exemplar exemplar);

    [[nodiscard]] Result<std::vector<Series>> select(const std::vector<Matcher>& matchers,
                                                     TimeMs from_ms, TimeMs to_ms,
                                                     const Limits& limits) const override;
    [[nodiscard]] Result<std::vector<Labels>> series(const std::vector<Matcher>& matchers,
                                                     TimeMs from_ms, TimeMs to_ms) const override;
    // Cheaper than select() where series are taken one by one: they share one buffer.
    [[nodiscard]] Status visit(const std::vector<Matcher>& matchers, TimeMs from_ms, TimeMs to_ms,
                               const Limits& limits,
                               const std::function<Status(const SeriesView&)>& each) const override;
    [[nodiscard]] Result<std::vector<SeriesExemplars>> exemplars(
        const std::vector<Matcher>& matchers, TimeMs from_ms, TimeMs to_ms) const;
    // The tier a query from there is answered from.
    [[nodiscard]] Tier tier_for(TimeMs from_ms) const;

    [[nodiscard]] Stats stats() const;
    [[nodiscard]] const Settings& settings() const noexcept;

    // What the store's thread does by itself; for tests and for a stop that cannot wait. One at a
    // time, whoever calls.
    Status flush();       // to the journal
    Status checkpoint();  // to segments
    void trim();          // retention and caps

private:
    explicit Store(std::unique_ptr<StoreState> state);
    std::unique_ptr<StoreState> state_;
};

}  // namespace glassgate::store
