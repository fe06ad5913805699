#include "audit/compress.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "audit/files.h"
#include "audit/hash.h"
#include "audit/segment.h"

namespace glassgate::audit {
namespace {

constexpr int kLevel = 6;
constexpr mode_t kMode = 0440;

struct StreamDeleter {
    void operator()(ZSTD_CStream* stream) const noexcept { ZSTD_freeCStream(stream); }
};

// The content of a segment as it would be uncompressed.
Result<Hash> content_hash(LineReader& reader) {
    Sha256 digest;
    std::string_view line;
    LineReader::Got got;
    while ((got = reader.next(line)) == LineReader::Got::line) {
        digest.add(line);
        digest.add("\n");
    }
    if (got != LineReader::Got::end)
        return failure(got == LineReader::Got::failed ? reader.error() : "an unfinished last line");
    return digest.finish();
}

Status compress_file(const std::string& from, const std::string& to) {
    const std::unique_ptr<ZSTD_CStream, StreamDeleter> stream(ZSTD_createCStream());
    ZSTD_initCStream(stream.get(), kLevel);
    ZSTD_CCtx_setParameter(stream.get(), ZSTD_c_checksumFlag, 1);
    const File in = TRY(File::open(from, O_RDONLY));
    const File out = TRY(File::open(to, O_WRONLY | O_CREAT | O_TRUNC, 0640));
    std::vector<char> plain(ZSTD_CStreamInSize()), packed(ZSTD_CStreamOutSize());
    while (true) {
        const ssize_t got = ::read(in.fd(), plain.data(), plain.size());
        if (got < 0) return failure_errno("read " + from, errno);
        ZSTD_inBuffer input{plain.data(), static_cast<std::size_t>(got), 0};
        const ZSTD_EndDirective mode = got == 0 ? ZSTD_e_end : ZSTD_e_continue;
        std::size_t left = 1;
        while (mode == ZSTD_e_end ? left != 0 : input.pos < input.size) {
            ZSTD_outBuffer output{packed.data(), packed.size(), 0};
            left = ZSTD_compressStream2(stream.get(), &output, &input, mode);
            if (ZSTD_isError(left) != 0)
                return failure("compress " + from + ": " + ZSTD_getErrorName(left));
            TRY_STATUS(write_all(out, to, {packed.data(), output.pos}));
        }
        if (got == 0) break;
    }
    return sync_file(out, to);
}

bool is_link(const std::string& path) {
    struct stat info{};
    return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

Status copy_file(const std::string& from, const std::string& to) {
    const std::string bytes = TRY(read_whole(from, std::size_t{1} << 34));
    if (exists(to)) {
        if (TRY(read_whole(to, std::size_t{1} << 34)) == bytes) return {};
        return failure(to + " is already there, and is something else");
    }
    return write_new_file(to, bytes, kMode);
}

}  // namespace

Status compress_segment(const std::string& folder, uint64_t segment) {
    const SegmentPaths paths(folder, segment);
    const std::size_t slash = paths.compressed.rfind('/');
    const std::string fresh = folder + "/." + paths.compressed.substr(slash + 1) + ".new";
    TRY_STATUS(compress_file(paths.records, fresh));
    const auto before = TRY(LineReader::open_plain(paths.records));
    const auto after = TRY(LineReader::open_zstd(fresh));
    if (TRY(content_hash(*before)) != TRY(content_hash(*after)))
        return failure("compress " + paths.records + ": it does not read back the same");
    if (::chmod(fresh.c_str(), kMode) != 0) return failure_errno("chmod " + fresh, errno);
    if (::rename(fresh.c_str(), paths.compressed.c_str()) != 0)
        return failure_errno("rename " + fresh, errno);
    TRY_STATUS(sync_folder(folder));
    if (::unlink(paths.records.c_str()) != 0)
        return failure_errno("remove " + paths.records, errno);
    return sync_folder(folder);
}

Result<uint64_t> compress_sealed(const std::string& folder) {
    const Listing listing = TRY(list_log(folder));
    uint64_t done = 0;
    // The last one may be open; every other one is sealed.
    for (std::size_t i = 0; i + 1 < listing.segments.size(); ++i) {
        if (!listing.segments[i].plain) continue;
        TRY_STATUS(compress_segment(folder, listing.segments[i].segment));
        ++done;
    }
    return done;
}

Result<uint64_t> archive_sealed(const std::string& folder, const std::string& archive) {
    (void)TRY(compress_sealed(folder));
    TRY_STATUS(make_folder(archive, 0750));
    const Listing listing = TRY(list_log(folder));
    uint64_t done = 0;
    for (std::size_t i = 0; i + 1 < listing.segments.size(); ++i) {
        const SegmentFiles& files = listing.segments[i];
        const SegmentPaths here(folder, files.segment), there(archive, files.segment);
        if (!files.compressed || is_link(here.compressed)) continue;
        TRY_STATUS(copy_file(here.compressed, there.compressed));
        TRY_STATUS(copy_file(here.checkpoints, there.checkpoints));
        TRY_STATUS(copy_file(here.tree, there.tree));
        TRY_STATUS(copy_file(here.index, there.index));
        const std::string link = folder + "/.link";
        (void)::unlink(link.c_str());
        if (::symlink(there.compressed.c_str(), link.c_str()) != 0)
            return failure_errno("link " + there.compressed, errno);
        if (::rename(link.c_str(), here.compressed.c_str()) != 0)
            return failure_errno("rename " + link, errno);
        TRY_STATUS(sync_folder(folder));
        ++done;
    }
    return done;
}

}  // namespace glassgate::audit
