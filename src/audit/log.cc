#include "audit/log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "audit/derived.h"
#include "audit/instant.h"
#include "audit/recovery.h"
#include "audit/segment.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

constexpr mode_t kOpenMode = 0640, kSealedMode = 0440;
constexpr uint64_t kOwnBytes = 64 * 1024;         // for the log's own records
constexpr std::size_t kUnsyncedBytes = 4u << 20;  // more than that is synced unasked
constexpr uint64_t kTreeShare = 4;  // tree bytes are at most a quarter of the records' bytes

std::string hidden(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return path.substr(0, slash + 1) + ".next-" + path.substr(slash + 1);
}

Status rename_file(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return failure_errno("rename " + from, errno);
    return {};
}

Result<File> lock_folder(const std::string& folder) {
    File file = TRY(File::open(folder + "/lock", O_RDWR | O_CREAT, kOpenMode));
    if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) return file;
    if (errno == EWOULDBLOCK) return failure("audit log " + folder + ": another process writes it");
    return failure_errno("lock " + folder, errno);
}

// The key must be in audit.pub, for whoever verifies without a copy of his own.
Status publish(const std::string& folder, const PublicKey& key) {
    const std::string path = folder + "/audit.pub";
    std::string text;
    if (exists(path)) text = TRY(read_whole(path, 1 << 20));
    if (text.find(key.pem()) != std::string::npos) return {};
    return replace_file(path, text + key.pem(), 0644);
}

Result<SigningKey> own_key(const LogSettings& settings) {
    if (exists(settings.key_path) || !settings.generate_key)
        return SigningKey::load(settings.key_path);
    return SigningKey::generate(settings.key_path);
}

}  // namespace

Clocks real_clocks() noexcept {
    return {[]() noexcept { return wall_now_ns(); }, []() noexcept { return mono_now_ns(); }};
}

Log::Log(const LogSettings& settings, Clocks clocks, Disk& disk, SigningKey key)
    : settings_(settings), clocks_(clocks), disk_(disk), key_(std::move(key)) {
    clock_offset_ = clocks_.wall_ns() - clocks_.mono_ns();
}

Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(const LogSettings& settings, Clocks clocks, Disk& disk) {
    TRY_STATUS(make_folder(settings.folder, 0750));
    File lock = TRY(lock_folder(settings.folder));
    SigningKey key = TRY(own_key(settings));
    TRY_STATUS(publish(settings.folder, key.public_key()));
    std::unique_ptr<Log> log(new Log(settings, clocks, disk, std::move(key)));
    log->lock_ = std::move(lock);
    for (const std::string& name : TRY(names_in(settings.folder)))
        if (name.starts_with(".next-")) (void)::unlink((settings.folder + "/" + name).c_str());
    const Listing listing = TRY(list_log(settings.folder));
    if (listing.segments.empty()) {
        TRY_STATUS(log->begin_log());
    } else {
        Recovery recovery(*log, listing);
        TRY_STATUS(recovery.run());
    }
    return log;
}

Status Log::begin_log() {
    Random random;
    append_hex(log_id_, random.trace_id());
    segment_ = 1;
    files_ = TRY(OpenFiles::open(settings_.folder, segment_, O_EXCL));
    TRY_STATUS(sync_folder(settings_.folder));
    begin_segment();
    return start("log.started", {});
}

// log.started or log.recovered; `more`: further keys, each with a comma before it.
Status Log::start(std::string_view type, std::string_view more) {
    std::string body = "\"type\":\"" + std::string(type) + "\",\"gateway\":";
    append_json_string(body, settings_.gateway);
    body += ",\"version\":";
    append_json_string(body, settings_.version);
    body += ",\"key\":\"";
    append_hex(body, key_.public_key().id());
    body += "\",\"checkpoint\":{\"records\":";
    append_u64(body, settings_.checkpoint_records);
    body += ",\"ms\":";
    append_u64(body, settings_.checkpoint_ns / kNsPerMs);
    body += '}';
    body += more;
    append_at(body, clocks_.wall_ns());
    TRY_STATUS(commit(true));
    return checkpoint();
}

