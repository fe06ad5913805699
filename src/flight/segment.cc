#include "flight/segment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "store/segment/crc32c.h"

namespace glassgate::flight {
namespace {

constexpr mode_t kMode = 0640;
constexpr std::size_t kReadAhead = 16 * 1024;  // a frame's head, mostly with all it needs

std::string name_of(uint64_t number) {
    char name[40];
    std::snprintf(name, sizeof name, "/%012llu.flight", static_cast<unsigned long long>(number));
    return name;
}

}  // namespace

// --- file ----------------------------------------------------------------------------------------

Result<AppendFile> AppendFile::create(store::Disk& disk, std::string path, bool anonymous) {
    AppendFile out;
    out.file_ = store::FileHandle(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, kMode));
    if (!out.file_.open()) return failure_errno("create " + path, errno);
    if (anonymous) ::unlink(path.c_str());
    out.disk_ = &disk;
    out.path_ = std::move(path);
    return out;
}

Result<AppendFile> AppendFile::open(store::Disk& disk, std::string path, bool read_only) {
    AppendFile out;
    const int flags = read_only ? O_RDONLY : O_RDWR | O_APPEND;
    out.file_ = store::FileHandle(::open(path.c_str(), flags | O_CLOEXEC));
    if (!out.file_.open()) return failure_errno("open " + path, errno);
    struct stat about{};
    if (fstat(out.file_.get(), &about) != 0) return failure_errno("stat " + path, errno);
    out.size_ = static_cast<uint64_t>(about.st_size);
    out.disk_ = &disk;
    out.path_ = std::move(path);
    return out;
}

Status AppendFile::append(std::string_view bytes) {
    std::size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t n = disk_->write(file_.get(), bytes.data() + written, bytes.size() - written);
        if (n > 0) {
            written += static_cast<std::size_t>(n);
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        const int error = n == 0 ? ENOSPC : errno;
        // A reader skips what cannot be taken back: it has no valid checksum.
        if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) size_ += written;
        return failure_errno("write " + path_, error);
    }
    size_ += bytes.size();
    return {};
}

Status AppendFile::cut(uint64_t size) {
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
        return failure_errno("truncate " + path_, errno);
    size_ = size;
    return {};
}

Status AppendFile::read(uint64_t offset, std::size_t count, std::string& out) const {
    out.resize(count);
    std::size_t got = 0;
    while (got < count) {
        const ssize_t n =
            ::pread(file_.get(), out.data() + got, count - got, static_cast<off_t>(offset + got));
        if (n > 0)
            got += static_cast<std::size_t>(n);
        else if (n == 0)
            break;
        else if (errno != EINTR)
            return failure_errno("read " + path_, errno);
    }
    out.resize(got);
    return {};
}

// --- segment -------------------------------------------------------------------------------------

Result<std::unique_ptr<Segment>> Segment::create(store::Disk& disk, const std::string& directory,
                                                 uint64_t number, uint64_t wall_ns,
                                                 bool anonymous) {
    auto segment = std::make_unique<Segment>();
    segment->file_ = TRY(AppendFile::create(disk, directory + name_of(number), anonymous));
    segment->head_ = {number, wall_ns};
    if (Status written = segment->file_.append(encode_file_head(kSegmentMagic, segment->head_));
        !written) {
        ::unlink(segment->path().c_str());
        return std::unexpected(written.error());
    }
    return segment;
}

Result<std::unique_ptr<Segment>> Segment::open(store::Disk& disk, std::string path, bool read_only,
                                               Damage& damage) {
    auto segment = std::make_unique<Segment>();
    segment->file_ = TRY(AppendFile::open(disk, std::move(path), read_only));
    std::string head;
    TRY_STATUS(segment->file_.read(0, kFileHeadBytes, head));
    if (const auto wrong = read_file_head(head, kSegmentMagic, segment->head_); !wrong.empty())
        return failure(segment->path() + ": " + std::string(wrong));
    damage += segment->read_heads(read_only);
    return segment;
}

