// Files of the series store, whatever is in them: read without a crash, in bounded memory, and what
// is served ascends in time. The first byte says what the rest is taken for; checksums are left out
// where they would keep the fuzzer from what lies behind them.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "store/segment/journal.h"
#include "store/segment/segment.h"
#include "store/segment/segment_format.h"

namespace {

using namespace glassgate::store;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

void expect_ascending(const Series& series) {
    expect(series.times_ms.size() == series.values.size(), "a value for each time");
    expect(series.histograms.empty() || series.histograms.size() == series.times_ms.size(),
           "a histogram or none for each time");
    for (std::size_t i = 1; i < series.times_ms.size(); ++i)
        expect(series.times_ms[i - 1] < series.times_ms[i], "times ascend");
}

// Chunks that claim more than a chunk of ours can hold are left alone: what a block may claim is
// bounded, how many blocks there are is bounded by the input.
void read_all(const std::vector<ChunkView>& chunks) {
    Series series;
    for (const ChunkView& chunk : chunks) {
        if (chunk.samples > 100'000) continue;
        if (append_samples(chunk, INT64_MIN, INT64_MAX, series)) expect_ascending(series);
        Series part;
        const TimeMs middle = chunk.first_ms / 2 + chunk.last_ms / 2;
        if (append_samples(chunk, middle, chunk.last_ms, part)) expect_ascending(part);
    }
}

void fuzz_extent(std::string bytes) {
    const std::size_t size = bytes.size();
    bytes.append(kPadding, '\0');
    std::vector<ChunkView> chunks;
    if (read_extent({bytes.data(), size}, chunks)) read_all(chunks);
}

void fuzz_chunk(std::string bytes, bool histograms) {
    const std::size_t size = bytes.size();
    bytes.append(kPadding, '\0');
    // Behind a first count: samples; all times.
    ByteReader in({bytes.data(), size});
    const auto samples = static_cast<uint32_t>(in.varint_up_to(20'000));
    const TimeMs first = in.zigzag();
    const TimeMs last = in.zigzag();
    if (!in.ok() || samples == 0) return;
    read_all({{first, last, samples, histograms, {in.position(), in.left()}}});
}

void fuzz_index(std::string bytes) {
    const SegmentHead head{1000, 0, 3'600'000, 1};
    // Any data would do as long as the extents fit into it: as much as the index says.
    for (const uint64_t data : {kSegmentHeadBytes, kSegmentHeadBytes + 1000}) {
        const auto index = SegmentIndex::parse(bytes, head, data, 1);
        if (index == nullptr) continue;
        const auto all = index->select({});
        expect(all.size() == index->entries().size(), "no matcher fits everything");
        for (const SegmentEntry& entry : index->entries()) {
            const Labels labels = index->labels(entry);
            expect(index->has_labels(entry, labels), "labels are what they are");
            expect(entry.offset + entry.length <= data, "an extent lies within the data");
        }
    }
}

void fuzz_segment(const std::string& bytes) {
    const int fd = ::memfd_create("segment", 0);
    if (fd < 0) return;
    if (::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) {
        auto segment = Segment::open("/proc/self/fd/" + std::to_string(fd), 1);
        if (segment)
            if (auto index = (*segment)->index()) {
                std::string buffer;
                std::vector<ChunkView> chunks;
                for (const SegmentEntry& entry : (*index)->entries())
                    if (const auto extent = (*segment)->read(entry, buffer))
                        if (read_extent(*extent, chunks)) read_all(chunks);
            }
    }
    ::close(fd);
}

void fuzz_journal(std::string bytes) {
    const std::size_t size = bytes.size();
    bytes.append(kPadding, '\0');
    const auto fault = read_journal({bytes.data(), size},
                                    {[](uint32_t, SeriesKind, const Labels& labels) {
                                         for (std::size_t i = 1; i < labels.size(); ++i)
                                             expect(labels[i - 1].name < labels[i].name, "sorted");
                                     },
                                     [](uint32_t, const ChunkView& chunk) {
                                         read_all({chunk});
                                         return true;
                                     }});
    expect(fault.skipped_bytes <= size, "no more is skipped than there is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string rest(reinterpret_cast<const char*>(data + 1), size - 1);
    switch (data[0] % 6) {
        case 0:
            fuzz_extent(rest);
            break;
        case 1:
            fuzz_chunk(rest, false);
            break;
        case 2:
            fuzz_chunk(rest, true);
            break;
        case 3:
            fuzz_index(rest);
            break;
        case 4:
            fuzz_segment(rest);
            break;
        default:
            fuzz_journal(rest);
    }
    return 0;
}
