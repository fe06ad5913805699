// Ring: the flight recorder's records on disk: bounded in bytes and records, the oldest go first.
//
// Records collect in the journal until there is a block of them, which goes to the newest segment
// file, compressed. What append() has reported as safe survives a kill -9: a restart, or somebody
// who reads the directory of a dead gateway, finds it (docs/formats/flight.md).
//
// Any thread; append() is one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "flight/filter/filter.h"
#include "flight/record.h"
#include "flight/segment.h"
#include "flight/settings.h"

namespace glassgate::flight {

struct RingStats {
    uint64_t records = 0, bytes = 0, segments = 0;
    uint64_t oldest_at_ns = 0;  // 0: empty
    uint64_t next_sequence = 0;
    Damage damage;  // found at opening and since
    std::vector<std::string> quarantined;
    std::string last_error;  // of a write
};

struct Scan {
    uint64_t from_ns = 0, to_ns = UINT64_MAX;  // of Row::at_ns, both including
    const Filter* filter = nullptr;            // null: all
    std::size_t limit = 100;
    bool newest_first = true;
    uint64_t from_sequence = 0, below_sequence = UINT64_MAX;  // to go on where another one ended
    uint64_t deadline_ns = UINT64_MAX;                        // mono_now_ns(): then it gives up
};
struct Scanned {
    std::vector<Record> records;
    uint64_t looked_at = 0;
    bool more = false;     // the limit was reached
    bool gave_up = false;  // the deadline was
    uint64_t damaged_blocks = 0;
};

class Ring {
public:
    // For writing: creates the directory, takes its lock, repairs. Fails when it cannot be written
    // to or belongs to another process.
    [[nodiscard]] static Result<std::shared_ptr<Ring>> open(
        std::string directory, const RingLimits& limits, store::Disk& disk = store::Disk::real());
    // Of files without names in a folder of the temporary directory: when the process ends, however
    // it ends, no byte of it is left.
    [[nodiscard]] static Result<std::shared_ptr<Ring>> open_anonymous(const RingLimits& limits);
    // For reading, also beside a living gateway; changes nothing.
    [[nodiscard]] static Result<std::shared_ptr<Ring>> open_read_only(std::string directory);
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // How many of the entries (codec.h), from the front, are safe now; fewer than all with an
    // error.
    struct Appended {
        std::size_t entries = 0;
        std::string error;
    };
    using PlanBytes = std::function<std::shared_ptr<const std::string>(uint64_t key)>;
    [[nodiscard]] Appended append(std::span<const std::string_view> entries,
                                  const PlanBytes& plan_bytes);
    void set_limits(const RingLimits& limits);

    // Newest first: a caller may use one id twice.
    [[nodiscard]] std::vector<Record> find(std::string_view request_id,
                                           std::size_t limit = 8) const;
    [[nodiscard]] Scanned scan(const Scan& scan) const;
    [[nodiscard]] RingStats stats() const;
    [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

private:
    explicit Ring(std::string directory, store::Disk& disk)
        : directory_(std::move(directory)), disk_(disk) {}
    struct Place {
        std::shared_ptr<const Segment> segment;
        std::shared_ptr<const BlockRef> block;
    };

    [[nodiscard]] Status load(bool read_only);
    [[nodiscard]] Appended append_all(std::span<const std::string_view> entries,
                                      const PlanBytes& plan_bytes);
    void read_journal(std::string_view bytes, uint64_t& end);
    [[nodiscard]] Status begin_journal();
    [[nodiscard]] Status write_journal(std::span<const std::string_view> entries);
    [[nodiscard]] Status write_block(std::span<const std::string_view> entries);
    [[nodiscard]] Status prepare_segment(std::size_t bytes);
    [[nodiscard]] Status keep_plans(std::span<const std::string_view> entries,
                                    const PlanBytes& plan_bytes);
    void make_room(uint64_t bytes);
    void drop_oldest();
    [[nodiscard]] uint64_t bytes_now() const noexcept;
    [[nodiscard]] uint64_t segment_bytes() const;
    [[nodiscard]] RingLimits limits() const;

    [[nodiscard]] std::shared_ptr<const StoredPlan> plan_of(uint64_t key) const;
    [[nodiscard]] bool open_block(const Place& place, std::string& body, Block& block) const;
    [[nodiscard]] std::vector<Place> places(const Scan& scan) const;
    [[nodiscard]] std::vector<Record> open_records() const;
    class Walk;

    const std::string directory_;
    store::Disk& disk_;
    bool anonymous_ = false;
    std::optional<store::DirectoryLock> lock_;
    std::mutex append_mutex_;  // guards what follows, and who may change what mutex_ guards
    AppendFile journal_;
    BlockWriter writer_;
    std::string frame_;

    mutable std::shared_mutex mutex_;  // everything below; append() alone writes it
    RingLimits limits_;
    std::deque<std::shared_ptr<Segment>> segments_;  // oldest first
    std::vector<std::string> open_;                  // entries in no block yet
    std::size_t open_bytes_ = 0;
    uint64_t next_sequence_ = 0;  // of the next entry; those of open_ are below
    uint64_t records_ = 0;        // in segments
    Damage damage_;
    std::vector<std::string> quarantined_;
    std::string last_error_;
    std::atomic<uint64_t> bytes_{0};                   // of all files, as of the last append
    mutable std::atomic<uint64_t> damaged_blocks_{0};  // seen by readers

    mutable std::mutex plans_mutex_;  // taken behind mutex_, if both
    mutable std::unordered_map<uint64_t, std::shared_ptr<const StoredPlan>> plans_;
};

}  // namespace glassgate::flight
