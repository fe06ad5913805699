// What coarser tiers keep, and which tier answers.
#include <gtest/gtest.h>

#include "base/ids.h"
#include "store/store_scene_test.h"

namespace glassgate::store {
namespace {

using namespace scene;

// As rate() sees it: the sum of increases, a fall being a reset to zero.
double increase(const std::vector<double>& values) {
    double sum = 0;
    for (std::size_t i = 1; i < values.size(); ++i)
        sum += values[i] >= values[i - 1] ? values[i] - values[i - 1] : values[i];
    return sum;
}
std::size_t resets(const std::vector<double>& values) {
    std::size_t n = 0;
    for (std::size_t i = 1; i < values.size(); ++i) n += values[i] < values[i - 1];
    return n;
}

Settings three_tiers() {
    Settings settings;
    settings.tiers = {{1000, 2 * kHourMs}, {15'000, 3 * kDayMs}, {60'000, 90 * kDayMs}};
    return settings;
}
// All of a series as tier `i` keeps it.
Series of_tier(const Settings& base, std::size_t i, SeriesKind kind,
               const std::vector<double>& values) {
    // A tier that is never chosen in front of it, so that a query must take the one asked for.
    Settings settings = base;
    Shop shop(settings);
    const Handle h = shop->obtain(metric("x"), kind);
    shop.feed(h, kStart, values);
    const TimeMs from = kStart;
    // Long after, when only that tier reaches back so far.
    const TimeMs later =
        i == 0 ? shop.now.load() : shop.now + settings.tiers[i - 1].retention_ms + kHourMs;
    shop.now = later;
    EXPECT_EQ(shop->tier_for(from), settings.tiers[i]);
    return shop.one("x", from, later);
}

TEST(Tiers, AGaugeKeepsTheLastOfEachInterval) {
    std::vector<double> values;
    for (int i = 0; i <= 120; ++i) values.push_back(i % 7);
    const Series fine = of_tier(three_tiers(), 0, SeriesKind::gauge, values);
    EXPECT_EQ(fine.values.size(), 121u);
    const Series coarse = of_tier(three_tiers(), 1, SeriesKind::gauge, values);
    EXPECT_EQ(coarse.times_ms,
              (std::vector<TimeMs>{kStart, kStart + 15'000, kStart + 30'000, kStart + 45'000,
                                   kStart + 60'000, kStart + 75'000, kStart + 90'000,
                                   kStart + 105'000, kStart + 120'000}));
    EXPECT_EQ(coarse.values, (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 0, 1}));
    const Series minutes = of_tier(three_tiers(), 2, SeriesKind::gauge, values);
    EXPECT_EQ(minutes.values, (std::vector<double>{0, 4, 1}));
}

TEST(Tiers, TheNewestSampleIsSeenBeforeItsIntervalIsOver) {
    const Series coarse = of_tier(three_tiers(), 1, SeriesKind::gauge, std::vector<double>(20, 3));
    EXPECT_EQ(coarse.times_ms, (std::vector<TimeMs>{kStart, kStart + 15'000, kStart + 19'000}));
}

TEST(Tiers, ACounterLosesNoIncreaseWhateverResetsIt) {
    Random random(9);
    for (int round = 0; round < 50; ++round) {
        std::vector<double> values;
        double v = static_cast<double>(random.below(1000));
        for (int i = 0; i < 400; ++i) {
            if (random.below(25) == 0) v = static_cast<double>(random.below(3));
            values.push_back(v += static_cast<double>(random.below(40)));
        }
        for (std::size_t tier = 1; tier < 3; ++tier) {
            const Series kept = of_tier(three_tiers(), tier, SeriesKind::counter, values);
            ASSERT_EQ(increase(kept.values), increase(values)) << round;
            ASSERT_EQ(resets(kept.values), resets(values)) << round;
            ASSERT_LT(kept.values.size(), values.size() / 2);
        }
    }
}

TEST(Tiers, AResetHiddenInsideAnIntervalIsKept) {
    // 95 | 3 ... 200: by the last of each interval alone it would look like an increase of 105.
    std::vector<double> values(15, 95);
    for (int i = 0; i < 15; ++i) values.push_back(3 + i * 14.0);
    const Series kept = of_tier(three_tiers(), 1, SeriesKind::counter, values);
    EXPECT_EQ(increase(kept.values), 199);
    EXPECT_EQ(resets(kept.values), 1u);
}

TEST(Tiers, StalenessMarkersAreKeptWithTheSampleBefore) {
    const Series kept =
        of_tier(three_tiers(), 2, SeriesKind::counter, {1, 2, 3, stale_marker(), 4, 5, 6, 7});
    ASSERT_EQ(kept.times_ms,
              (std::vector<TimeMs>{kStart, kStart + 2000, kStart + 3000, kStart + 7000}));
    EXPECT_EQ(kept.values[1], 3);
    EXPECT_TRUE(is_stale(kept.values[2]));
}

TEST(Tiers, AResetAcrossAGapIsSeen) {
    const Series kept =
        of_tier(three_tiers(), 1, SeriesKind::counter, {100, stale_marker(), 5, 6, 7, 8, 200});
    std::vector<double> real;
    for (const double v : kept.values)
        if (!is_stale(v)) real.push_back(v);
    EXPECT_EQ(increase(real), 200);
}

TEST(Tiers, HistogramsKeepTheLastAndTheirResets) {
    Shop shop(three_tiers());
    const Handle h = shop->obtain(metric("h"), SeriesKind::counter);
    for (int i = 0; i <= 60; ++i) {
        shop.now = kStart + i * 1000;
        ASSERT_EQ(shop->append(h, shop.now, histogram(i < 40 ? i : i - 40)), Append::stored);
    }
    shop.now = kStart + kDayMs;
    const Series kept = shop.one("h", kStart, shop.now);
    std::vector<TimeMs> seconds;
    for (const TimeMs t : kept.times_ms) seconds.push_back((t - kStart) / 1000);
    EXPECT_EQ(seconds, (std::vector<TimeMs>{0, 15, 30, 39, 40, 45, 60}));
    EXPECT_EQ(*kept.histograms[3], *histogram(39));
}

TEST(Tiers, HistogramResets) {
    NativeHistogram before;
    before.positive = {{1, 5}, {4, 2}};
    before.count = 7;
    NativeHistogram after = before;
    EXPECT_FALSE(was_reset(before, after));
    after.positive[1].count = 9;
    after.count = 14;
    EXPECT_FALSE(was_reset(before, after));
    after.positive = {{1, 20}};
    after.count = 20;
    EXPECT_TRUE(was_reset(before, after)) << "a bucket is gone although there are more";
    after = before;
    after.schema = 3;
    EXPECT_TRUE(was_reset(before, after));
}

// Tier of a range that begins so long ago, in a store that has run for half a year.
TEST(Tiers, TheFinestThatReachesBackAnswers) {
    Shop shop(three_tiers());
    const Handle h = shop->obtain(metric("x"), SeriesKind::gauge);
    shop.now = kStart;
    shop->append(h, kStart, 1);
    const auto step = [&](int64_t ago) { return shop->tier_for(shop.now - ago).step_ms; };
    shop.now = kStart + kHourMs;
    EXPECT_EQ(step(365 * kDayMs), 1000) << "the finest has all there ever was";
    shop.now = kStart + 180 * kDayMs;
    EXPECT_EQ(step(0), 1000);
    EXPECT_EQ(step(2 * kHourMs), 1000);
    EXPECT_EQ(step(2 * kHourMs + 5 * kMinuteMs), 1000) << "with the window before the range";
    EXPECT_EQ(step(3 * kHourMs), 15'000);
    EXPECT_EQ(step(3 * kDayMs), 15'000);
    EXPECT_EQ(step(4 * kDayMs), 60'000);
    EXPECT_EQ(step(400 * kDayMs), 60'000);
}

// A day in memory: what leaves the finest tier is in the next.
TEST(Tiers, RetentionForgetsInEachTier) {
    Settings settings;
    settings.tiers = {{1000, 10 * kMinuteMs}, {15'000, kHourMs}};
    Shop shop(settings);
    const Handle h = shop->obtain(metric("x"), SeriesKind::counter);
    for (int i = 0; i < 24 * 3600; ++i) {
        shop.now = kStart + i * 1000;
        shop->append(h, shop.now, i);
        if (i % 600 == 0) shop->trim();
    }
    shop->trim();
    const Series fine = shop.one("x", shop.now - 10 * kMinuteMs, shop.now);
    EXPECT_EQ(fine.values.size(), 601u);
    const Series coarse = shop.one("x", shop.now - kHourMs, shop.now);
    EXPECT_NEAR(static_cast<double>(coarse.values.size()), 241, 1);
    EXPECT_EQ(increase(coarse.values), coarse.values.back() - coarse.values.front());
    const Series all = shop.one("x", 0, shop.now);
    EXPECT_LT(all.values.size(), 1500u) << "older ones are gone";
}

}  // namespace
}  // namespace glassgate::store
