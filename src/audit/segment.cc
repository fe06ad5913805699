#include "audit/segment.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "audit/line.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;

// The number in "audit-00000001.rest"; nothing when it is spelt otherwise.
std::optional<uint64_t> segment_of(std::string_view name, std::string_view& rest) {
    constexpr std::string_view kPrefix = "audit-";
    if (!name.starts_with(kPrefix)) return std::nullopt;
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const std::string_view digits = name.substr(kPrefix.size(), dot - kPrefix.size());
    const auto number = parse_u64(digits);
    if (!number || *number == 0 || digits.size() < 8) return std::nullopt;
    if (digits.size() > 8 && digits.front() == '0') return std::nullopt;
    rest = name.substr(dot + 1);
    return number;
}

bool note_file(SegmentFiles& files, std::string_view rest) {
    if (rest == "jsonl")
        files.plain = true;
    else if (rest == "jsonl.zst")
        files.compressed = true;
    else if (rest == "checkpoints")
        files.checkpoints = true;
    else if (rest == "tree")
        files.tree = true;
    else if (rest == "index")
        files.index = true;
    else
        return rest.starts_with("torn-");
    return true;
}

class PlainReader final : public LineReader {
public:
    PlainReader(File file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

private:
    std::optional<std::size_t> read_some(char* into, std::size_t room) override {
        while (true) {
            const ssize_t got = ::read(file_.fd(), into, room);
            if (got >= 0) return static_cast<std::size_t>(got);
            if (errno == EINTR) continue;
            error_ = failure_errno("read " + path_, errno).error().message;
            return std::nullopt;
        }
    }
    File file_;
    std::string path_;
};

class ZstdReader final : public LineReader {
public:
    ZstdReader(File file, std::string path)
        : file_(std::move(file)), path_(std::move(path)), stream_(ZSTD_createDStream()) {
        ZSTD_initDStream(stream_);
    }
    ~ZstdReader() override { ZSTD_freeDStream(stream_); }
    ZstdReader(const ZstdReader&) = delete;
    ZstdReader& operator=(const ZstdReader&) = delete;

private:
    std::optional<std::size_t> read_some(char* into, std::size_t room) override {
        ZSTD_outBuffer out{into, room, 0};
        while (out.pos == 0) {
            if (in_.pos == in_.size && !file_ended_ && !refill()) return std::nullopt;
            if (in_.pos == in_.size && file_ended_) {
                if (whole_frame_) return 0;
                error_ = path_ + ": the compressed data is cut off";
                return std::nullopt;
            }
            const std::size_t hint = ZSTD_decompressStream(stream_, &out, &in_);
            if (ZSTD_isError(hint) != 0) {
                error_ = path_ + ": " + ZSTD_getErrorName(hint);
                return std::nullopt;
            }
            whole_frame_ = hint == 0;
        }
        return out.pos;
    }
    bool refill() {
        const ssize_t got = ::read(file_.fd(), compressed_.data(), compressed_.size());
        if (got < 0) {
            error_ = failure_errno("read " + path_, errno).error().message;
            return false;
        }
        file_ended_ = got == 0;
        in_ = {compressed_.data(), static_cast<std::size_t>(got), 0};
        return true;
    }
    File file_;
    std::string path_;
    ZSTD_DStream* stream_;
    std::vector<char> compressed_ = std::vector<char>(ZSTD_DStreamInSize());
    ZSTD_inBuffer in_{nullptr, 0, 0};
    bool file_ended_ = false, whole_frame_ = true;
};

}  // namespace

SegmentPaths::SegmentPaths(const std::string& folder, uint64_t segment) {
    char name[40];
    std::snprintf(name, sizeof name, "/audit-%08llu.", static_cast<unsigned long long>(segment));
    stem_ = folder + name;
    records = stem_ + "jsonl";
    compressed = stem_ + "jsonl.zst";
    checkpoints = stem_ + "checkpoints";
    tree = stem_ + "tree";
    index = stem_ + "index";
}

std::string SegmentPaths::torn(uint64_t seq) const { return stem_ + "torn-" + std::to_string(seq); }

Result<Listing> list_log(const std::string& folder) {
    Listing listing;
    std::map<uint64_t, SegmentFiles> by_number;
    for (const std::string& name : TRY(names_in(folder))) {
        std::string_view rest;
        if (name.starts_with("deletion-") && name.ends_with(".json")) {
            listing.deletions.push_back(folder + "/" + name);
        } else if (const auto number = segment_of(name, rest)) {
            SegmentFiles& files = by_number[*number];
            files.segment = *number;
            if (!note_file(files, rest)) listing.strange.push_back(name);
        } else if (name.starts_with("audit-")) {
            listing.strange.push_back(name);
        }
    }
    for (const auto& [number, files] : by_number) listing.segments.push_back(files);
    return listing;
}

Result<std::unique_ptr<LineReader>> LineReader::open_plain(const std::string& path,
                                                           uint64_t offset) {
    File file = TRY(File::open(path, O_RDONLY));
    if (offset != 0 && ::lseek(file.fd(), static_cast<off_t>(offset), SEEK_SET) < 0)
        return failure_errno("seek " + path, errno);
    std::unique_ptr<LineReader> reader(new PlainReader(std::move(file), path));
    reader->offset_ = reader->next_offset_ = offset;
    return reader;
}

Result<std::unique_ptr<LineReader>> LineReader::open_zstd(const std::string& path) {
    File file = TRY(File::open(path, O_RDONLY));
    return std::unique_ptr<LineReader>(new ZstdReader(std::move(file), path));
}

Result<std::unique_ptr<LineReader>> LineReader::open_segment(const std::string& folder,
                                                             const SegmentFiles& files) {
    const SegmentPaths paths(folder, files.segment);
    return files.plain ? open_plain(paths.records) : open_zstd(paths.compressed);
}

LineReader::Got LineReader::next(std::string_view& line) {
    std::size_t looked_at = 0;
    while (true) {
        const char* const from = buffer_.data() + begin_;
        const std::size_t here = end_ - begin_;
        const void* const lf =
            here > looked_at ? std::memchr(from + looked_at, '\n', here - looked_at) : nullptr;
        if (lf != nullptr) {
            line = {from, static_cast<std::size_t>(static_cast<const char*>(lf) - from)};
            begin_ += line.size() + 1;
            offset_ = next_offset_;
            next_offset_ += line.size() + 1;
            return Got::line;
        }
        looked_at = here;
        if (ended_ || here > kMaxLineBytes) {
            offset_ = next_offset_;
            line = {from, here};
            return here == 0 ? Got::end : Got::torn;
        }
        if (buffer_.empty()) buffer_.resize(kReadBytes + kMaxLineBytes + 1);
        if (here != 0) std::memmove(buffer_.data(), from, here);
        begin_ = 0, end_ = here;
        const auto got = read_some(buffer_.data() + end_, buffer_.size() - end_);
        if (!got) {
            offset_ = next_offset_;
            return Got::failed;
        }
        end_ += *got;
        ended_ = *got == 0;
    }
}

}  // namespace glassgate::audit
