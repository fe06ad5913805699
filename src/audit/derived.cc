#include "audit/derived.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "audit/instant.h"
#include "audit/segment.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

struct TreeFile {
    uint64_t first = 0;  // number of its first node
    uint64_t nodes = 0;
    File file;
};

}  // namespace

void append_index_line(std::string& out, uint64_t seq, uint64_t offset, uint64_t wall_ns) {
    append_u64(out, seq);
    out += ' ';
    append_u64(out, offset);
    out += ' ';
    append_instant(out, wall_ns);
    out += '\n';
}

Result<NodeSource> open_nodes(const std::string& folder) {
    auto files = std::make_shared<std::vector<TreeFile>>();
    uint64_t next = 0;
    for (const SegmentFiles& segment : TRY(list_log(folder)).segments) {
        if (!segment.tree) continue;
        const std::string path = SegmentPaths(folder, segment.segment).tree;
        const uint64_t nodes = TRY(size_of(path)) / sizeof(Hash);
        files->push_back({next, nodes, TRY(File::open(path, O_RDONLY))});
        next += nodes;
    }
    return NodeSource([files](uint64_t number) -> std::optional<Hash> {
        const auto after =
            std::upper_bound(files->begin(), files->end(), number,
                             [](uint64_t n, const TreeFile& f) { return n < f.first; });
        if (after == files->begin()) return std::nullopt;
        const TreeFile& in = *std::prev(after);
        Hash hash;
        const auto at = static_cast<off_t>((number - in.first) * sizeof hash);
        if (::pread(in.file.fd(), hash.data(), sizeof hash, at) != ssize_t{sizeof hash})
            return std::nullopt;
        return hash;
    });
}

}  // namespace glassgate::audit