void Segment::take(const FrameHead& frame, uint64_t offset, std::string_view head,
                   std::string_view body) {
    if (frame.kind == FrameKind::plan) {
        if (store::crc32c(body) == frame.body_crc)
            plans_.try_emplace(plan_key(body), std::make_shared<const std::string>(body));
        return;
    }
    auto block = std::make_shared<BlockRef>();
    if (frame.kind != FrameKind::block || !block->head.read(head)) return;
    block->offset = offset + kFrameHeadBytes + frame.head_bytes;
    block->bytes = frame.body_bytes;
    block->crc = frame.body_crc;
    records_ += block->head.count();
    blocks_.push_back(std::move(block));
}

// From head to head; only behind a damaged one everything is read.
Damage Segment::read_heads(bool read_only) {
    Damage damage;
    std::string bytes, body;
    uint64_t at = kFileHeadBytes;
    const uint64_t size = file_.size();
    while (at < size) {
        FrameHead frame;
        if (!file_.read(at, kReadAhead, bytes)) break;
        const bool known = read_frame_head(bytes, frame) && at + frame.bytes() <= size;
        const std::size_t head_end = kFrameHeadBytes + std::size_t{frame.head_bytes};
        if (known && bytes.size() < head_end) (void)file_.read(at, head_end, bytes);
        if (known && bytes.size() >= head_end &&
            head_is_sound(frame, bytes,
                          std::string_view(bytes).substr(kFrameHeadBytes, frame.head_bytes))) {
            const std::string head = bytes.substr(kFrameHeadBytes, frame.head_bytes);
            if (frame.kind == FrameKind::plan)
                (void)file_.read(at + head_end, frame.body_bytes, body);
            take(frame, at, head, body);
            at += frame.bytes();
            continue;
        }
        if (!file_.read(at, size - at, bytes)) break;
        damage += walk_frames(bytes, at, at,
                              [this](const FrameHead& f, uint64_t offset, std::string_view h,
                                     std::string_view b) { take(f, offset, h, b); });
        break;
    }
    forget_torn_body(damage, at);
    if (at < size && !read_only) (void)file_.cut(at);
    return damage;
}

// A crash of the machine may leave a last block whose head is on the disk and whose body is not.
void Segment::forget_torn_body(Damage& damage, uint64_t& end) {
    std::string body;
    if (blocks_.empty() || blocks_.back()->offset + blocks_.back()->bytes != end ||
        read_body(*blocks_.back(), body))
        return;
    const BlockRef& last = *blocks_.back();
    BlockHead head = last.head;
    std::string bytes;
    head.write(bytes);
    const uint64_t start = last.offset - bytes.size() - kFrameHeadBytes;
    damage.torn_bytes += end - start;
    end = start;
    records_ -= last.head.count();
    blocks_.pop_back();
}

bool Segment::read_body(const BlockRef& block, std::string& out) const {
    return file_.read(block.offset, block.bytes, out) && out.size() == block.bytes &&
           store::crc32c(out) == block.crc;
}

Status Segment::append_plan(uint64_t key, std::shared_ptr<const std::string> bytes) {
    if (plans_.contains(key)) return {};
    std::string frame;
    put_frame(frame, FrameKind::plan, {}, *bytes);
    TRY_STATUS(file_.append(frame));
    plans_.emplace(key, std::move(bytes));
    return {};
}

void Segment::add(BlockHead head, std::string_view frame) {
    FrameHead fixed;
    (void)read_frame_head(frame, fixed);
    auto block = std::make_shared<BlockRef>();
    block->offset = file_.size() - fixed.body_bytes;
    block->bytes = fixed.body_bytes;
    block->crc = fixed.body_crc;
    block->head = std::move(head);
    records_ += block->head.count();
    blocks_.push_back(std::move(block));
}

}  // namespace glassgate::flight
