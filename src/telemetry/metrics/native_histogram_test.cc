#include "telemetry/metrics/native_histogram.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/ids.h"
#include "telemetry/metrics/classic_histogram.h"

namespace glassgate::telemetry {
namespace {

using namespace native_buckets;

// Prometheus' definition: bucket `index` holds (2^((index-1)/32), 2^(index/32)].
bool belongs(uint64_t ns, int bucket) {
    const long double seconds = static_cast<double>(ns) / 1e9;
    const int index = bucket + kFirstIndex;
    const auto bound = [](int i) {
        return static_cast<long double>(
            static_cast<double>(std::exp2(static_cast<long double>(i) / 32)));
    };
    return bound(index - 1) < seconds && seconds <= bound(index);
}

TEST(NativeBuckets, FollowPrometheusDefinition) {
    Random random(7);
    for (int i = 0; i < 200'000; ++i) {
        const uint64_t ns = random.next() >> (15 + random.below(36));
        const int bucket = bucket_of(ns);
        if (static_cast<double>(ns) / 1e9 <= kZeroThreshold)
            EXPECT_EQ(bucket, kZeroBucket) << ns;
        else
            EXPECT_TRUE(belongs(ns, bucket)) << ns << " in " << bucket;
    }
}

TEST(NativeBuckets, AroundEveryBoundWithinAnOctave) {
    for (int i = 0; i < kPerOctave; ++i) {
        const auto bound = static_cast<uint64_t>(std::exp2(i / 32.0L) * 1e9L);
        for (uint64_t ns = bound - 2; ns <= bound + 2; ++ns)
            EXPECT_TRUE(belongs(ns, bucket_of(ns))) << ns;
    }
}

TEST(NativeBuckets, PowersOfTwoBelongToTheBucketBelow) {
    EXPECT_EQ(bucket_of(1'000'000'000) + kFirstIndex, 0);  // 1 s = 2^(0/32)
    EXPECT_EQ(bucket_of(1'000'000'001) + kFirstIndex, 1);
    EXPECT_EQ(bucket_of(250'000'000) + kFirstIndex, -64);  // 2^-2
    EXPECT_EQ(bucket_of(2'000'000'000) + kFirstIndex, 32);
}

TEST(NativeBuckets, TheEnds) {
    EXPECT_EQ(bucket_of(0), kZeroBucket);
    EXPECT_EQ(bucket_of(7629), kZeroBucket);  // 2^-17 s is 7629.4 ns
    EXPECT_EQ(bucket_of(7630), 0);
    EXPECT_EQ(bucket_of(~uint64_t{0}), kOctaves * kPerOctave - 1);
}

TEST(NativeCells, SumUpOverWorkersByOctave) {
    NativeCells a, b;
    a.observe(0);
    a.observe(1'500'000'000);
    b.observe(1'500'000'000);
    b.observe(3'000'000);
    NativeReading reading;
    a.add_to(reading);
    b.add_to(reading);
    EXPECT_EQ(reading.zero, 1u);
    const int octave = bucket_of(1'500'000'000) / kPerOctave;
    EXPECT_EQ(reading.octave_total(octave), 2u);
    EXPECT_EQ(reading.octave_total(bucket_of(3'000'000) / kPerOctave), 1u);
    EXPECT_EQ(reading.octave_total(octave + 1), 0u);
    reading.clear();
    EXPECT_EQ(reading.octave_total(octave), 0u);
}

TEST(NativeCells, KeepTheNewestExemplarOfEachBucketOverWorkers) {
    constexpr double kEdges[] = {0.25, 1};
    TraceId first, second, third;
    first.bytes.fill(1);
    second.bytes.fill(2);
    third.bytes.fill(3);
    NativeCells a, b;
    a.remember(kEdges, first, 250'000'000, 1000);  // equal to an edge: belongs to it
    b.remember(kEdges, second, 100'000'000, 2000);
    b.remember(kEdges, third, 5'000'000'000, 1500);
    ExemplarReading found[3];
    a.exemplars(found);
    b.exemplars(found);
    ASSERT_TRUE(found[0].present);
    EXPECT_EQ(found[0].trace_id, second);
    EXPECT_DOUBLE_EQ(found[0].value, 0.1);
    EXPECT_EQ(found[0].wall_ns, 2000u);
    EXPECT_FALSE(found[1].present);
    ASSERT_TRUE(found[2].present);
    EXPECT_EQ(found[2].trace_id, third);
}

TEST(ClassicBuckets, HoldWhatIsNotAboveTheirEdge) {
    Random random(11);
    for (int i = 0; i < 100'000; ++i) {
        const uint64_t ns = random.next() >> random.below(64);
        uint8_t expected = 0;
        while (expected < classic_buckets::kEdgesMs.size() &&
               static_cast<long double>(ns) >
                   static_cast<long double>(classic_buckets::kEdgesMs[expected]) * 1e6L)
            ++expected;
        EXPECT_EQ(classic_buckets::bucket_of(ns), expected) << ns;
    }
}

}  // namespace
}  // namespace glassgate::telemetry
