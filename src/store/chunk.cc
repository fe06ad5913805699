#include "store/chunk.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "store/codec/bits.h"
#include "store/codec/histogram_block.h"
#include "store/codec/number_block.h"

namespace glassgate::store {
namespace {

constexpr std::size_t kSharedCount = 32;  // control block and malloc's own

}  // namespace

// One allocation: the control block, the chunk, its bytes.
ChunkPtr Chunk::make(const ChunkView& content) {
    static_assert(std::is_trivially_destructible_v<Chunk>);
    const std::size_t size = sizeof(Chunk) + content.bytes.size() + kPadding;
    // Aligned: an array of 8-byte words.
    auto room = std::make_shared_for_overwrite<uint64_t[]>((size + 7) / 8);
    char* const bytes = reinterpret_cast<char*>(room.get()) + sizeof(Chunk);
    std::memcpy(bytes, content.bytes.data(), content.bytes.size());
    std::memset(bytes + content.bytes.size(), 0, kPadding);
    ChunkView view = content;
    view.bytes = {bytes, content.bytes.size()};
    const Chunk* chunk = new (room.get()) Chunk(view);
    return {room, chunk};
}

std::size_t Chunk::footprint() const noexcept {
    return sizeof(Chunk) + view_.bytes.size() + kPadding + kSharedCount;
}

void append_number(Series& series, TimeMs t_ms, double value) {
    series.times_ms.push_back(t_ms);
    series.values.push_back(value);
    if (!series.histograms.empty()) series.histograms.emplace_back();
}

void append_histogram(Series& series, TimeMs t_ms, std::shared_ptr<const NativeHistogram> h) {
    series.histograms.resize(series.times_ms.size());
    series.times_ms.push_back(t_ms);
    series.values.push_back(h == nullptr ? stale_marker() : 0);
    series.histograms.push_back(std::move(h));
}

bool append_samples(const ChunkView& chunk, TimeMs from_ms, TimeMs to_ms, Series& series) {
    const std::size_t before = series.times_ms.size();
    bool good = false;
    if (!chunk.histograms) {
        good = read_number_blocks(chunk.bytes, chunk.samples, chunk.first_ms, chunk.last_ms,
                                  from_ms, to_ms, {series.times_ms, series.values});
        if (good && !series.histograms.empty()) series.histograms.resize(series.times_ms.size());
    } else {
        series.histograms.resize(before);
        good = read_histogram_blocks(chunk.bytes, chunk.samples, chunk.first_ms, chunk.last_ms,
                                     from_ms, to_ms, {series.times_ms, series.histograms});
        if (good)
            for (std::size_t i = before; i < series.times_ms.size(); ++i)
                series.values.push_back(series.histograms[i] == nullptr ? stale_marker() : 0);
    }
    if (good) return true;
    series.times_ms.resize(before);
    series.values.resize(before);
    if (!series.histograms.empty()) series.histograms.resize(before);
    return false;
}

}  // namespace glassgate::store
