#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/ids.h"
#include "store/codec/histogram_block.h"
#include "store/codec/number_block.h"

namespace glassgate::store {
namespace {

using Times = std::vector<TimeMs>;
using Values = std::vector<uint64_t>;

std::string padded(std::string bytes) { return bytes.append(kPadding, '\xff'); }

std::string put_chunk(const Times& times, const Values& values) {
    std::string out;
    BlockContext context;
    for (std::size_t i = 0; i < times.size(); i += kBlockSamples) {
        const std::size_t n = std::min(kBlockSamples, times.size() - i);
        put_number_block(out, context, {times.data() + i, n}, {values.data() + i, n});
    }
    return out;
}

struct Read {
    bool good = false;
    Times times;
    std::vector<double> values;
    [[nodiscard]] Values bits() const {
        Values out;
        for (const double v : values) out.push_back(std::bit_cast<uint64_t>(v));
        return out;
    }
};
Read read_chunk(const std::string& bytes, const Times& times, TimeMs from = INT64_MIN,
                TimeMs to = INT64_MAX) {
    Read read;
    const std::string room = padded(bytes);
    read.good = read_number_blocks({room.data(), bytes.size()}, times.size(), times.front(),
                                   times.back(), from, to, {read.times, read.values});
    return read;
}

std::size_t expect_round_trip(const Times& times, const Values& values) {
    const std::string bytes = put_chunk(times, values);
    const Read read = read_chunk(bytes, times);
    EXPECT_TRUE(read.good);
    EXPECT_EQ(read.times, times);
    EXPECT_EQ(read.bits(), values);
    return bytes.size();
}

Times regular(std::size_t count, TimeMs first = 1'795'770'862'000, TimeMs step = 1000) {
    Times times;
    for (std::size_t i = 0; i < count; ++i) times.push_back(first + static_cast<TimeMs>(i) * step);
    return times;
}
template <typename Make>
Values values_of(std::size_t count, Make&& make) {
    Values values;
    for (std::size_t i = 0; i < count; ++i)
        values.push_back(std::bit_cast<uint64_t>(static_cast<double>(make(i))));
    return values;
}

TEST(Bits, PackedNumbersComeBackAtEveryWidth) {
    Random random(7);
    for (unsigned width = 0; width <= 64; ++width) {
        if (width > kWidestPacked && width != 64) continue;
        for (std::size_t count : {0u, 1u, 7u, 64u, 127u}) {
            std::vector<uint64_t> in(count), out(count);
            for (uint64_t& v : in) v = width == 0 ? 0 : random.next() >> (64 - width);
            std::string bytes;
            put_packed(bytes, in, width);
            ASSERT_EQ(bytes.size(), packed_size(count, width));
            const std::string room = padded(bytes);
            ByteReader reader({room.data(), bytes.size()});
            ASSERT_TRUE(reader.packed(width, out.data(), count));
            EXPECT_TRUE(reader.at_end());
            EXPECT_EQ(in, out) << width;
        }
    }
}

TEST(Bits, VarintsAndZigzag) {
    for (const int64_t v : {int64_t{0}, int64_t{-1}, int64_t{63}, int64_t{-64}, int64_t{64},
                            INT64_MAX, INT64_MIN, int64_t{1} << 35}) {
        std::string out;
        put_zigzag(out, v);
        EXPECT_EQ(out.size(), varint_size(zigzag(v)));
        ByteReader reader(out);
        EXPECT_EQ(reader.zigzag(), v);
        EXPECT_TRUE(reader.ok() && reader.at_end());
    }
    ByteReader torn("\x80\x80");
    EXPECT_EQ(torn.varint(), 0u);
    EXPECT_FALSE(torn.ok());
}

TEST(NumberBlock, WhatGatewaysCountIsSmall) {
    const std::size_t n = 1024;
    Random random(1);
    const auto per_sample = [&](auto make) {
        return static_cast<double>(expect_round_trip(regular(n), values_of(n, make))) / n;
    };
    EXPECT_LT(per_sample([](std::size_t) { return 17.0; }), 0.06) << "constant";
    EXPECT_LT(per_sample([](std::size_t i) { return 1e6 + 250.0 * static_cast<double>(i); }), 0.14)
        << "a steady rate";
    double count = 0;
    EXPECT_LT(per_sample([&](std::size_t) { return count += random.below(64) == 0; }), 0.3)
        << "now and then";
    count = 1e9;
    EXPECT_LT(per_sample([&](std::size_t) {
                  return count += 1000.0 + static_cast<double>(random.below(64));
              }),
              0.95)
        << "six bits of news a sample";
    int64_t ns = 0;
    EXPECT_LT(per_sample([&](std::size_t) {
                  ns += 80'000'000 + static_cast<int64_t>(random.below(1u << 20));
                  return static_cast<double>(ns) / 1e9;
              }),
              2.8)
        << "seconds that are nanoseconds: twenty bits of news";
    EXPECT_LT(per_sample([&](std::size_t) { return 40.0 + static_cast<double>(random.below(8)); }),
              0.55)
        << "a level with noise of three bits";
}

TEST(NumberBlock, KeepsEveryBit) {
    const double nan_payload = std::bit_cast<double>(0xfff8dead'beef0001ULL);
    const Values special = {kStaleBits,
                            std::bit_cast<uint64_t>(-0.0),
                            std::bit_cast<uint64_t>(0.0),
                            std::bit_cast<uint64_t>(nan_payload),
                            0x7ff0000000000001ULL,
                            std::bit_cast<uint64_t>(std::numeric_limits<double>::infinity()),
                            std::bit_cast<uint64_t>(-std::numeric_limits<double>::infinity()),
                            1,
                            std::bit_cast<uint64_t>(std::numeric_limits<double>::max()),
                            std::bit_cast<uint64_t>(0.1 + 0.2),
                            std::bit_cast<uint64_t>(0x1p53),
                            std::bit_cast<uint64_t>(0x1p53 + 2),
                            std::bit_cast<uint64_t>(-0x1p63),
                            ~uint64_t{0}};
    expect_round_trip(regular(special.size()), special);
    for (const uint64_t bits : special) expect_round_trip(regular(3), {bits, bits, bits});
}

TEST(NumberBlock, AnyTimes) {
    expect_round_trip({INT64_MIN, -1, 0, 1, INT64_MAX}, {1, 2, 3, 4, 5});
    expect_round_trip({-5}, {9});
    Times times = regular(200);
    for (std::size_t i = 100; i < 200; ++i) times[i] += 7000;
    const std::size_t one_gap = expect_round_trip(times, Values(200, 0));
    EXPECT_LT(one_gap, 60u);
    times = regular(200);
    for (std::size_t i = 0; i < 200; i += 3) times[i] += 2;  // a scraper's jitter
    EXPECT_LT(expect_round_trip(times, Values(200, 0)), 150u);
}

// What a test below draws samples from.
Values random_values(Random& random, std::size_t n) {
    const uint64_t kind = random.below(9);
    Values values;
    uint64_t before = random.next();
    double count = static_cast<double>(random.below(1u << 30));
    for (std::size_t i = 0; i < n; ++i) {
        switch (kind) {
            case 0:
                before = random.next();
                break;  // any bit pattern
            case 1:
                before = std::bit_cast<uint64_t>(random.unit());
                break;
            case 2:
                before ^= random.below(3) == 0 ? random.next() >> random.below(64) : 0;
                break;
            case 3:
                count += static_cast<double>(random.below(uint64_t{1} << random.below(50)));
                before = std::bit_cast<uint64_t>(count);
                break;
            case 4:
                before = std::bit_cast<uint64_t>((random.unit() - 0.5) * 1e300);
                break;
            case 5:
                before = std::bit_cast<uint64_t>(std::round((random.unit() - 0.5) * 1e6) /
                                                 std::pow(10.0, random.below(12)));
                break;
            case 6:
                if (random.below(20) == 0) before = random.next();
                break;
            case 7:
                count -= random.below(30) == 0 ? count : -1.0;  // resets
                before = std::bit_cast<uint64_t>(count);
                break;
            default:
                before = random.below(10) == 0 ? kStaleBits
                                               : std::bit_cast<uint64_t>(double(random.below(9)));
        }
        values.push_back(before);
    }
    return values;
}
Times random_times(Random& random, std::size_t n) {
    Times times;
    auto t = static_cast<TimeMs>(random.next() >> 20) - (TimeMs{1} << 42);
    const uint64_t kind = random.below(4);
    const uint64_t step = 1 + random.below(100'000);
    for (std::size_t i = 0; i < n; ++i) {
        times.push_back(t);
        uint64_t by = step;
        if (kind == 1) by += random.below(step);
        if (kind == 2 && random.below(10) == 0) by *= 1 + random.below(100);
        if (kind == 3) by = 1 + (random.next() >> (20 + random.below(44)));
        t += static_cast<TimeMs>(by);
    }
    return times;
}

TEST(NumberBlock, Property) {
    Random random(42);
    for (int round = 0; round < 4000; ++round) {
        const std::size_t n = 1 + random.below(200);
        const Times times = random_times(random, n);
        const Values values = random_values(random, n);
        const std::string bytes = put_chunk(times, values);
        const Read all = read_chunk(bytes, times);
        ASSERT_TRUE(all.good) << round;
        ASSERT_EQ(all.times, times) << round;
        ASSERT_EQ(all.bits(), values) << round;
        // A part of it.
        const TimeMs from = times[random.below(n)] + static_cast<TimeMs>(random.below(3)) - 1;
        const TimeMs to = times[random.below(n)] + static_cast<TimeMs>(random.below(3)) - 1;
        const Read part = read_chunk(bytes, times, from, to);
        ASSERT_TRUE(part.good);
        Times expected;
        Values expected_values;
        for (std::size_t i = 0; i < n; ++i) {
            if (times[i] < from || times[i] > to) continue;
            expected.push_back(times[i]);
            expected_values.push_back(values[i]);
        }
        ASSERT_EQ(part.times, expected) << round;
        ASSERT_EQ(part.bits(), expected_values) << round;
    }
}

TEST(NumberBlock, RunsOfAnyLength) {
    std::string out;
    BlockContext context;
    put_number_run(out, context, 1000, 1000, 8000, std::bit_cast<uint64_t>(3.0));
    put_number_run(out, context, 8'001'000, 1000, 8000, std::bit_cast<uint64_t>(3.0));
    EXPECT_LT(out.size(), 20u);
    const std::string room = padded(out);
    Read read;
    ASSERT_TRUE(read_number_blocks({room.data(), out.size()}, 16'000, 1000, 16'000'000, 7'999'500,
                                   8'002'000, {read.times, read.values}));
    EXPECT_EQ(read.times, (Times{8'000'000, 8'001'000, 8'002'000}));
    EXPECT_EQ(read.values, (std::vector<double>{3, 3, 3}));
}

TEST(NumberBlock, DamagedBytesAreRefusedOrOtherNumbersNeverACrash) {
    Random random(3);
    for (int round = 0; round < 3000; ++round) {
        const std::size_t n = 1 + random.below(150);
        const Times times = random_times(random, n);
        std::string bytes = put_chunk(times, random_values(random, n));
        for (uint64_t k = 0; k <= random.below(4); ++k)
            bytes[random.below(bytes.size())] = static_cast<char>(random.next());
        if (random.below(2) == 0) bytes.resize(random.below(bytes.size() + 1));
        const Read read = read_chunk(bytes, times);
        ASSERT_LE(read.times.size(), n);
        ASSERT_EQ(read.times.size(), read.values.size());
        for (std::size_t i = 1; i < read.times.size(); ++i)
            ASSERT_LT(read.times[i - 1], read.times[i]);
    }
}

// --- histograms ----------------------------------------------------------------------------------

NativeHistogram random_histogram(Random& random, const NativeHistogram& before) {
    NativeHistogram h = before;
    for (auto* buckets : {&h.positive, &h.negative}) {
        for (auto& bucket : *buckets) bucket.count += static_cast<double>(random.below(3));
        if (random.below(4) == 0) {
            const int32_t next = buckets->empty() ? -20 : buckets->back().index;
            buckets->push_back({next + 1 + static_cast<int32_t>(random.below(5)), 1});
        }
    }
    h.zero_count += static_cast<double>(random.below(2));
    h.sum += random.unit();
    h.count = h.zero_count + (random.below(50) == 0 ? 1 : 0);
    for (const auto& bucket : h.positive) h.count += bucket.count;
    for (const auto& bucket : h.negative) h.count += bucket.count;
    return h;
}

TEST(HistogramBlock, Property) {
    Random random(5);
    for (int round = 0; round < 300; ++round) {
        const std::size_t n = 1 + random.below(kMaxHistogramBlock);
        const Times times = random_times(random, n);
        std::vector<HistogramPtr> histograms;
        NativeHistogram h;
        h.schema = 5;
        h.zero_threshold = 0x1p-17;
        h.gauge = random.below(2) == 0;
        for (std::size_t i = 0; i < n; ++i) {
            if (random.below(3) != 0 || i == 0) h = random_histogram(random, h);
            histograms.push_back(std::make_shared<NativeHistogram>(h));
        }
        std::string out;
        TimeContext context;
        put_histogram_block(out, context, times, histograms);
        const std::string room = padded(out);
        Times read_times;
        std::vector<HistogramPtr> read;
        ASSERT_TRUE(read_histogram_blocks({room.data(), out.size()}, n, times.front(), times.back(),
                                          INT64_MIN, INT64_MAX, {read_times, read}));
        ASSERT_EQ(read_times, times);
        for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(*read[i], *histograms[i]) << round;
        for (std::size_t i = 1; i < n; ++i)
            ASSERT_EQ(*read[i] == *read[i - 1], read[i] == read[i - 1]) << "shared";
        std::string damaged = room;
        damaged[random.below(out.size())] = static_cast<char>(random.next());
        (void)read_histogram_blocks({damaged.data(), out.size()}, n, times.front(), times.back(),
                                    INT64_MIN, INT64_MAX, {read_times, read});
    }
}

TEST(HistogramBlock, StaleMarkersAndParts) {
    std::string out;
    TimeContext context;
    const HistogramPtr none;
    auto one = std::make_shared<NativeHistogram>();
    one->positive = {{3, 2}, {4, 0}};
    one->count = 2;
    const Times times = regular(4);
    put_histogram_block(out, context, {times.data(), 2}, std::vector<HistogramPtr>{one, one});
    put_histogram_block(out, context, {times.data() + 2, 2}, std::vector<HistogramPtr>{none, none});
    const std::string room = padded(out);
    Times read_times;
    std::vector<HistogramPtr> read;
    ASSERT_TRUE(read_histogram_blocks({room.data(), out.size()}, 4, times.front(), times.back(),
                                      times[1], times[2], {read_times, read}));
    ASSERT_EQ(read_times, (Times{times[1], times[2]}));
    ASSERT_EQ(read[1], nullptr);
    ASSERT_EQ(read[0]->positive.size(), 1u) << "a bucket of nothing is not kept";
    EXPECT_EQ(read[0]->count, 2);
}

TEST(HistogramBlock, FarApartBucketsSplitTheBlock) {
    std::vector<HistogramPtr> histograms;
    for (int i = 0; i < 16; ++i) {
        auto h = std::make_shared<NativeHistogram>();
        for (int b = 0; b < 1000; ++b) h->positive.push_back({i * 1000 + b, 1});
        h->count = 1000;
        histograms.push_back(h);
    }
    const Times times = regular(16);
    std::string out;
    TimeContext context;
    put_histogram_block(out, context, times, histograms);
    const std::string room = padded(out);
    Times read_times;
    std::vector<HistogramPtr> read;
    ASSERT_TRUE(read_histogram_blocks({room.data(), out.size()}, 16, times.front(), times.back(),
                                      INT64_MIN, INT64_MAX, {read_times, read}));
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(*read[i], *histograms[i]);
}

}  // namespace
}  // namespace glassgate::store
