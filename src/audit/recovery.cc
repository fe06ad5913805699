#include "audit/recovery.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "audit/derived.h"
#include "base/ids.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

constexpr std::size_t kMaxTornBytes = std::size_t{1} << 30;

Result<std::string> read_from(const std::string& path, uint64_t offset) {
    const File file = TRY(File::open(path, O_RDONLY));
    std::string bytes(1 << 16, '\0');
    std::size_t filled = 0;
    while (filled < kMaxTornBytes) {
        if (filled == bytes.size()) bytes.resize(2 * filled);
        const ssize_t got = ::pread(file.fd(), bytes.data() + filled, bytes.size() - filled,
                                    static_cast<off_t>(offset + filled));
        if (got < 0) return failure_errno("read " + path, errno);
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    bytes.resize(filled);
    return bytes;
}

}  // namespace

std::unexpected<Error> Recovery::damaged(const std::string& what) const {
    return failure("audit log " + log_.settings_.folder + ", segment " +
                   std::to_string(files_.segment) + ": " + what +
                   ". No crash leaves a log like that, so it is not written on; `glassgate audit "
                   "verify` says more. To begin a new log, move this folder away");
}

Result<std::vector<Recovery::Signed>> Recovery::read_checkpoints(uint64_t segment,
                                                                 uint64_t& whole_bytes) {
    std::vector<Signed> found;
    const SegmentPaths paths(log_.settings_.folder, segment);
    whole_bytes = 0;
    if (!exists(paths.checkpoints)) return found;
    const auto reader = TRY(LineReader::open_plain(paths.checkpoints));
    std::string_view line;
    while (reader->next(line) == LineReader::Got::line) {
        auto checkpoint = parse_checkpoint(line);
        if (!checkpoint || checkpoint->segment != segment)
            return damaged("a checkpoint has not the form of one");
        if (check_signature(line, *checkpoint, keys_) != SignatureCheck::good)
            return damaged("checkpoint " + std::to_string(checkpoint->number) +
                           " is not signed by a key of this log");
        found.push_back({std::string(line), std::move(*checkpoint)});
        whole_bytes = reader->offset() + line.size() + 1;
    }
    return found;
}

Status Recovery::begin_behind_previous() {
    if (files_.segment == 1) return {};
    uint64_t ignored = 0;
    const std::vector<Signed> before = TRY(read_checkpoints(files_.segment - 1, ignored));
    if (before.empty()) return damaged("the segment before it has no checkpoint");
    last_signed_ = before.back();
    const Checkpoint& c = last_signed_.checkpoint;
    chain_ = Chain::behind({c.log, c.segment, c.size, c.root, c.hash, c.wall_ns});
    return {};
}

// The checkpoints that must cover exactly the records so far.
Status Recovery::check_signed(std::size_t& next) {
    if (next == signed_.size()) return {};
    const Signed& s = signed_[next];
    const Checkpoint& c = s.checkpoint;
    if (c.size > chain_.records()) return {};
    const bool follows = last_signed_.line.empty()
                             ? c.number == 1
                             : c.number == last_signed_.checkpoint.number + 1 &&
                                   c.previous == checkpoint_hash(last_signed_.line);
    if (c.size < chain_.records() || !follows || c.hash != chain_.hash() ||
        c.root != chain_.peaks().root())
        return damaged("checkpoint " + std::to_string(c.number) + " does not go with the records");
    last_signed_ = s;
    ++next;
    return {};
}

Status Recovery::scan() {
    const auto reader = TRY(LineReader::open_segment(log_.settings_.folder, files_));
    std::size_t covered = 0;
    std::string_view line;
    while (true) {
        const LineReader::Got got = reader->next(line);
        if (got == LineReader::Got::failed) return failure(reader->error());
        good_bytes_ = reader->offset();
        if (got != LineReader::Got::line) break;
        if (chain_.sealed() && chain_.segment() == files_.segment)
            return damaged("there is a record behind segment.sealed");
        Chain before = chain_;
        const auto wrong =
            chain_.accept(line, [this](const Hash& node) { tree_ += bytes_of(node); });
        if (wrong) {
            chain_ = std::move(before);
            break;
        }
        if (chain_.segment() != files_.segment) return damaged("it holds another segment");
        if (is_indexed(chain_.records(), chain_.segment_records() == 1))
            append_index_line(index_, chain_.records(), reader->offset(), chain_.wall_ns());
        TRY_STATUS(check_signed(covered));
        good_bytes_ += line.size() + 1;
    }
    if (covered != signed_.size())
        return damaged("its records end before what checkpoint " +
                       std::to_string(signed_[covered].checkpoint.number) + " covers");
    return {};
}

