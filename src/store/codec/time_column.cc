#include "store/codec/time_column.h"

#include <algorithm>
#include <vector>

namespace glassgate::store {
namespace {

enum Mode : uint8_t { go_on = 0, regular = 1, gaps = 2, packed = 3 };

// Differences modulo 2^64: right for any two times.
uint64_t distance(TimeMs from, TimeMs to) noexcept {
    return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
}
TimeMs after(TimeMs from, uint64_t by) noexcept {
    return static_cast<TimeMs>(static_cast<uint64_t>(from) + by);
}
void put_first(std::string& out, const TimeContext& context, TimeMs first) {
    put_zigzag(out, static_cast<int64_t>(distance(context.last, first)));
}

// The value more than half of the distances have, if there is one (Boyer, Moore 1981).
uint64_t majority(std::span<const uint64_t> distances) noexcept {
    uint64_t candidate = distances.front();
    std::size_t lead = 0;
    for (const uint64_t d : distances) {
        if (lead == 0) candidate = d;
        lead = d == candidate ? lead + 1 : lead - 1;
    }
    return candidate;
}

struct GapCost {
    std::size_t gaps = 0, bytes = 0;
};
GapCost cost_of_gaps(std::span<const uint64_t> distances, uint64_t step) noexcept {
    GapCost cost;
    for (const uint64_t d : distances) {
        if (d == step) continue;
        ++cost.gaps;
        cost.bytes += 1 + varint_size(d);
    }
    return cost;
}

}  // namespace

uint8_t put_regular_times(std::string& out, TimeContext& context, TimeMs first, uint64_t step,
                          std::size_t count) {
    if (count == 1) step = context.step;
    const bool goes_on =
        step != 0 && step == context.step && first == after(context.last, context.step);
    if (!goes_on) {
        put_first(out, context, first);
        put_varint(out, step);
    }
    context = {after(first, step * (count - 1)), step};
    return goes_on ? go_on : regular;
}

uint8_t put_times(std::string& out, TimeContext& context, std::span<const TimeMs> times) {
    if (times.size() == 1) return put_regular_times(out, context, times[0], 0, 1);
    std::vector<uint64_t> distances(times.size() - 1);
    uint64_t least = ~uint64_t{0};
    for (std::size_t i = 0; i < distances.size(); ++i) {
        distances[i] = distance(times[i], times[i + 1]);
        least = std::min(least, distances[i]);
    }
    const uint64_t step = majority(distances);
    const GapCost cost = cost_of_gaps(distances, step);
    if (cost.gaps == 0)
        return put_regular_times(out, context, times[0], distances[0], times.size());

    put_first(out, context, times[0]);
    uint64_t all = 0;
    for (const uint64_t d : distances) all |= d - least;
    const unsigned width = pack_width(all);
    uint8_t mode = packed;
    if (cost.bytes <= packed_size(distances.size(), width)) {
        mode = gaps;
        put_varint(out, step);
        put_varint(out, cost.gaps);
        std::size_t next = 0;
        for (std::size_t i = 0; i < distances.size(); ++i) {
            if (distances[i] == step) continue;
            put_varint(out, i - next);
            put_varint(out, distances[i]);
            next = i + 1;
        }
        context.step = step;
    } else {
        put_varint(out, least);
        put_u8(out, static_cast<uint8_t>(width));
        for (uint64_t& d : distances) d -= least;
        put_packed(out, distances, width);
        context.step = 0;
    }
    context.last = times.back();
    return mode;
}

namespace {

bool read_gaps(ByteReader& in, std::size_t count, TimeMs* times, uint64_t& step) noexcept {
    step = in.varint();
    const uint64_t gap_count = in.varint_up_to(count - 1);
    std::size_t at = 1;
    for (uint64_t g = 0; g < gap_count; ++g) {
        const uint64_t skip = in.varint();
        const uint64_t d = in.varint();
        if (!in.ok() || skip >= count - at) return in.fail();
        for (uint64_t k = 0; k < skip; ++k, ++at) times[at] = after(times[at - 1], step);
        times[at] = after(times[at - 1], d);
        ++at;
    }
    for (; at < count; ++at) times[at] = after(times[at - 1], step);
    return in.ok();
}

bool read_packed(ByteReader& in, std::size_t count, TimeMs* times) noexcept {
    const uint64_t least = in.varint();
    const unsigned width = in.u8();
    // The distances are unpacked where the times will be: each is read before it is written over.
    auto* const distances = reinterpret_cast<uint64_t*>(times + 1);
    if (!in.packed(width, distances, count - 1)) return false;
    for (std::size_t i = 1; i < count; ++i)
        times[i] = after(times[i - 1], static_cast<uint64_t>(times[i]) + least);
    return true;
}

}  // namespace

bool read_times(ByteReader& in, uint8_t mode, TimeContext& context, std::size_t count,
                BlockTimes& times, TimeMs* irregular) noexcept {
    times.regular = mode <= regular;
    times.step = context.step;
    if (mode == go_on) {
        times.first = after(context.last, context.step);
    } else {
        times.first = after(context.last, static_cast<uint64_t>(in.zigzag()));
        if (mode == regular) times.step = in.varint();
    }
    if (times.regular) {
        context = {after(times.first, times.step * (count - 1)), times.step};
        return in.ok();
    }
    irregular[0] = times.first;
    uint64_t step = 0;
    if (!(mode == gaps ? read_gaps(in, count, irregular, step) : read_packed(in, count, irregular)))
        return false;
    context = {irregular[count - 1], step};
    return true;
}

}  // namespace glassgate::store
