#include "store/codec/number_block.h"

#include <algorithm>
#include <array>

namespace glassgate::store {
namespace {

constexpr uint8_t kTimeModeMask = 0x03;
constexpr uint8_t kUsualCount = 0x04;  // kBlockSamples, not spelled out

// The head depends on what the times turn out to be: its place is taken first.
template <typename PutTimes>
void put_head_and_times(std::string& out, std::size_t count, PutTimes&& put) {
    const std::size_t head = out.size();
    put_u8(out, count == kBlockSamples ? kUsualCount : 0);
    if (count != kBlockSamples) put_varint(out, count);
    out[head] = static_cast<char>(static_cast<uint8_t>(out[head]) | put());
}

TimeMs time_at(const BlockTimes& times, std::size_t i) noexcept {
    return static_cast<TimeMs>(static_cast<uint64_t>(times.first) + times.step * i);
}

// Positions in a block of those samples that are in [from, to].
struct Part {
    std::size_t begin, end;
};
Part part_of(const BlockTimes& times, const TimeMs* spelled, std::size_t count, TimeMs from,
             TimeMs to) noexcept {
    std::size_t begin = 0, end = count;
    if (!times.regular) {
        begin =
            static_cast<std::size_t>(std::lower_bound(spelled, spelled + count, from) - spelled);
        end = static_cast<std::size_t>(std::upper_bound(spelled, spelled + count, to) - spelled);
    } else {
        if (times.first < from) {
            const uint64_t ahead = static_cast<uint64_t>(from) - static_cast<uint64_t>(times.first);
            const uint64_t skip = times.step == 0 ? count : (ahead - 1) / times.step + 1;
            begin = std::min<uint64_t>(skip, count);
        }
        if (times.first > to) {
            end = 0;
        } else {
            const uint64_t room = static_cast<uint64_t>(to) - static_cast<uint64_t>(times.first);
            const uint64_t last = times.step == 0 ? 0 : room / times.step;
            end = std::min<uint64_t>(last, count - 1) + 1;
        }
    }
    return {begin, std::max(begin, end)};
}

bool ascending(const TimeMs* times, std::size_t count) noexcept {
    bool good = true;
    for (std::size_t i = 1; i < count; ++i) good &= times[i - 1] < times[i];
    return good;
}

void append_times(const BlockTimes& times, const TimeMs* spelled, Part part,
                  std::vector<TimeMs>& out) {
    if (!times.regular) {
        out.insert(out.end(), spelled + part.begin, spelled + part.end);
        return;
    }
    const std::size_t start = out.size();
    out.resize(start + (part.end - part.begin));
    TimeMs* const to = out.data() + start;
    const auto first = static_cast<uint64_t>(times.first) + times.step * part.begin;
    const std::size_t count = part.end - part.begin;
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<TimeMs>(first + times.step * i);
}

// Reading a chunk block by block.
class BlockReader {
public:
    BlockReader(std::string_view bytes, TimeMs from, TimeMs to) noexcept
        : in_(bytes), from_(from), to_(to) {}

    // One block, at most `most` samples, none before `least`. 0: not such a block.
    std::size_t read(std::size_t most, TimeMs least, NumberColumns columns) {
        const uint8_t head = in_.u8();
        if ((head & ~(kTimeModeMask | kUsualCount)) != 0) return 0;
        const std::size_t count =
            (head & kUsualCount) != 0 ? kBlockSamples : in_.varint_up_to(kMaxRun);
        const uint8_t time_mode = head & kTimeModeMask;
        if (count == 0 || count > most || (time_mode > 1 && count > kMaxBlockValues)) return 0;
        BlockTimes times;
        if (!read_times(in_, time_mode, context_.time, count, times, spelled_.data())) return 0;
        last_ = times.regular ? time_at(times, count - 1) : spelled_[count - 1];
        if (times.first < least || !sound(times, count)) return 0;
        BlockValues block;
        if (!read_values(in_, context_.value, count, block, values_.data())) return 0;
        append(times, block, count, columns);
        return count;
    }
    [[nodiscard]] TimeMs last() const noexcept { return last_; }
    [[nodiscard]] bool at_end() const noexcept { return in_.at_end(); }

private:
    // Ascending, without having wrapped around the end of time.
    [[nodiscard]] bool sound(const BlockTimes& times, std::size_t count) const noexcept {
        if (!times.regular) return ascending(spelled_.data(), count);
        if (count == 1) return true;
        const auto room = static_cast<uint64_t>(INT64_MAX) - static_cast<uint64_t>(times.first);
        return times.step != 0 && times.step <= room / (count - 1);
    }
    void append(const BlockTimes& times, const BlockValues& block, std::size_t count,
                NumberColumns columns) {
        const Part part = part_of(times, spelled_.data(), count, from_, to_);
        if (part.begin == part.end) return;
        append_times(times, spelled_.data(), part, columns.times);
        if (block.constant)
            columns.values.insert(columns.values.end(), part.end - part.begin,
                                  std::bit_cast<double>(block.value));
        else
            columns.values.insert(columns.values.end(), values_.data() + part.begin,
                                  values_.data() + part.end);
    }

    ByteReader in_;
    TimeMs from_, to_;
    BlockContext context_;
    TimeMs last_ = 0;
    std::array<TimeMs, kMaxBlockValues> spelled_;
    std::array<double, kMaxBlockValues> values_;
};

}  // namespace

void put_number_block(std::string& out, BlockContext& context, std::span<const TimeMs> times,
                      std::span<const uint64_t> values) {
    put_head_and_times(out, times.size(), [&] { return put_times(out, context.time, times); });
    put_values(out, context.value, values);
}

void put_regular_block(std::string& out, BlockContext& context, TimeMs first, uint64_t step,
                       std::span<const uint64_t> values) {
    put_head_and_times(out, values.size(), [&] {
        return put_regular_times(out, context.time, first, step, values.size());
    });
    put_values(out, context.value, values);
}

void put_number_run(std::string& out, BlockContext& context, TimeMs first, uint64_t step,
                    std::size_t count, uint64_t value) {
    put_head_and_times(out, count,
                       [&] { return put_regular_times(out, context.time, first, step, count); });
    put_equal_values(out, context.value, value);
}

bool read_number_blocks(std::string_view bytes, std::size_t samples, TimeMs first, TimeMs last,
                        TimeMs from, TimeMs to, NumberColumns columns) {
    BlockReader reader(bytes, from, to);
    for (std::size_t read = 0; read < samples;) {
        const TimeMs least = read == 0 ? first : reader.last() + 1;
        const std::size_t count = reader.read(samples - read, least, columns);
        if (count == 0 || reader.last() > last) return false;
        read += count;
        if (reader.last() >= to) return true;  // later blocks have nothing to give
        if (reader.last() == last) return read == samples && reader.at_end();
    }
    return false;
}

}  // namespace glassgate::store
