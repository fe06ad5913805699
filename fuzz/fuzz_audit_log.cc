// Any bytes as a segment, plain and compressed, and as checkpoints: nothing breaks; a line that is
// taken for a record is exactly the line its parts give; lines and their offsets cover the file.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "audit/chain.h"
#include "audit/checkpoint.h"
#include "audit/line.h"
#include "audit/retention.h"
#include "audit/segment.h"
#include "audit/verifier.h"
#include "base/check.h"

namespace {

using namespace glassgate::audit;

class MemoryFile {
public:
    explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", 0)) {
        GW_CHECK(fd_ >= 0);
        GW_CHECK(::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }
    ~MemoryFile() { ::close(fd_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
    int fd_;
};

void check_line(std::string_view line) {
    std::string_view why;
    if (const auto view = parse_line(line, why)) {
        GW_CHECK(line.starts_with(view->hashed));
        std::string again;
        append_line(again, view->seq, view->wall_ns, view->body, {});
        GW_CHECK(std::string_view(again).starts_with(view->hashed));
        (void)parse_opening(*view);
    } else {
        GW_CHECK(!why.empty());
    }
    if (const auto checkpoint = parse_checkpoint(line))
        GW_CHECK(line.ends_with(checkpoint->signature + "\"}"));
}

void read_plain(std::string_view bytes) {
    const MemoryFile file(bytes);
    const auto reader = LineReader::open_plain(file.path());
    GW_CHECK(reader.has_value());
    std::string_view line;
    uint64_t next = 0;
    Chain chain;
    bool chained = true;
    while (true) {
        const LineReader::Got got = (*reader)->next(line);
        GW_CHECK((*reader)->offset() == next);
        if (got != LineReader::Got::line) {
            if (got == LineReader::Got::end) GW_CHECK(next == bytes.size());
            break;
        }
        GW_CHECK(bytes.substr(next, line.size()) == line && bytes[next + line.size()] == '\n');
        next += line.size() + 1;
        check_line(line);
        chained = chained && !chain.accept(line, [](const Hash&) {});
    }
}

void read_compressed(std::string_view bytes) {
    const MemoryFile file(bytes);
    const auto reader = LineReader::open_zstd(file.path());
    GW_CHECK(reader.has_value());
    std::string_view line;
    while ((*reader)->next(line) == LineReader::Got::line) check_line(line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    read_plain(bytes);
    read_compressed(bytes);
    for (const WitnessedCheckpoint& w : read_witness(bytes)) GW_CHECK(w.line.ends_with("\"}"));
    return 0;
}