// What is behind the last good record goes into a file of its own.
Status Recovery::save_torn(uint64_t recovery_seq) {
    const SegmentPaths paths(log_.settings_.folder, files_.segment);
    const std::string torn = TRY(read_from(paths.records, good_bytes_));
    torn_bytes_ = torn.size();
    torn_sha256_ = hex(sha256(torn));
    if (torn.empty()) return {};
    const std::string path = paths.torn(recovery_seq);
    torn_name_ = path.substr(path.rfind('/') + 1);
    return replace_file(path, torn, 0440);
}

Status Recovery::rewrite_files() {
    const SegmentPaths paths(log_.settings_.folder, files_.segment);
    TRY_STATUS(replace_file(paths.tree, tree_, 0640));
    TRY_STATUS(replace_file(paths.index, index_, 0640));
    log_.files_ = TRY(Log::OpenFiles::open(log_.settings_.folder, files_.segment, 0));
    TRY_STATUS(log_.disk_.truncate(log_.files_.records, paths.records, good_bytes_));
    TRY_STATUS(log_.disk_.sync(log_.files_.records, paths.records));
    TRY_STATUS(log_.disk_.truncate(log_.files_.checkpoints, paths.checkpoints, checkpoint_bytes_));
    return log_.disk_.sync(log_.files_.checkpoints, paths.checkpoints);
}

void Recovery::hand_over() {
    log_.log_id_ = chain_.log();
    log_.seq_ = log_.durable_seq_ = log_.written_seq_ = chain_.records();
    log_.segment_ = files_.segment;
    log_.segment_records_ = chain_.segment_records();
    log_.hash_ = chain_.hash();
    log_.peaks_ = chain_.peaks();
    log_.wall_ns_ = chain_.wall_ns();
    log_.segment_began_ns_ = log_.clocks_.mono_ns();
    log_.durable_bytes_ = good_bytes_;
    log_.tree_bytes_ = tree_.size();
    log_.index_bytes_ = index_.size();
    log_.checkpoint_bytes_ = checkpoint_bytes_;
    log_.last_checkpoint_ = last_signed_.checkpoint;
    log_.last_checkpoint_line_ = last_signed_.line;
}

// Of a segment that has not even its first line: the tree's peaks come from the files of the
// segments before it, proven by the last checkpoint.
Status Recovery::begin_empty_segment() {
    if (files_.segment == 1) {
        Random random;
        append_hex(log_.log_id_, random.trace_id());
    } else {
        const uint64_t size = chain_.records();
        const auto nodes = TRY(open_nodes(log_.settings_.folder));
        std::vector<Hash> peaks;
        uint64_t first = 0;
        for (unsigned bit = 64; bit-- > 0;) {
            if ((size >> bit & 1) == 0) continue;
            const auto peak = nodes(node_number(first, bit));
            if (!peak) return damaged("the tree files are incomplete");
            peaks.push_back(*peak);
            first += uint64_t{1} << bit;
        }
        auto restored = Peaks::restore(size, std::move(peaks));
        if (!restored || restored->root() != last_signed_.checkpoint.root)
            return damaged("the tree files are not what was signed");
        log_.peaks_ = std::move(*restored);
    }
    log_.begin_segment();
    return {};
}

// A crash came while it was being sealed, or before the next one was begun.
Status Recovery::leave_sealed_segment() {
    log_.sealed_ = true;
    if (last_signed_.checkpoint.size == chain_.records()) {
        if (files_.plain) TRY_STATUS(log_.make_read_only());
        return log_.go_to_next();
    }
    if (!files_.plain) return damaged("it is compressed and not signed to its end");
    log_.files_ = TRY(Log::OpenFiles::open(log_.settings_.folder, files_.segment, 0));
    return log_.seal();
}

Status Recovery::run() {
    files_ = listing_.segments.back();
    keys_ = TRY(load_public_keys(log_.settings_.folder + "/audit.pub"));
    if (!files_.has_records()) return damaged("its records are missing");
    TRY_STATUS(begin_behind_previous());
    signed_ = TRY(read_checkpoints(files_.segment, checkpoint_bytes_));
    TRY_STATUS(scan());
    const bool empty = chain_.segment() != files_.segment;
    const bool stopped = chain_.stopped() && last_signed_.checkpoint.size == chain_.records();
    const bool sealed = !empty && chain_.sealed();
    hand_over();
    if (sealed) {
        TRY_STATUS(leave_sealed_segment());
    } else {
        TRY_STATUS(save_torn(chain_.records() + (empty ? 2 : 1)));
        TRY_STATUS(rewrite_files());
        if (empty) TRY_STATUS(begin_empty_segment());
    }
    if (stopped && torn_bytes_ == 0) return log_.start("log.started", {});
    std::string torn = ",\"torn\":{\"bytes\":";
    append_u64(torn, torn_bytes_);
    torn += ",\"sha256\":\"" + (torn_sha256_.empty() ? hex(sha256({})) : torn_sha256_) +
            "\",\"file\":\"" + torn_name_ + "\"}";
    return log_.start("log.recovered", torn);
}

}  // namespace glassgate::audit
