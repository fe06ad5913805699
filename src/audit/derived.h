// The derived files of a segment (docs/formats/audit.md sections 4 and 6): tree nodes and index.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "audit/hash.h"
#include "audit/merkle.h"
#include "base/result.h"

namespace glassgate::audit {

inline constexpr uint64_t kIndexEvery = 1024;

[[nodiscard]] inline bool is_indexed(uint64_t seq, bool first_of_segment) noexcept {
    return first_of_segment || seq % kIndexEvery == 1;
}
void append_index_line(std::string& out, uint64_t seq, uint64_t offset, uint64_t wall_ns);

// Nodes of the whole log by number, from the .tree files of a folder. Reads with pread; keeps the
// files of the segments it has used open.
[[nodiscard]] Result<NodeSource> open_nodes(const std::string& folder);

}  // namespace glassgate::audit
