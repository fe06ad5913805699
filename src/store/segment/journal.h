// The journal: what has been taken since the last checkpoint, appended every few seconds.
//
// A file is a head and records. A record carries its length and a checksum and begins with a mark,
// so that a reader finds the next one behind a damaged one (docs/formats/store.md).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/segment/disk.h"
#include "store/segment/frame.h"
#include "store/series_kind.h"

namespace glassgate::store {

// Writes one file. One thread.
class JournalFile {
public:
    JournalFile() = default;
    [[nodiscard]] static Result<JournalFile> create(Disk& disk, const std::string& directory,
                                                    uint64_t number);
    // Both only collect; `id` is the caller's and must be defined in this file before samples.
    void define(uint32_t id, SeriesKind kind, const Labels& labels);
    void samples(uint32_t id, const ChunkView& chunk);
    // Writes what has been collected. On failure it has not been written and is forgotten.
    [[nodiscard]] Status write(bool sync);

    [[nodiscard]] bool open() const noexcept { return file_.open(); }
    [[nodiscard]] uint64_t number() const noexcept { return number_; }
    [[nodiscard]] uint64_t size() const noexcept { return file_.size(); }
    // Collected and not yet written.
    [[nodiscard]] std::size_t pending_bytes() const noexcept { return out_.size(); }

private:
    void begin_item();
    void end_record();

    OutFile file_;
    uint64_t number_ = 0;
    std::string out_;               // whole records
    std::size_t record_start_ = 0;  // of the one being made
    bool in_record_ = false;
};

struct JournalFault {
    uint64_t skipped_bytes = 0;
    uint64_t lost_items = 0;  // samples of series whose definition was damaged, or damaged ones
    bool torn_end = false;    // it ends within a record: the last write before a crash
};
struct JournalReader {
    std::function<void(uint32_t id, SeriesKind kind, Labels labels)> define;
    std::function<bool(uint32_t id, const ChunkView& chunk)> samples;  // false: unknown or damaged
};
// Reads a whole file; `bytes` must be followed by kPadding readable bytes.
JournalFault read_journal(std::string_view bytes, const JournalReader& reader);

[[nodiscard]] std::string journal_path(const std::string& directory, uint64_t number);

}  // namespace glassgate::store
