#include "store/segment/frame.h"

namespace glassgate::store {
namespace {

uint64_t distance(TimeMs from, TimeMs to) noexcept {
    return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
}

}  // namespace

void put_chunk(std::string& out, TimeMs& before_ms, const ChunkView& chunk) {
    put_varint(out, uint64_t{chunk.samples} << 1 | (chunk.histograms ? 1 : 0));
    put_zigzag(out, static_cast<int64_t>(distance(before_ms, chunk.first_ms)));
    put_varint(out, distance(chunk.first_ms, chunk.last_ms));
    put_text(out, chunk.bytes);
    before_ms = chunk.last_ms;
}

bool read_chunk(ByteReader& in, TimeMs& before_ms, ChunkView& chunk) {
    const uint64_t head = in.varint_up_to(uint64_t{kMaxChunkSamples} << 1 | 1);
    chunk.samples = static_cast<uint32_t>(head >> 1);
    chunk.histograms = (head & 1) != 0;
    chunk.first_ms =
        static_cast<TimeMs>(static_cast<uint64_t>(before_ms) + static_cast<uint64_t>(in.zigzag()));
    const uint64_t span = in.varint();
    chunk.bytes = in.text();
    if (!in.ok() || chunk.samples == 0) return in.fail();
    // Its end is not before its beginning, and not past the end of time.
    if (span > distance(chunk.first_ms, INT64_MAX)) return in.fail();
    chunk.last_ms = static_cast<TimeMs>(static_cast<uint64_t>(chunk.first_ms) + span);
    before_ms = chunk.last_ms;
    return true;
}

bool read_extent(std::string_view bytes, std::vector<ChunkView>& chunks) {
    chunks.clear();
    ByteReader in(bytes);
    TimeMs before = 0;
    while (in.ok() && !in.at_end()) {
        ChunkView chunk;
        if (!read_chunk(in, before, chunk)) return false;
        if (!chunks.empty() && chunk.first_ms <= chunks.back().last_ms) return false;
        chunks.push_back(chunk);
    }
    return in.ok();
}

void put_labels(std::string& out, const Labels& labels) {
    put_varint(out, labels.size());
    for (const Label& label : labels) {
        put_text(out, label.name);
        put_text(out, label.value);
    }
}

bool read_labels(ByteReader& in, Labels& labels) {
    labels.clear();
    const uint64_t count = in.varint_up_to(kMaxLabelCount);
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
        const std::string_view name = in.text();
        const std::string_view value = in.text();
        if (!in.ok() || name.empty() || value.empty() ||
            (!labels.empty() && labels.back().name >= name))
            return in.fail();
        labels.push_back({std::string(name), std::string(value)});
    }
    return in.ok();
}

}  // namespace glassgate::store
