// What journal and segments have in common: how a chunk and a label set are written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/chunk.h"
#include "store/codec/bits.h"
#include "store/labels.h"

namespace glassgate::store {

// Chunks of one series, ascending; `put` after another of the same extent continues it.
void put_chunk(std::string& out, TimeMs& before_ms, const ChunkView& chunk);
// Reads one; its bytes point into what is read, and so need kPadding readable bytes behind all.
// False: no chunk.
[[nodiscard]] bool read_chunk(ByteReader& in, TimeMs& before_ms, ChunkView& chunk);

// An extent: the chunks of a series in a segment, one after the other to its end.
[[nodiscard]] bool read_extent(std::string_view bytes, std::vector<ChunkView>& chunks);

void put_labels(std::string& out, const Labels& labels);
// Sound label sets only: sorted, unique, no empty ones.
[[nodiscard]] bool read_labels(ByteReader& in, Labels& labels);

inline constexpr std::size_t kMaxLabelCount = 256;
inline constexpr std::size_t kMaxChunkSamples = 1u << 20;

}  // namespace glassgate::store
