// Chain: what follows from the records so far, and whether the next line goes on from there
// (docs/formats/audit.md, rules 2 and 3 of section 7). The verifier and the recovery go through it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/hash.h"
#include "audit/line.h"
#include "audit/merkle.h"

namespace glassgate::audit {

// What a line of type segment.opened says.
struct Opening {
    std::string log;
    uint64_t segment = 0;
    Peaks peaks;
};
[[nodiscard]] std::optional<Opening> parse_opening(const LineView& line);
// "type":"segment.opened",... for append_line.
[[nodiscard]] std::string opening_body(const Opening& opening);
[[nodiscard]] std::string sealing_body(uint64_t segment, uint64_t records);

class Chain {
public:
    // At the beginning of the log.
    Chain() = default;
    // In the middle: behind a checkpoint whose signature is good. Its tree is taken from the
    // segment.opened that must come next.
    struct Anchor {
        std::string log;
        uint64_t segment = 0, size = 0;
        Hash root{}, hash{};
        uint64_t wall_ns = 0;
    };
    static Chain behind(const Anchor& anchor);

    // The next line (without LF). Nothing when it is as it must be; else what is wrong with it, and
    // the chain must not be used any more. `node`: as Peaks::append.
    template <typename Use>
    std::optional<std::string> accept(std::string_view line, Use&& node) {
        if (auto wrong = check(line)) return wrong;
        peaks_.append(leaf_hash(line), node);
        return std::nullopt;
    }

    [[nodiscard]] uint64_t records() const noexcept { return seq_; }  // the last seq
    [[nodiscard]] const Hash& hash() const noexcept { return hash_; }
    [[nodiscard]] const Peaks& peaks() const noexcept { return peaks_; }
    [[nodiscard]] const std::string& log() const noexcept { return log_; }
    [[nodiscard]] uint64_t segment() const noexcept { return segment_; }
    [[nodiscard]] uint64_t segment_records() const noexcept { return segment_records_; }
    [[nodiscard]] uint64_t wall_ns() const noexcept { return wall_ns_; }
    [[nodiscard]] bool sealed() const noexcept { return sealed_; }
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }  // the last is log.stopped

private:
    std::optional<std::string> check(std::string_view line);
    std::optional<std::string> check_type(const LineView& line);
    std::optional<std::string> check_opening(const LineView& line);

    std::string log_;
    uint64_t segment_ = 0;  // the one the last line was in
    uint64_t segment_records_ = 0;
    uint64_t seq_ = 0;
    uint64_t wall_ns_ = 0;
    Hash hash_{};
    Peaks peaks_;
    std::optional<Hash> expected_root_;  // of an anchor, until the tree is there
    bool sealed_ = true;                 // a segment.opened must come
    bool stopped_ = false;
};

}  // namespace glassgate::audit
