// Log: the writer of an audit log. One thread at a time; one process at a time (a lock says so).
//
// Records are appended in memory and go to disk by commit(). What could not be written stays and is
// written by the next commit, from the last place known to be on disk: after a failed sync nobody
// knows what the kernel has kept (https://lwn.net/Articles/752063/).
//
// Disk space for records is allocated ahead (room()): whoever admits requests admits only as many
// as there is room for, so a disk that fills up refuses requests and loses no record of those that
// were admitted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "audit/chain.h"
#include "audit/checkpoint.h"
#include "audit/disk.h"
#include "audit/key.h"
#include "base/result.h"

namespace glassgate::audit {

struct LogSettings {
    std::string folder;
    std::string key_path;
    bool generate_key = true;  // when there is none yet
    std::string gateway, version;
    uint64_t segment_bytes = 256u << 20;  // a segment that reached it is sealed
    uint64_t segment_age_ns = 86'400'000'000'000;
    uint64_t checkpoint_records = 1000;
    uint64_t checkpoint_ns = 10'000'000'000;
    uint64_t room_bytes = 8u << 20;  // allocated ahead
    uint64_t clock_step_ns = 500'000'000;
};

// For tests: both clocks.
struct Clocks {
    uint64_t (*wall_ns)() noexcept;
    uint64_t (*mono_ns)() noexcept;
};
[[nodiscard]] Clocks real_clocks() noexcept;

class Log {
public:
    // Takes over the folder (made when missing): locks it, checks the last segment, cuts off what a
    // crash left unfinished (kept beside, and recorded), and says log.started or log.recovered.
    // Fails when the log has been damaged: a writer must not go on as if nothing were.
    static Result<std::unique_ptr<Log>> open(const LogSettings& settings,
                                             Clocks clocks = real_clocks(),
                                             Disk& disk = real_disk());
    ~Log();  // without a word: as a crash. See close().
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    // `body`: "type":"NAME","key":... Longer ones than a line may hold are a bug of the caller's,
    // and so is appending after a commit that failed, before one has succeeded. Returns its seq.
    uint64_t append(std::string_view body);
    // Everything appended to the file and, with `sync`, onto the disk; seals a segment that is
    // full; then a checkpoint if one is due.
    Status commit(bool sync);
    Status checkpoint();  // covers everything; commits before that. Nothing new: does nothing.
    Status close();       // log.stopped, covered by a checkpoint

    [[nodiscard]] uint64_t last_seq() const noexcept { return seq_; }
    [[nodiscard]] uint64_t durable_seq() const noexcept { return durable_seq_; }
    [[nodiscard]] uint64_t written_seq() const noexcept { return written_seq_; }
    // Bytes that can be appended and are sure to find space.
    [[nodiscard]] uint64_t room() const noexcept { return room_; }
    // When the next commit has something to do by itself: a checkpoint is due; mono ns; 0: never.
    [[nodiscard]] uint64_t checkpoint_due_ns() const noexcept { return checkpoint_due_ns_; }
    [[nodiscard]] uint64_t last_checkpoint_wall_ns() const noexcept;
    [[nodiscard]] const std::string& last_checkpoint_line() const noexcept {
        return last_checkpoint_line_;
    }
    [[nodiscard]] uint64_t segment() const noexcept { return segment_; }
    [[nodiscard]] const std::string& log_id() const noexcept { return log_id_; }
    [[nodiscard]] const PublicKey& public_key() const noexcept { return key_.public_key(); }

    // Why there is less room than asked for; empty while there is enough.
    [[nodiscard]] const std::string& room_problem() const noexcept { return room_problem_; }

private:
    friend class Recovery;
    Log(const LogSettings& settings, Clocks clocks, Disk& disk, SigningKey key);

    struct OpenFiles {
        static Result<OpenFiles> open(const std::string& folder, uint64_t segment, int more_flags);
        File records, checkpoints, tree, index;
    };
    void append_at(std::string_view body, uint64_t wall_ns);
    uint64_t look_at_clocks();
    Status begin_log();
    Status start(std::string_view type, std::string_view more);
    void begin_segment();
    Status write_records(bool sync);
    Status write_derived();
    Status write_checkpoint();
    Status seal();
    Status make_read_only() const;
    Status prepare_next();
    Status go_to_next();
    void ensure_room();
    [[nodiscard]] bool is_full() const noexcept;
    [[nodiscard]] bool checkpoint_is_due() const noexcept;

    const LogSettings settings_;
    const Clocks clocks_;
    Disk& disk_;
    const SigningKey key_;
    File lock_;

    // The chain, with everything appended.
    std::string log_id_;
    uint64_t seq_ = 0, segment_ = 0, segment_records_ = 0;
    Hash hash_{};
    Peaks peaks_;
    uint64_t wall_ns_ = 0;       // of the last record
    uint64_t clock_offset_ = 0;  // wall - mono when last looked, wraps
    bool sealed_ = false;        // the last record is segment.sealed
    uint64_t segment_began_ns_ = 0;

    // The open segment's files.
    OpenFiles files_;
    bool broken_ = false;              // files_.records must be opened again before it is written
    std::string pending_;              // from the last durable byte on
    std::size_t pending_written_ = 0;  // so much of it has been written
    uint64_t durable_bytes_ = 0;       // of the segment
    uint64_t allocated_bytes_ = 0;     // of the segment's file
    uint64_t room_ = 0;
    std::string room_problem_;
    uint64_t durable_seq_ = 0, written_seq_ = 0;
    std::string tree_pending_, index_pending_;
    uint64_t tree_bytes_ = 0, tree_allocated_ = 0, index_bytes_ = 0;

    Checkpoint last_checkpoint_;
    std::string last_checkpoint_line_;  // on disk
    std::string checkpoint_pending_;    // signed, with its LF, not yet known to be on disk
    uint64_t checkpoint_bytes_ = 0, checkpoint_due_ns_ = 0;
};

}  // namespace glassgate::audit