// ---- appending
// ---------------------------------------------------------------------------------

uint64_t Log::append(std::string_view body) {
    append_at(body, look_at_clocks());
    return seq_;
}

void Log::append_at(std::string_view body, uint64_t wall_ns) {
    GW_CHECK(!sealed_ && body.size() + kLineOverheadBytes <= kMaxLineBytes);
    const std::size_t begin = pending_.size();
    hash_ = append_line(pending_, seq_ + 1, wall_ns, body, hash_);
    ++seq_;
    ++segment_records_;
    wall_ns_ = wall_ns;
    const std::string_view line(pending_.data() + begin, pending_.size() - begin - 1);
    if (is_indexed(seq_, segment_records_ == 1))
        append_index_line(index_pending_, seq_, durable_bytes_ + begin, wall_ns);
    peaks_.append(leaf_hash(line), [this](const Hash& node) { tree_pending_ += bytes_of(node); });
    if (checkpoint_due_ns_ == 0) checkpoint_due_ns_ = clocks_.mono_ns() + settings_.checkpoint_ns;
}

// The time of the next record. A clock that was set is recorded first.
uint64_t Log::look_at_clocks() {
    const uint64_t mono_ns = clocks_.mono_ns(), wall_ns = clocks_.wall_ns();
    const uint64_t expected_ns = mono_ns + clock_offset_;
    const auto step_ns = static_cast<int64_t>(wall_ns - expected_ns);
    clock_offset_ = wall_ns - mono_ns;
    const auto limit_ns = static_cast<int64_t>(settings_.clock_step_ns);
    if (step_ns < limit_ns && step_ns > -limit_ns) return std::max(wall_ns, wall_ns_);
    append_at("\"type\":\"clock.step\",\"before\":\"" + instant(expected_ns) + "\",\"after\":\"" +
                  instant(wall_ns) +
                  "\",\"step_ms\":" + std::to_string(step_ns / int64_t{kNsPerMs}),
              wall_ns);
    return wall_ns;
}

void Log::begin_segment() {
    segment_records_ = 0;
    segment_began_ns_ = clocks_.mono_ns();
    sealed_ = false;
    append_at(opening_body({log_id_, segment_, peaks_}), std::max(clocks_.wall_ns(), wall_ns_));
}

// ---- onto the disk
// -----------------------------------------------------------------------------

Result<Log::OpenFiles> Log::OpenFiles::open(const std::string& folder, uint64_t segment,
                                            int more_flags) {
    const SegmentPaths paths(folder, segment);
    const int flags = O_RDWR | O_CREAT | more_flags;
    OpenFiles files;
    files.records = TRY(File::open(paths.records, flags, kOpenMode));
    files.checkpoints = TRY(File::open(paths.checkpoints, flags, kOpenMode));
    files.tree = TRY(File::open(paths.tree, flags, kOpenMode));
    files.index = TRY(File::open(paths.index, flags, kOpenMode));
    return files;
}

Status Log::write_records(bool sync) {
    const SegmentPaths paths(settings_.folder, segment_);
    if (broken_) {
        files_.records = TRY(File::open(paths.records, O_RDWR));
        TRY_STATUS(disk_.truncate(files_.records, paths.records, durable_bytes_));
        pending_written_ = 0;
        allocated_bytes_ = durable_bytes_;
        broken_ = false;
    }
    const std::string_view rest = std::string_view(pending_).substr(pending_written_);
    Status status;
    if (!rest.empty())
        status =
            disk_.write(files_.records, paths.records, rest, durable_bytes_ + pending_written_);
    if (status) {
        pending_written_ = pending_.size();
        written_seq_ = seq_;
        if (!pending_.empty() && (sync || pending_.size() > kUnsyncedBytes)) {
            status = disk_.sync(files_.records, paths.records);
            if (status) {
                durable_bytes_ += pending_.size();
                durable_seq_ = seq_;
                pending_.clear();
                pending_written_ = 0;
            }
        }
    }
    broken_ = !status;
    return status;
}

