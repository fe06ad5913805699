#include "flight/ring.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/clock.h"
#include "store/codec/bits.h"
#include "store/segment/crc32c.h"

namespace glassgate::flight {
namespace {

constexpr std::string_view kJournalName = "/journal";
constexpr std::size_t kQuarantineKept = 2;  // files
constexpr uint64_t kSegmentBytesMax = 16u << 20, kSegmentBytesMin = 64u << 10;

std::vector<std::string> segment_paths(const std::string& directory) {
    std::vector<std::string> paths;
    std::error_code error;
    for (auto it = std::filesystem::directory_iterator(directory, error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error))
        if (it->path().extension() == ".flight") paths.push_back(it->path().string());
    std::sort(paths.begin(), paths.end());
    return paths;
}

// A quarantine that grows would break the promise of max_bytes.
void trim_quarantine(const std::string& directory) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (auto it = std::filesystem::directory_iterator(directory + "/quarantine", error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error))
        files.push_back(it->path());
    std::sort(files.begin(), files.end());
    while (files.size() > kQuarantineKept) {
        std::filesystem::remove(files.front(), error);
        files.erase(files.begin());
    }
}

}  // namespace

Ring::~Ring() {
    if (anonymous_) ::rmdir(directory_.c_str());
}

// --- opening -------------------------------------------------------------------------------------

Result<std::shared_ptr<Ring>> Ring::open(std::string directory, const RingLimits& limits,
                                         store::Disk& disk) {
    TRY_STATUS(store::make_directory(directory));
    std::shared_ptr<Ring> ring(new Ring(std::move(directory), disk));
    ring->lock_ = TRY(store::DirectoryLock::take(ring->directory_));
    ring->limits_ = limits;
    TRY_STATUS(ring->load(false));
    ring->make_room(0);
    ring->bytes_ = ring->bytes_now();
    return ring;
}

Result<std::shared_ptr<Ring>> Ring::open_anonymous(const RingLimits& limits) {
    const char* const base = std::getenv("TMPDIR");
    std::string directory =
        std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/glassgate-flight-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) return failure_errno("create " + directory, errno);
    std::shared_ptr<Ring> ring(new Ring(std::move(directory), store::Disk::real()));
    ring->anonymous_ = true;
    ring->limits_ = limits;
    TRY_STATUS(ring->begin_journal());
    return ring;
}

Result<std::shared_ptr<Ring>> Ring::open_read_only(std::string directory) {
    std::error_code error;
    if (!std::filesystem::is_directory(directory, error))
        return failure(directory + " is not a directory of a flight recorder");
    std::shared_ptr<Ring> ring(new Ring(std::move(directory), store::Disk::real()));
    const bool journal = std::filesystem::exists(ring->directory_ + std::string(kJournalName));
    if (!journal && segment_paths(ring->directory_).empty())
        return failure(ring->directory_ + " holds no files of a flight recorder");
    TRY_STATUS(ring->load(true));
    ring->bytes_ = ring->bytes_now();
    return ring;
}

Status Ring::load(bool read_only) {
    for (const std::string& path : segment_paths(directory_)) {
        std::error_code error;
        if (const auto size = std::filesystem::file_size(path, error);
            !error && size < kFileHeadBytes) {  // a crash while it was begun: nothing was in it
            damage_.torn_bytes += size;
            if (!read_only) ::unlink(path.c_str());
            continue;
        }
        auto segment = Segment::open(disk_, path, read_only, damage_);
        if (!segment) {
            quarantined_.push_back(segment.error().message);
            if (!read_only) store::quarantine(directory_, path);
            continue;
        }
        records_ += (*segment)->records();
        for (const auto& block : (*segment)->blocks())
            next_sequence_ =
                std::max(next_sequence_, block->head.first_sequence + block->head.count());
        segments_.push_back(std::move(*segment));
    }
    if (!read_only) trim_quarantine(directory_);
    const std::string path = directory_ + std::string(kJournalName);
    auto journal = AppendFile::open(disk_, path, read_only);
    FileHead head;
    std::string bytes;
    if (!journal || !journal->read(0, journal->size(), bytes) ||
        !read_file_head(bytes, kJournalMagic, head).empty()) {
        if (journal && journal->size() >= kFileHeadBytes) {
            quarantined_.push_back(path + ": " +
                                   std::string(read_file_head(bytes, kJournalMagic, head)));
            if (!read_only) store::quarantine(directory_, path);
        }
        return read_only ? Status{} : begin_journal();
    }
    uint64_t end = 0;
    read_journal(std::string_view(bytes).substr(kFileHeadBytes), end);
    journal_ = std::move(*journal);
    if (!read_only && end < journal_.size()) TRY_STATUS(journal_.cut(end));
    return {};
}

