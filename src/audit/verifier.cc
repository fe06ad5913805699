#include "audit/verifier.h"

#include <algorithm>
#include <map>

#include "audit/chain.h"
#include "audit/derived.h"
#include "audit/instant.h"
#include "audit/retention.h"
#include "audit/segment.h"
#include "audit/tree_check.h"

namespace glassgate::audit {
namespace {

constexpr std::size_t kMaxDerivedBytes = std::size_t{1} << 30;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string number(uint64_t value) { return std::to_string(value); }

class Verification {
public:
    Verification(const std::string& folder, const VerifyOptions& options)
        : folder_(folder), options_(options) {
        for (const WitnessedCheckpoint& w : options.witness)
            witness_.emplace(w.checkpoint.size, &w);
    }
    Result<VerifyReport> run();

private:
    struct Signed {
        std::string line;
        Checkpoint checkpoint;
    };
    // Each returns false after a fault.
    bool fault(const std::string& file, std::string what, uint64_t seq = 0, uint64_t offset = 0) {
        report_.fault = Fault{base_name(file), seq, offset, std::move(what)};
        return false;
    }
    Result<std::size_t> first_to_check();
    bool check_numbering();
    Result<bool> check_missing(std::size_t first);
    Result<bool> read_checkpoints(const SegmentFiles& files);
    bool check_checkpoint(const std::string& file, const Signed& next);
    Result<bool> check_unread_segment(const SegmentFiles& files, const NodeSource& nodes);
    Result<bool> check_segment(const SegmentFiles& files, bool last);
    Result<bool> check_lines(const SegmentFiles& files, LineReader& reader);
    bool check_line(const std::string& file, std::string_view line, uint64_t offset);
    bool check_covered(const std::string& file, std::size_t& next, uint64_t offset);
    bool check_witness(const Hash& root, const std::string& file, uint64_t offset);
    bool check_end_of_segment(const SegmentFiles& files, bool last, std::size_t covered);
    Result<bool> check_derived(const SegmentFiles& files, bool last);
    bool check_end_of_log();
    void anchor();

