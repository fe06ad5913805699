// The timestamps of a block: strictly ascending milliseconds, regular as a rule.
//
// Modes (docs/formats/store.md, "Times"); `step` is the distance that regular times keep:
//   0  go on      the first is one step after the block before, the rest regular: no bytes
//   1  regular    first, step
//   2  gaps       first, step, and the few distances that differ from it
//   3  packed     first, smallest distance, the distances above it in as many bits as needed
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "store/codec/bits.h"
#include "store/series.h"

namespace glassgate::store {

// Where the block before ended; zeros at the start of a chunk.
struct TimeContext {
    TimeMs last = 0;
    uint64_t step = 0;
};

// Each returns the mode, which the caller keeps, and leaves `context` at the end of this block.
uint8_t put_times(std::string& out, TimeContext& context, std::span<const TimeMs> times);
uint8_t put_regular_times(std::string& out, TimeContext& context, TimeMs first, uint64_t step,
                          std::size_t count);  // step > 0 unless count is 1

// Times of a block as read: regular ones are not spelled out.
struct BlockTimes {
    bool regular = false;
    TimeMs first = 0;
    uint64_t step = 0;
};
// Reads `count` times; `irregular` has room for them and is filled if they are not regular.
bool read_times(ByteReader& in, uint8_t mode, TimeContext& context, std::size_t count,
                BlockTimes& times, TimeMs* irregular) noexcept;

}  // namespace glassgate::store
