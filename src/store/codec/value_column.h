// The values of a block: doubles, kept to the last bit (NaN payloads, the sign of zero).
//
// Modes (docs/formats/store.md, "Values"). "Integers" are values v for which an n exists with
// v = n / 10^scale exactly as doubles divide, |n| <= 2^53, one scale for the block:
//   0  same      all equal the last value of the block before
//   1  constant  all equal one value
//   2  deltas    integers: the first, the smallest difference, the differences above it, packed
//   3  steps     integers that mostly stay: the first, which ones differ, those differences, packed
//   4  offsets   integers around a level: the smallest, the distances above it, packed
//   5  xor       any doubles: each xor the one before, without the zeros common to all, packed
//   6  xor steps the same where most stay
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "store/codec/bits.h"

namespace glassgate::store {

inline constexpr std::size_t kMaxBlockValues = 128;  // of any mode but 0 and 1
inline constexpr unsigned kMaxScale = 9;             // nanoseconds as seconds
inline constexpr uint8_t kNoScale = 0xff;

// Where the block before ended; as here at the start of a chunk.
struct ValueContext {
    uint64_t bits = 0;
    int64_t integer = 0;  // if the block before was of integers
    uint8_t scale = kNoScale;
};

// Appends the mode and what belongs to it. 1 to kMaxBlockValues values, as bits of doubles.
void put_values(std::string& out, ValueContext& context, std::span<const uint64_t> values);
// The same for any number of equal values.
void put_equal_values(std::string& out, ValueContext& context, uint64_t value);

// What a block of values turned out to be.
struct BlockValues {
    bool constant = false;  // then `value` is all of them
    uint64_t value = 0;
};
// `values` has room for `count` values and is filled unless they are constant. False: not such an
// encoding.
bool read_values(ByteReader& in, ValueContext& context, std::size_t count, BlockValues& block,
                 double* values) noexcept;

}  // namespace glassgate::store