Status Ring::begin_journal() {
    journal_ = TRY(AppendFile::create(disk_, directory_ + std::string(kJournalName), anonymous_));
    return journal_.append(encode_file_head(kJournalMagic, {0, wall_now_ns()}));
}

// Entries that are in a block already are left out: the crash came between writing the block and
// beginning the journal anew.
void Ring::read_journal(std::string_view bytes, uint64_t& end) {
    damage_ += walk_frames(
        bytes, kFileHeadBytes, end,
        [this](const FrameHead& frame, uint64_t, std::string_view head, std::string_view body) {
            store::ByteReader in(head);
            const uint64_t first = in.u64();
            if (frame.kind != FrameKind::entries || !in.ok()) return;
            if (store::crc32c(body) != frame.body_crc) {
                ++damage_.frames;
                damage_.skipped_bytes += body.size();
                return;
            }
            store::ByteReader entries(body);
            for (uint64_t sequence = first; entries.ok() && !entries.at_end(); ++sequence) {
                const std::string_view entry = entries.text();
                Record record;
                uint64_t key = 0;
                if (sequence < next_sequence_ || open_.size() >= kBlockRecords ||
                    !decode_entry(entry, record, key))
                    continue;
                // A gap: what lies between was lost with a damaged frame.
                if (open_.empty()) next_sequence_ = sequence;
                open_.emplace_back(entry);
                open_bytes_ += entry.size();
                ++next_sequence_;
            }
        });
}

// --- appending -----------------------------------------------------------------------------------

uint64_t Ring::bytes_now() const noexcept {
    uint64_t bytes = journal_.size();
    for (const auto& segment : segments_) bytes += segment->size();
    return bytes;
}

RingLimits Ring::limits() const {
    const std::shared_lock lock(mutex_);
    return limits_;
}

uint64_t Ring::segment_bytes() const {
    return std::clamp(limits().max_bytes / 16, kSegmentBytesMin, kSegmentBytesMax);
}

void Ring::drop_oldest() {
    const std::unique_lock lock(mutex_);
    records_ -= segments_.front()->records();
    if (!anonymous_) ::unlink(segments_.front()->path().c_str());
    segments_.pop_front();
}

void Ring::make_room(uint64_t bytes) {
    const RingLimits now = limits();
    const auto too_much = [&] { return bytes_now() + bytes > now.max_bytes; };
    const auto too_many = [&] {
        return records_ - segments_.front()->records() >= now.max_records;
    };
    while (segments_.size() > 1 && (too_much() || too_many())) drop_oldest();
    if (segments_.size() == 1 && too_much()) drop_oldest();
}

void Ring::set_limits(const RingLimits& limits) {
    const std::unique_lock lock(mutex_);
    limits_ = limits;
}

// The newest segment, with room for so many bytes; a new one if there is none.
Status Ring::prepare_segment(std::size_t bytes) {
    if (!segments_.empty() && segments_.back()->size() + bytes <= segment_bytes()) return {};
    const uint64_t number =
        segments_.empty() ? next_sequence_ / kBlockRecords + 1 : segments_.back()->number() + 1;
    auto segment = TRY(Segment::create(disk_, directory_, number, wall_now_ns(), anonymous_));
    const std::unique_lock lock(mutex_);
    segments_.push_back(std::move(segment));
    return {};
}

