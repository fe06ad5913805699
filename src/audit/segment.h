// The files of a log's segments (docs/formats/audit.md section 1): names, listing, and a reader of
// lines from a plain or compressed segment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/files.h"
#include "base/result.h"

namespace glassgate::audit {

// DIR/audit-00000001.jsonl and what stands beside it.
struct SegmentPaths {
    SegmentPaths(const std::string& folder, uint64_t segment);
    std::string records, compressed, checkpoints, tree, index;
    [[nodiscard]] std::string torn(uint64_t seq) const;

private:
    std::string stem_;
};

struct SegmentFiles {
    uint64_t segment = 0;
    bool plain = false, compressed = false;  // which forms of its records are there
    bool checkpoints = false, tree = false, index = false;
    [[nodiscard]] bool has_records() const noexcept { return plain || compressed; }
};

struct Listing {
    std::vector<SegmentFiles> segments;  // by number; a gap is a gap
    std::vector<std::string> deletions;  // paths of deletion-*.json
    std::vector<std::string> strange;    // names beginning with "audit-" that no log has
};
[[nodiscard]] Result<Listing> list_log(const std::string& folder);

// Lines of a file, in order, with bounded memory.
class LineReader {
public:
    enum class Got : uint8_t {
        line,
        torn,  // bytes behind the last LF; or a line longer than any record
        end,
        failed  // see error()
    };
    // `offset`: of a line's beginning, where to begin.
    static Result<std::unique_ptr<LineReader>> open_plain(const std::string& path,
                                                          uint64_t offset = 0);
    static Result<std::unique_ptr<LineReader>> open_zstd(const std::string& path);
    // Whichever form the segment has.
    static Result<std::unique_ptr<LineReader>> open_segment(const std::string& folder,
                                                            const SegmentFiles& files);
    virtual ~LineReader() = default;

    // `line` (without LF) is valid until the next call.
    Got next(std::string_view& line);
    // Where in the uncompressed file the line of the last next() begins.
    [[nodiscard]] uint64_t offset() const noexcept { return offset_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

protected:
    // Reads up to `room` bytes; 0 at the end; nothing after setting error_.
    virtual std::optional<std::size_t> read_some(char* into, std::size_t room) = 0;
    std::string error_;

private:
    std::vector<char> buffer_;
    std::size_t begin_ = 0, end_ = 0;
    uint64_t offset_ = 0, next_offset_ = 0;
    bool ended_ = false;
};

}  // namespace glassgate::audit