Status Log::write_derived() {
    const SegmentPaths paths(settings_.folder, segment_);
    TRY_STATUS(disk_.write(files_.tree, paths.tree, tree_pending_, tree_bytes_));
    tree_bytes_ += tree_pending_.size();
    tree_pending_.clear();
    TRY_STATUS(disk_.write(files_.index, paths.index, index_pending_, index_bytes_));
    index_bytes_ += index_pending_.size();
    index_pending_.clear();
    return {};
}

bool Log::is_full() const noexcept {
    // Seals nothing that holds no more than its own beginning.
    return segment_records_ > 2 &&
           (durable_bytes_ + pending_.size() >= settings_.segment_bytes ||
            clocks_.mono_ns() - segment_began_ns_ >= settings_.segment_age_ns);
}

bool Log::checkpoint_is_due() const noexcept {
    return checkpoint_due_ns_ != 0 &&
           (clocks_.mono_ns() >= checkpoint_due_ns_ ||
            seq_ - last_checkpoint_.size >= settings_.checkpoint_records);
}

Status Log::commit(bool sync) {
    const bool due = checkpoint_is_due() || !checkpoint_pending_.empty();
    TRY_STATUS(write_records(sync || due || sealed_));
    TRY_STATUS(write_derived());
    if (due) TRY_STATUS(write_checkpoint());
    if (sealed_ || (is_full() && prepare_next())) TRY_STATUS(seal());
    ensure_room();
    return {};
}

Status Log::checkpoint() {
    TRY_STATUS(write_records(true));
    TRY_STATUS(write_derived());
    return write_checkpoint();
}

// Everything appended must be durable.
Status Log::write_checkpoint() {
    if (checkpoint_pending_.empty()) {
        if (last_checkpoint_.size == seq_) return {};
        GW_CHECK(durable_seq_ == seq_);
        Checkpoint next;
        next.number = last_checkpoint_.number + 1;
        next.log = log_id_;
        next.size = seq_;
        next.root = peaks_.root();
        next.hash = hash_;
        next.segment = segment_;
        next.wall_ns = std::max(clocks_.wall_ns(), wall_ns_);
        if (next.number > 1) next.previous = checkpoint_hash(last_checkpoint_line_);
        checkpoint_pending_ = sign_checkpoint(next, key_) + "\n";
        last_checkpoint_ = std::move(next);
    }
    // One that was signed is written as it is, however often it takes: there are never two of the
    // same number.
    const SegmentPaths paths(settings_.folder, segment_);
    TRY_STATUS(
        disk_.write(files_.checkpoints, paths.checkpoints, checkpoint_pending_, checkpoint_bytes_));
    TRY_STATUS(disk_.sync(files_.checkpoints, paths.checkpoints));
    checkpoint_bytes_ += checkpoint_pending_.size();
    checkpoint_pending_.pop_back();
    last_checkpoint_line_ = std::move(checkpoint_pending_);
    checkpoint_pending_.clear();
    checkpoint_due_ns_ =
        last_checkpoint_.size == seq_ ? 0 : clocks_.mono_ns() + settings_.checkpoint_ns;
    return {};
}

// ---- from segment to segment
// -------------------------------------------------------------------

Status Log::prepare_next() {
    const SegmentPaths next(settings_.folder, segment_ + 1);
    const std::string path = hidden(next.records);
    const File file = TRY(File::open(path, O_RDWR | O_CREAT, kOpenMode));
    Status status = disk_.allocate(file, path, 0, settings_.room_bytes + 2 * kOwnBytes);
    if (!status) {
        room_problem_ = status.error().message;
        (void)::unlink(path.c_str());
    }
    return status;
}

