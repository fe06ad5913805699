// The parts of a Store, for its own source files.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "store/exemplars.h"
#include "store/segment/disk.h"
#include "store/segment/journal.h"
#include "store/segment/segment_set.h"
#include "store/store.h"

namespace glassgate::store {

// Whether a sample's time is acceptable, at one moment.
struct Admission {
    TimeMs oldest_ms;      // of any sample
    TimeMs oldest_new_ms;  // of the first sample of a series: after what others left on disk
    TimeMs newest_ms;
    bool memory_left;
};

// Things that went wrong on disk, counted once each.
class Faults {
public:
    void block(const std::string& where, const std::string& what);
    void blocks(uint64_t count, const std::string& what);
    void segment(const std::string& what);
    void error(const std::string& what);
    void fill(Stats& stats) const;

private:
    mutable std::mutex mutex_;
    std::set<std::string> seen_;  // bounded: then everything is new
    uint64_t blocks_ = 0, segments_ = 0;
    std::string last_error_;
};

struct StoreState {
    explicit StoreState(Settings s);

    // --- append.cc
    [[nodiscard]] Admission admission() const;
    template <typename Value>
    Append append_one(const Admission& admission, StoredSeries* series, TimeMs t_ms, Value&& value);
    [[nodiscard]] bool has_memory_for_series() const;
    void count(const AppendCounts& counts);

    // --- select.cc
    [[nodiscard]] std::size_t tier_index_for(TimeMs from_ms) const;
    [[nodiscard]] Result<std::vector<Series>> select(const MatcherSet& matchers, TimeMs from_ms,
                                                     TimeMs to_ms, const Limits& limits);
    [[nodiscard]] Status visit(const MatcherSet& matchers, TimeMs from_ms, TimeMs to_ms,
                               const Limits& limits,
                               const std::function<Status(const SeriesView&)>& each);
    template <typename Use>
    [[nodiscard]] Status for_each_series(const MatcherSet& matchers, TimeMs from_ms, TimeMs to_ms,
                                         Use&& use);
    [[nodiscard]] Result<std::vector<Labels>> series(const MatcherSet& matchers, TimeMs from_ms,
                                                     TimeMs to_ms);

    // --- recovery.cc: before any other thread knows the store
    [[nodiscard]] Status recover();

    // --- flush.cc, checkpoint.cc, trim.cc: under `upkeep`
    [[nodiscard]] Status flush();
    [[nodiscard]] Status checkpoint(bool settle_all);
    void trim();

    [[nodiscard]] bool on_disk() const noexcept { return !settings.directory.empty(); }
    [[nodiscard]] TimeMs now() const { return settings.now(); }
    [[nodiscard]] uint64_t memory_bytes() const;
    [[nodiscard]] uint64_t disk_bytes() const;
    [[nodiscard]] TimeMs available_from(std::size_t tier) const;
    void note_first(TimeMs t_ms) noexcept;
    void run();  // the thread

    Settings settings;
    Disk& disk;
    MemoryMeter meter;
    SeriesTable table;
    SegmentSet segments;
    Exemplars exemplars;
    Faults faults;

    // Oldest sample there is or was; INT64_MAX: none yet.
    std::atomic<TimeMs> first_ms{INT64_MAX};
    // What a cap has taken from a tier ends here.
    std::array<std::atomic<TimeMs>, kMaxTiers> capped_ms;
    // Series that are no longer in memory may have samples on disk up to here.
    std::atomic<TimeMs> floor_ms{kNever};

    std::array<std::atomic<uint64_t>, kAppendCount> samples{};
    std::atomic<uint64_t> dropped{0};
    std::atomic<uint64_t> flushes{0}, flush_failures{0}, checkpoints{0}, checkpoint_failures{0};
    std::atomic<TimeMs> safe_ms{0};  // when all taken before it was on disk

    std::optional<DirectoryLock> directory_lock;
    std::mutex upkeep;
    JournalFile journal;
    uint64_t old_journal_bytes = 0;  // of files a checkpoint will delete
    std::vector<std::string> old_journals;
    uint64_t last_journal = 0;  // number given out
    std::atomic<uint64_t> journal_bytes{0};
    TimeMs checkpointed_ms = 0;

    std::mutex wake_mutex;
    std::condition_variable wake;
    bool stopping = false;
    std::atomic<bool> pressed{false};  // memory is short
    std::thread thread;                // last
};

// Samples as chunks.
class Encoder {
public:
    // Of series.times_ms[begin..]; valid until the next call.
    [[nodiscard]] std::vector<ChunkPtr> encode(const Series& series, std::size_t begin = 0);

private:
    Column column_;
    MemoryMeter meter_;
};

}  // namespace glassgate::store
