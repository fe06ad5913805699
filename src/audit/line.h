// A record's line (docs/formats/audit.md section 2): made, and taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/hash.h"

namespace glassgate::audit {

inline constexpr std::size_t kMaxLineBytes = 65'536;  // without its LF
// What a line has besides `type` and what follows it: the room to reserve for a record.
inline constexpr std::size_t kLineOverheadBytes = 160;

// Appends the line of a record and its LF; returns its hash. `body`: what follows the time, without
// the comma before it: "type":"NAME","key":... (JSON, no LF).
Hash append_line(std::string& out, uint64_t seq, uint64_t wall_ns, std::string_view body,
                 const Hash& previous);

struct LineView {
    uint64_t seq = 0;
    std::string_view time;  // as written
    uint64_t wall_ns = 0;
    std::string_view type;
    std::string_view body;    // "type":"NAME",...; without the hash
    std::string_view hashed;  // what the hash is over, besides the previous one
    Hash hash{};
};

// Any bytes, without the LF. Nothing when it has not the form; `why` then says which part has not.
[[nodiscard]] std::optional<LineView> parse_line(std::string_view line, std::string_view& why);

[[nodiscard]] inline Hash record_hash(const Hash& previous, std::string_view hashed) noexcept {
    return sha256(bytes_of(previous), hashed);
}

}  // namespace glassgate::audit