// Goes on where it was when it had failed half-way.
Status Log::seal() {
    if (!sealed_) {
        append_at(sealing_body(segment_, segment_records_ + 1), look_at_clocks());
        sealed_ = true;
        TRY_STATUS(write_records(true));
        TRY_STATUS(write_derived());
    }
    if (last_checkpoint_.size != seq_ || !checkpoint_pending_.empty())
        TRY_STATUS(write_checkpoint());
    if (last_checkpoint_.size != seq_) TRY_STATUS(write_checkpoint());
    const SegmentPaths paths(settings_.folder, segment_);
    TRY_STATUS(disk_.sync(files_.tree, paths.tree));
    TRY_STATUS(disk_.sync(files_.index, paths.index));
    // What was allocated and not used goes back.
    TRY_STATUS(disk_.truncate(files_.records, paths.records, durable_bytes_));
    TRY_STATUS(disk_.truncate(files_.tree, paths.tree, tree_bytes_));
    TRY_STATUS(make_read_only());
    return go_to_next();
}

Status Log::make_read_only() const {
    const SegmentPaths paths(settings_.folder, segment_);
    for (const std::string& path : {paths.records, paths.checkpoints, paths.tree, paths.index})
        if (::chmod(path.c_str(), kSealedMode) != 0) return failure_errno("seal " + path, errno);
    return {};
}

Status Log::go_to_next() {
    const SegmentPaths next(settings_.folder, segment_ + 1);
    if (exists(hidden(next.records))) TRY_STATUS(rename_file(hidden(next.records), next.records));
    OpenFiles files = TRY(OpenFiles::open(settings_.folder, segment_ + 1, 0));
    TRY_STATUS(sync_folder(settings_.folder));
    files_ = std::move(files);
    ++segment_;
    durable_bytes_ = allocated_bytes_ = tree_bytes_ = tree_allocated_ = index_bytes_ =
        checkpoint_bytes_ = 0;
    begin_segment();
    TRY_STATUS(write_records(true));
    return write_derived();
}

// Keeps room_bytes allocated ahead, and what goes with them into the tree file.
void Log::ensure_room() {
    const SegmentPaths paths(settings_.folder, segment_);
    const uint64_t used = durable_bytes_ + pending_.size();
    const uint64_t wanted = settings_.room_bytes + kOwnBytes;
    room_problem_.clear();
    if (allocated_bytes_ < used + wanted) {
        const uint64_t from = std::max(allocated_bytes_, used);
        uint64_t to = used + wanted + wanted / 4;
        Status status = disk_.allocate(files_.records, paths.records, from, to - from);
        // Where there is not all of it there may be some.
        for (uint64_t less = (to - from) / 2; !status && less >= kOwnBytes; less /= 2) {
            room_problem_ = status.error().message;
            status = disk_.allocate(files_.records, paths.records, from, less);
            to = from + less;
        }
        if (status && tree_allocated_ < tree_bytes_ + to / kTreeShare - used / kTreeShare) {
            const uint64_t tree = (to - used) / kTreeShare;
            status = disk_.allocate(files_.tree, paths.tree, tree_bytes_, tree);
            if (status) tree_allocated_ = tree_bytes_ + tree;
        }
        if (status)
            allocated_bytes_ = to;
        else
            room_problem_ = status.error().message;
    }
    const uint64_t ahead = allocated_bytes_ > used ? allocated_bytes_ - used : 0;
    room_ = std::min(ahead > kOwnBytes ? ahead - kOwnBytes : 0, settings_.room_bytes);
}

Status Log::close() {
    if (!sealed_) append("\"type\":\"log.stopped\"");
    TRY_STATUS(checkpoint());
    if (last_checkpoint_.size != seq_) TRY_STATUS(write_checkpoint());
    const SegmentPaths paths(settings_.folder, segment_);
    // Allocated space behind the end belongs to nobody now.
    TRY_STATUS(disk_.truncate(files_.records, paths.records, durable_bytes_));
    return disk_.truncate(files_.tree, paths.tree, tree_bytes_);
}

uint64_t Log::last_checkpoint_wall_ns() const noexcept {
    return last_checkpoint_line_.empty() ? 0 : last_checkpoint_.wall_ns;
}

}  // namespace glassgate::audit
