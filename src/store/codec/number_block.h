// Blocks of plain samples, one after the other, each relying on where the one before ended. A block
// is a byte (the times' mode, whether the count is the usual one), the count, times, values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/codec/time_column.h"
#include "store/codec/value_column.h"
#include "store/series.h"

namespace glassgate::store {

inline constexpr std::size_t kBlockSamples = 64;  // the usual count; at most kMaxBlockValues
// Of equal values at regular times there may be so many in a block: hours at one a second.
inline constexpr std::size_t kMaxRun = 8192;

struct BlockContext {
    TimeContext time;
    ValueContext value;
};

// `times` strictly ascending and after the block before; as many values, as bits of doubles.
void put_number_block(std::string& out, BlockContext& context, std::span<const TimeMs> times,
                      std::span<const uint64_t> values);
// The same for values `step` apart.
void put_regular_block(std::string& out, BlockContext& context, TimeMs first, uint64_t step,
                       std::span<const uint64_t> values);
// Equal values, `step` apart; count up to kMaxRun.
void put_number_run(std::string& out, BlockContext& context, TimeMs first, uint64_t step,
                    std::size_t count, uint64_t value);

// Columns that samples are appended to.
struct NumberColumns {
    std::vector<TimeMs>& times;
    std::vector<double>& values;
};
// Appends those samples of a chunk's blocks whose time is in [from, to]. `bytes` must be followed
// by kPadding readable bytes. False if they are not `samples` samples in ascending order from
// `first` to `last`; then some may have been appended.
[[nodiscard]] bool read_number_blocks(std::string_view bytes, std::size_t samples, TimeMs first,
                                      TimeMs last, TimeMs from, TimeMs to, NumberColumns columns);

}  // namespace glassgate::store
