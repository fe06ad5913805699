#include "audit/tail.h"

#include "audit/line.h"

namespace glassgate::audit {

void Tail::go_back_to(uint64_t seq) {
    seq_ = seq;
    reader_.reset();
}

// The segment that holds record seq_ + 1: the last one that begins at or before it.
Result<bool> Tail::open_at() {
    const Listing listing = TRY(list_log(folder_));
    for (auto it = listing.segments.rbegin(); it != listing.segments.rend(); ++it) {
        if (!it->has_records()) continue;
        auto reader = TRY(LineReader::open_segment(folder_, *it));
        std::string_view line, why;
        if (reader->next(line) != LineReader::Got::line) continue;
        const auto view = parse_line(line, why);
        if (!view)
            return failure("segment " + std::to_string(it->segment) + ": " + std::string(why));
        const bool oldest =
            std::next(it) == listing.segments.rend() || !std::next(it)->has_records();
        if (view->seq > seq_ + 1 && !oldest) continue;
        reader_ = TRY(LineReader::open_segment(folder_, *it));  // from its first line again
        segment_ = it->segment;
        return true;
    }
    return false;
}

// At the end of what was read: the file may have grown, or a later one may have begun. False:
// neither.
Result<bool> Tail::go_on() {
    const uint64_t at = reader_->offset();
    const std::string here = SegmentPaths(folder_, segment_).records;
    const SegmentPaths later(folder_, segment_ + 1);
    // Whether there is a later one is asked first: then this one does not grow any more.
    const bool has_later = exists(later.records) || exists(later.compressed);
    reader_.reset();
    if (exists(here)) {
        auto again = LineReader::open_plain(here, at);
        if (again) {
            reader_ = std::move(*again);
            if (!ended_) {
                ended_ = true;  // until a line comes
                return true;
            }
        }
    }
    if (!has_later) return false;
    ended_ = false;
    reader_.reset();  // open_at finds the segment that has what is next
    return true;
}

Result<bool> Tail::next(uint64_t limit, std::string_view& line) {
    while (seq_ < limit) {
        if (!reader_ && !TRY(open_at())) return false;
        std::string_view why;
        switch (reader_->next(line)) {
            case LineReader::Got::failed: {
                Error error{reader_->error()};
                reader_.reset();
                return std::unexpected(std::move(error));
            }
            case LineReader::Got::line: {
                const auto view = parse_line(line, why);
                if (!view) {
                    reader_.reset();
                    return failure("segment " + std::to_string(segment_) + ": " + std::string(why));
                }
                ended_ = false;
                if (view->seq <= seq_) break;  // on the way to where to begin
                seq_ = view->seq;
                return true;
            }
            case LineReader::Got::torn:
            case LineReader::Got::end:
                if (!TRY(go_on())) return false;
                break;
        }
    }
    return false;
}

}  // namespace glassgate::audit