// Records of the journal find their plans in a segment.
Status Ring::keep_plans(std::span<const std::string_view> entries, const PlanBytes& plan_bytes) {
    uint64_t last = 0;
    for (const std::string_view entry : entries) {
        if (entry.size() < sizeof(uint64_t)) continue;
        const uint64_t key = store::load_u64(entry.data());
        if (key == 0 || key == last) continue;
        last = key;
        if (!segments_.empty() && segments_.back()->plans().contains(key)) continue;
        std::shared_ptr<const std::string> bytes = plan_bytes ? plan_bytes(key) : nullptr;
        for (auto s = segments_.rbegin(); bytes == nullptr && s != segments_.rend(); ++s)
            if (const auto known = (*s)->plans().find(key); known != (*s)->plans().end())
                bytes = known->second;
        if (bytes == nullptr) continue;
        const std::size_t size = bytes->size() + kFrameHeadBytes;
        make_room(size);
        TRY_STATUS(prepare_segment(size));
        const std::unique_lock lock(mutex_);
        TRY_STATUS(segments_.back()->append_plan(key, std::move(bytes)));
    }
    return {};
}

Status Ring::write_journal(std::span<const std::string_view> entries) {
    std::string head, body;
    store::put_u64(head, next_sequence_);
    for (const std::string_view entry : entries) store::put_text(body, entry);
    frame_.clear();
    put_frame(frame_, FrameKind::entries, head, body);
    make_room(frame_.size());
    return journal_.append(frame_);
}

// The open entries and these, as one block.
Status Ring::write_block(std::span<const std::string_view> entries) {
    std::vector<std::string_view> all(open_.begin(), open_.end());
    all.insert(all.end(), entries.begin(), entries.end());
    BlockHead head;
    frame_.clear();
    writer_.write(
        next_sequence_ - open_.size(), all, [this](uint64_t key) { return plan_of(key); }, head,
        frame_);
    if (!frame_.empty()) {
        make_room(frame_.size());
        TRY_STATUS(prepare_segment(frame_.size()));
        TRY_STATUS(keep_plans(all, nullptr));
        TRY_STATUS(segments_.back()->write(frame_));
    }
    const std::unique_lock lock(mutex_);
    next_sequence_ += entries.size();
    if (!frame_.empty()) {
        records_ += head.count();
        segments_.back()->add(std::move(head), frame_);
    }
    open_.clear();
    open_bytes_ = 0;
    return journal_.cut(kFileHeadBytes);
}

Ring::Appended Ring::append(std::span<const std::string_view> entries,
                            const PlanBytes& plan_bytes) {
    const std::lock_guard turn(append_mutex_);
    const Appended done = append_all(entries, plan_bytes);
    bytes_.store(bytes_now(), std::memory_order_relaxed);
    return done;
}

Ring::Appended Ring::append_all(std::span<const std::string_view> entries,
                                const PlanBytes& plan_bytes) {
    Appended done;
    const auto failed = [&](const Error& error) {
        const std::unique_lock lock(mutex_);
        last_error_ = done.error = error.message;
        return done;
    };
    while (done.entries < entries.size()) {
        auto rest = entries.subspan(done.entries);
        std::size_t fitting = 0, bytes = open_bytes_;
        while (fitting < rest.size() && open_.size() + fitting < kBlockRecords &&
               bytes < kBlockBytes)
            bytes += rest[fitting++].size();
        rest = rest.first(fitting);
        if (Status kept = keep_plans(rest, plan_bytes); !kept) return failed(kept.error());
        const bool whole = open_.size() + fitting >= kBlockRecords || bytes >= kBlockBytes;
        Status written = whole ? write_block(rest) : write_journal(rest);
        if (!written) return failed(written.error());
        done.entries += fitting;
        if (whole) continue;
        const std::unique_lock lock(mutex_);
        for (const std::string_view entry : rest) open_.emplace_back(entry);
        open_bytes_ = bytes;
        next_sequence_ += fitting;
    }
    return done;
}

RingStats Ring::stats() const {
    const std::shared_lock lock(mutex_);
    RingStats stats;
    stats.records = records_ + open_.size();
    stats.bytes = bytes_.load(std::memory_order_relaxed);
    stats.segments = segments_.size();
    stats.next_sequence = next_sequence_;
    stats.damage = damage_;
    stats.damage.frames += damaged_blocks_.load(std::memory_order_relaxed);
    stats.quarantined = quarantined_;
    stats.last_error = last_error_;
    for (const auto& segment : segments_) {
        if (segment->blocks().empty()) continue;
        stats.oldest_at_ns = segment->blocks().front()->head.first_at_ns;
        break;
    }
    return stats;
}

}  // namespace glassgate::flight
