// Proofs that travel (docs/formats/audit.md section 9): an export of records with their audit
// paths, and a consistency proof between two checkpoints. Made from a log, checked from text alone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/key.h"
#include "base/result.h"

namespace glassgate::audit {

struct Condition {
    std::string key, value;  // a key of the record; its value as text
    bool equal = true;
};
// "client.id=shop" or "response.status!=200".
[[nodiscard]] std::optional<Condition> parse_condition(std::string_view text);

struct Selection {
    std::optional<uint64_t> from_wall_ns, to_wall_ns;  // [from, to)
    std::vector<Condition> where;                      // all of them
};
// Calls `use(line, seq)` for the records selected, in order. Skips segments by their time.
Status select_records(const std::string& folder, const Selection& selection,
                      const std::function<Status(std::string_view line, uint64_t seq)>& use);

// The line of the newest checkpoint, or of the one with this number.
[[nodiscard]] Result<std::string> find_checkpoint(const std::string& folder,
                                                  std::optional<uint64_t> number);

struct Exported {
    uint64_t records = 0;
    uint64_t unsigned_records = 0;  // selected, but not covered by a checkpoint yet: left out
};
// Gives the export line by line (with LF) to `out`.
Result<Exported> export_records(const std::string& folder, const Selection& selection,
                                const std::function<Status(std::string_view)>& out);
// One line with LF. Numbers of checkpoints.
Result<std::string> prove_consistency(const std::string& folder, uint64_t first, uint64_t second);

struct ProofReport {
    std::string wrong;  // empty: everything proven
    uint64_t line = 0;  // of the text, from 1: where it is wrong
    uint64_t records = 0;
    std::optional<Checkpoint> checkpoint;  // what the records are proven against
    bool consistency = false;
};
// Of an export or a consistency proof; any text.
[[nodiscard]] ProofReport check_proof(std::string_view text, const std::vector<PublicKey>& keys);

}  // namespace glassgate::audit
