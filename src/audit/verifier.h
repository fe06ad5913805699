// Verifier: checks a log as docs/formats/audit.md section 7 says, offline, streaming, with bounded
// memory (one segment's checkpoints at a time). Stops at the first fault.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/key.h"
#include "base/result.h"

namespace glassgate::audit {

struct WitnessedCheckpoint {
    std::string line;
    Checkpoint checkpoint;
};

struct VerifyOptions {
    std::vector<PublicKey> keys;       // allowed to sign checkpoints
    std::vector<PublicKey> operators;  // allowed to sign deletions
    std::vector<WitnessedCheckpoint> witness;
    std::optional<uint64_t> since_wall_ns;  // begins at the last segment that begins before
};

struct Fault {
    std::string file;
    uint64_t seq = 0;     // of the record; 0: not about one
    uint64_t offset = 0;  // of its line in the (uncompressed) file
    std::string what;
};
// "audit-00000001.jsonl: record 17 at byte 8123: ..."
[[nodiscard]] std::string to_text(const Fault& fault);

struct VerifyReport {
    std::optional<Fault> fault;  // nothing: the log is good
    std::string log;
    uint64_t first_seq = 0, last_seq = 0;  // records looked at
    uint64_t segments = 0, bytes = 0, checkpoints = 0;
    uint64_t deleted_segments = 0;  // missing by a good order
    uint64_t signed_size = 0;       // covered by the last checkpoint
    std::optional<uint64_t> first_wall_ns, last_wall_ns;
    uint64_t witnessed = 0;                  // checkpoints of the witness that were compared
    bool stopped = false;                    // the log was closed in order
    std::optional<uint64_t> unsigned_since;  // time of the oldest record no checkpoint covers
    std::vector<std::string> notes;
};

// An Error is the environment's: a file that cannot be read.
[[nodiscard]] Result<VerifyReport> verify_log(const std::string& folder,
                                              const VerifyOptions& options);

// Checkpoints in any text, one a line at most, as syslog receivers and Elasticsearch exports hold
// them: from `{"checkpoint":` to its `"}`, also with its quotes escaped. Others are left out.
[[nodiscard]] std::vector<WitnessedCheckpoint> read_witness(std::string_view text);

}  // namespace glassgate::audit