    const std::string& folder_;
    const VerifyOptions& options_;
    VerifyReport report_;
    Listing listing_;
    Chain chain_;
    std::vector<Signed> checkpoints_;    // of the segment at hand
    std::optional<Signed> last_signed_;  // over all segments
    bool mid_log_ = false;               // verifying begins behind the first checkpoint
    std::optional<TreeCheck> tree_;
    std::string index_;  // what the index must hold
    std::multimap<uint64_t, const WitnessedCheckpoint*> witness_;
};

// ---- checkpoints
// -------------------------------------------------------------------------------

Result<bool> Verification::read_checkpoints(const SegmentFiles& files) {
    checkpoints_.clear();
    const std::string path = SegmentPaths(folder_, files.segment).checkpoints;
    if (!files.checkpoints) return true;
    const auto reader = TRY(LineReader::open_plain(path));
    std::string_view line;
    while (true) {
        const LineReader::Got got = reader->next(line);
        if (got == LineReader::Got::failed) return failure(reader->error());
        if (got == LineReader::Got::end) return true;
        if (got == LineReader::Got::torn)
            return fault(path, "an unfinished last line, as a crash leaves it", 0,
                         reader->offset());
        auto checkpoint = parse_checkpoint(line);
        if (!checkpoint) return fault(path, "a line is no checkpoint", 0, reader->offset());
        if (checkpoint->segment != files.segment)
            return fault(path, "a checkpoint of another segment", 0, reader->offset());
        Signed next{std::string(line), std::move(*checkpoint)};
        if (!check_checkpoint(path, next)) return false;
        checkpoints_.push_back(next);
        last_signed_ = std::move(next);
        ++report_.checkpoints;
    }
}

bool Verification::check_checkpoint(const std::string& file, const Signed& next) {
    const Checkpoint& c = next.checkpoint;
    const std::string name = "checkpoint " + number(c.number);
    const auto wrong = [&](std::string what) { return fault(file, name + ": " + what); };
    if (last_signed_) {
        const Checkpoint& before = last_signed_->checkpoint;
        if (c.number != before.number + 1)
            return wrong("it does not follow checkpoint " + number(before.number));
        if (c.previous != checkpoint_hash(last_signed_->line))
            return wrong("it does not name the checkpoint before it");
        if (c.size <= before.size) return wrong("it covers no more than the one before it");
        if (c.log != before.log) return wrong("it belongs to another log");
    } else if (!mid_log_ && (c.number != 1 || c.previous != Hash{})) {
        return wrong("the first one has the number 1 and names none before it");
    }
    switch (check_signature(next.line, c, options_.keys)) {
        case SignatureCheck::good:
            return true;
        case SignatureCheck::unknown_key:
            return wrong("signed by key " + hex(c.key) + ", which is not allowed");
        case SignatureCheck::bad:
            break;
    }
    return wrong("the signature is bad");
}

// The checkpoints that cover exactly the records so far.
bool Verification::check_covered(const std::string& file, std::size_t& next, uint64_t offset) {
    if (next == checkpoints_.size()) return true;
    const Checkpoint& c = checkpoints_[next].checkpoint;
    const uint64_t seq = chain_.records();
    if (c.size > seq) return true;
    const std::string name = "checkpoint " + number(c.number);
    if (c.size < seq)
        return fault(file,
                     name + " covers record " + number(c.size) + ", which is not in this segment");
    if (c.log != chain_.log()) return fault(file, name + " belongs to another log", seq, offset);
    if (c.hash != chain_.hash())
        return fault(file, name + " signs another hash than this record's", seq, offset);
    if (c.root != chain_.peaks().root())
        return fault(file, name + " signs another tree than that of the records", seq, offset);
    if (c.wall_ns < chain_.wall_ns())
        return fault(file, name + " is older than the record it covers", seq, offset);
    ++next;
    report_.signed_size = seq;
    report_.unsigned_since.reset();
    return true;
}

bool Verification::check_witness(const Hash& root, const std::string& file, uint64_t offset) {
    const auto [from, to] = witness_.equal_range(chain_.records());
    for (auto it = from; it != to; ++it) {
        const Checkpoint& c = it->second->checkpoint;
        ++report_.witnessed;
        if (c.root != root || c.log != chain_.log())
            return fault(file,
                         "the witness has a checkpoint " + number(c.number) +
                             " over other records: this is not the log it was made for",
                         chain_.records(), offset);
    }
    witness_.erase(from, to);
    return true;
}

// ---- records
// -----------------------------------------------------------------------------------

bool Verification::check_line(const std::string& file, std::string_view line, uint64_t offset) {
    bool tree_good = true;
    const auto wrong = chain_.accept(line, [&](const Hash& node) {
        if (tree_ && tree_good) tree_good = tree_->is_next(node);
    });
    if (wrong) return fault(file, *wrong, chain_.records() + 1, offset);
    const uint64_t seq = chain_.records();
    if (!tree_good)
        return fault(file, "the tree file has other nodes than this record gives", seq, offset);
    if (is_indexed(seq, chain_.segment_records() == 1))
        append_index_line(index_, seq, offset, chain_.wall_ns());
    if (report_.first_seq == 0) report_.first_seq = seq;
    if (!report_.first_wall_ns) report_.first_wall_ns = chain_.wall_ns();
    if (!report_.unsigned_since) report_.unsigned_since = chain_.wall_ns();
    report_.last_seq = seq;
    report_.last_wall_ns = chain_.wall_ns();
    return true;
}

Result<bool> Verification::check_lines(const SegmentFiles& files, LineReader& reader) {
    const SegmentPaths paths(folder_, files.segment);
    const std::string& file = files.plain ? paths.records : paths.compressed;
    std::size_t covered = 0;
    bool first = true;
    std::string_view line;
    while (true) {
        const LineReader::Got got = reader.next(line);
        const uint64_t offset = reader.offset();
        if (got == LineReader::Got::failed) {
            // Of a plain file that is the environment's failure; compressed data that cannot be
            // read has been changed.
            if (files.plain) return failure(reader.error());
            return fault(file, reader.error(), chain_.records() + 1, offset);
        }
        if (got == LineReader::Got::end) break;
        if (got == LineReader::Got::torn)
            return fault(file,
                         line.size() > kMaxLineBytes
                             ? "a line longer than 65536 bytes"
                             : "an unfinished last line of " + number(line.size()) +
                                   " bytes, as a crash leaves it",
                         chain_.records() + 1, offset);
        if (!first && chain_.sealed())
            return fault(file, "a record behind segment.sealed", chain_.records() + 1, offset);
        if (!check_line(file, line, offset)) return false;
        if (first && chain_.segment() != files.segment)
            return fault(file, "the file holds segment " + number(chain_.segment()),
                         chain_.records(), offset);
        first = false;
        report_.bytes += line.size() + 1;
        if (!check_covered(file, covered, offset)) return false;
        const bool watched = !witness_.empty() && witness_.begin()->first <= chain_.records();
        if (watched && !check_witness(chain_.peaks().root(), file, offset)) return false;
    }
    if (first) return fault(file, "the segment is empty", chain_.records() + 1, 0);
    return check_end_of_segment(files, &files == &listing_.segments.back(), covered);
}

bool Verification::check_end_of_segment(const SegmentFiles& files, bool last, std::size_t covered) {
    const SegmentPaths paths(folder_, files.segment);
    const std::string& file = files.plain ? paths.records : paths.compressed;
    if (covered != checkpoints_.size()) {
        const Checkpoint& c = checkpoints_[covered].checkpoint;
        return fault(file, "records are missing at the end: checkpoint " + number(c.number) +
                               " covers " + number(c.size) + " records, the last one here is " +
                               number(chain_.records()));
    }
    const bool signed_whole = report_.signed_size == chain_.records();
    if (chain_.sealed() && !signed_whole)
        return fault(paths.checkpoints, "no checkpoint covers the segment.sealed of this segment");
    if (!chain_.sealed() && !last)
        return fault(file, "the segment does not end with segment.sealed though another follows",
                     chain_.records());
    if (last && chain_.stopped() && !signed_whole)
        return fault(paths.checkpoints, "no checkpoint covers the log.stopped at the end");
    return true;
}

Result<bool> Verification::check_derived(const SegmentFiles& files, bool last) {
    const SegmentPaths paths(folder_, files.segment);
    const bool may_be_short = last && !chain_.sealed();
    if (!files.tree && !may_be_short) return fault(paths.tree, "the tree file is missing");
    if (tree_ && tree_->is_short() && !may_be_short)
        return fault(paths.tree, "the tree file is too short");
    if (tree_ && tree_->has_more())
        return fault(paths.tree, "the tree file has more nodes than the records give");
    if (!files.index) {
        if (may_be_short) return true;
        return fault(paths.index, "the index file is missing");
    }
    const std::string text = TRY(read_whole(paths.index, kMaxDerivedBytes));
    const bool good = may_be_short ? std::string_view(index_).starts_with(text) : index_ == text;
    if (!good) return fault(paths.index, "the index is not what the records give");
    return true;
}

Result<bool> Verification::check_segment(const SegmentFiles& files, bool last) {
    if (!TRY(read_checkpoints(files))) return false;
    const SegmentPaths paths(folder_, files.segment);
    tree_.reset();
    index_.clear();
    if (files.tree) tree_ = TRY(TreeCheck::open(paths.tree));
    const auto reader = TRY(LineReader::open_segment(folder_, files));
    if (!TRY(check_lines(files, *reader))) return false;
    ++report_.segments;
    if (files.plain && files.compressed)
        report_.notes.push_back("segment " + number(files.segment) +
                                " is there plain and compressed: compressing it was interrupted");
    return check_derived(files, last);
}

// ---- the log as a whole
// -----------------------------------------------------------------------

bool Verification::check_numbering() {
    uint64_t expected = 1;
    bool began = false;
    for (const SegmentFiles& files : listing_.segments) {
        const SegmentPaths paths(folder_, files.segment);
        if (files.segment != expected)
            return fault(SegmentPaths(folder_, expected).records,
                         "segment " + number(expected) + " is missing");
        if (began && !files.has_records())
            return fault(paths.records,
                         "the records of segment " + number(expected) + " are missing");
        began = began || files.has_records();
        if (!files.checkpoints && files.segment != listing_.segments.back().segment)
            return fault(paths.checkpoints, "the checkpoints of this segment are missing");
        ++expected;
    }
    if (!began) return fault(folder_, "there is no audit log here");
    return true;
}

// Segments before `first` have no records: each by a good order?
Result<bool> Verification::check_missing(std::size_t first) {
    std::map<uint64_t, std::string> ordered;  // segment -> log
    for (const std::string& path : listing_.deletions) {
        const auto order = parse_order(TRY(read_whole(path, kMaxDerivedBytes)));
        if (!order) return fault(path, "this is no deletion order");
        if (!is_authorised(*order, options_.operators))
            return fault(path,
                         "the order is not signed by two of the operators whose keys were given");
        for (const DeletionItem& item : order->items) ordered[item.segment] = order->log;
    }
    const auto nodes = TRY(open_nodes(folder_));
    mid_log_ = options_.since_wall_ns.has_value() && first > 1;
    for (std::size_t i = 0; i < first; ++i) {
        const SegmentFiles& files = listing_.segments[i];
        const SegmentPaths paths(folder_, files.segment);
        if (!files.has_records()) {
            if (!ordered.contains(files.segment))
                return fault(paths.records, "the records of segment " + number(files.segment) +
                                                " are missing and no order names it");
            ++report_.deleted_segments;
        }
        // To begin in the middle the checkpoints just before are enough.
        if (options_.since_wall_ns && i + 1 < first) continue;
        if (!TRY(check_unread_segment(files, nodes))) return false;
        if (last_signed_ && ordered.contains(files.segment) &&
            ordered[files.segment] != last_signed_->checkpoint.log)
            return fault(paths.records, "the deletion order is of another log");
    }
    return true;
}

// Of a segment whose records are not read: its checkpoints, and what the witness has of it.
Result<bool> Verification::check_unread_segment(const SegmentFiles& files,
                                                const NodeSource& nodes) {
    if (!TRY(read_checkpoints(files))) return false;
    const SegmentPaths paths(folder_, files.segment);
    for (const Signed& s : checkpoints_) {
        const auto root = tree_root(s.checkpoint.size, nodes);
        if (root && *root == s.checkpoint.root) continue;
        return fault(paths.tree, "the tree is not the one checkpoint " +
                                     number(s.checkpoint.number) + " signs");
    }
    if (checkpoints_.empty()) return fault(paths.checkpoints, "the segment has no checkpoint");
    const uint64_t end = checkpoints_.back().checkpoint.size;
    while (!witness_.empty() && witness_.begin()->first <= end) {
        const Checkpoint& c = witness_.begin()->second->checkpoint;
        const auto root = tree_root(c.size, nodes);
        if (!root || *root != c.root || c.log != checkpoints_.back().checkpoint.log)
            return fault(paths.tree, "the witness has a checkpoint " + number(c.number) +
                                         " over other records");
        ++report_.witnessed;
        witness_.erase(witness_.begin());
    }
    return true;
}

// The index in the listing of the segment to begin with.
Result<std::size_t> Verification::first_to_check() {
    std::size_t first = 0;
    while (!listing_.segments[first].has_records()) ++first;
    if (!options_.since_wall_ns) return first;
    for (std::size_t i = first + 1; i < listing_.segments.size(); ++i) {
        const auto reader = TRY(LineReader::open_segment(folder_, listing_.segments[i]));
        std::string_view line, why;
        if (reader->next(line) != LineReader::Got::line) break;
        const auto view = parse_line(line, why);
        if (!view || view->wall_ns > *options_.since_wall_ns) break;
        first = i;
    }
    return first;
}

// Behind the last checkpoint of the segments that are not read.
void Verification::anchor() {
    const Checkpoint& c = last_signed_->checkpoint;
    chain_ = Chain::behind({c.log, c.segment, c.size, c.root, c.hash, c.wall_ns});
    report_.signed_size = c.size;
}

bool Verification::check_end_of_log() {
    const SegmentFiles& last = listing_.segments.back();
    const std::string file = SegmentPaths(folder_, last.segment).records;
    if (!witness_.empty()) {
        const Checkpoint& c = std::prev(witness_.end())->second->checkpoint;
        return fault(file, "the witness has a checkpoint " + number(c.number) + " over " +
                               number(c.size) + " records; this log ends with record " +
                               number(chain_.records()) + ": it was cut off or put back");
    }
    report_.stopped = chain_.stopped();
    report_.log = chain_.log();
    for (const std::string& name : listing_.strange)
        report_.notes.push_back("not part of the log: " + name);
    return true;
}

Result<VerifyReport> Verification::run() {
    listing_ = TRY(list_log(folder_));
    if (listing_.segments.empty()) {
        fault(folder_, "there is no audit log here");
        return report_;
    }
    if (!check_numbering()) return report_;
    // Checkpoints nobody allowed has signed witness nothing.
    std::erase_if(witness_, [&](const auto& entry) {
        const WitnessedCheckpoint& w = *entry.second;
        return check_signature(w.line, w.checkpoint, options_.keys) != SignatureCheck::good;
    });
    if (witness_.empty() && !options_.witness.empty()) {
        fault(folder_, "no checkpoint of the witness is signed by an allowed key");
        return report_;
    }
    const std::size_t first = TRY(first_to_check());
    if (!TRY(check_missing(first))) return report_;
    if (first > 0) anchor();
    for (std::size_t i = first; i < listing_.segments.size(); ++i)
        if (!TRY(check_segment(listing_.segments[i], i + 1 == listing_.segments.size())))
            return report_;
    check_end_of_log();
    return report_;
}

}  // namespace

std::string to_text(const Fault& fault) {
    std::string text = fault.file + ": ";
    if (fault.seq != 0)
        text += "record " + number(fault.seq) + " at byte " + number(fault.offset) + ": ";
    else if (fault.offset != 0)
        text += "at byte " + number(fault.offset) + ": ";
    return text + fault.what;
}

Result<VerifyReport> verify_log(const std::string& folder, const VerifyOptions& options) {
    return Verification(folder, options).run();
}

std::vector<WitnessedCheckpoint> read_witness(std::string_view text) {
    std::vector<WitnessedCheckpoint> found;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        std::size_t begin = line.find("{\"checkpoint\":");
        if (begin == std::string::npos) {  // within a JSON string
            begin = line.find("{\\\"checkpoint\\\":");
            if (begin == std::string::npos) continue;
            std::erase(line, '\\');
            begin = line.find("{\"checkpoint\":");
        }
        const std::size_t close = line.find("\"}", begin);
        if (close == std::string::npos) continue;
        WitnessedCheckpoint w{line.substr(begin, close + 2 - begin), {}};
        auto checkpoint = parse_checkpoint(w.line);
        if (!checkpoint) continue;
        w.checkpoint = std::move(*checkpoint);
        found.push_back(std::move(w));
    }
    return found;
}

}  // namespace glassgate::audit
