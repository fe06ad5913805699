#include "store/store.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/ids.h"
#include "store/store_scene_test.h"

namespace glassgate::store {
namespace {

using namespace scene;

TEST(Store, TakesAndGivesSamples) {
    Shop shop;
    const Handle up = shop->obtain(metric("up"), SeriesKind::gauge);
    ASSERT_TRUE(up.valid());
    EXPECT_EQ(shop->obtain(metric("up"), SeriesKind::gauge), up);
    std::vector<double> values;
    for (int i = 0; i < 3000; ++i) values.push_back(i % 700 < 300 ? 1 : i * 0.5);
    shop.feed(up, kStart, values);
    const Series series = shop.one("up");
    EXPECT_EQ(series.labels, metric("up"));
    EXPECT_EQ(series.values, values);
    ASSERT_EQ(series.times_ms.size(), 3000u);
    EXPECT_EQ(series.times_ms[2999], kStart + 2'999'000);
    EXPECT_TRUE(series.histograms.empty());
    const Series part = shop.one("up", kStart + 64'000, kStart + 66'500);
    EXPECT_EQ(part.times_ms,
              (std::vector<TimeMs>{kStart + 64'000, kStart + 65'000, kStart + 66'000}));
    EXPECT_TRUE(shop.all("up", kStart - 5000, kStart - 1).empty()) << "no sample, no series";
}

TEST(Store, SortsByLabelsAndListsThem) {
    Shop shop;
    for (const char* route : {"c", "a", "b"})
        shop->append(shop->obtain(metric("up", route), SeriesKind::gauge), kStart, 1);
    std::vector<std::string> routes;
    for (const Series& series : shop.all("up"))
        routes.emplace_back(value_of(series.labels, "route"));
    EXPECT_EQ(routes, (std::vector<std::string>{"a", "b", "c"}));
    const auto listed = shop->series(named("up"), kStart - 1000, kStart + 1000);
    ASSERT_TRUE(listed);
    EXPECT_EQ(*listed,
              (std::vector<Labels>{metric("up", "a"), metric("up", "b"), metric("up", "c")}));
    EXPECT_TRUE(shop->series(named("up"), kStart + 1, kStart + 1000)->empty());
    EXPECT_FALSE(shop->series({{"route", Matcher::Kind::regex, "("}}, 0, 1));
}

TEST(Store, TimeGoesOn) {
    Shop shop;
    const Handle up = shop->obtain(metric("up"), SeriesKind::gauge);
    EXPECT_EQ(shop->append(up, kStart, 1), Append::stored);
    EXPECT_EQ(shop->append(up, kStart, 1), Append::duplicate);
    EXPECT_EQ(shop->append(up, kStart, 2), Append::conflicting);
    EXPECT_EQ(shop->append(up, kStart - 1, 1), Append::out_of_order);
    EXPECT_EQ(shop->append(up, kStart + kMaxAheadMs + 1, 1), Append::too_new);
    EXPECT_EQ(shop->append(up, kStart - 91 * kDayMs, 1), Append::too_old);
    EXPECT_EQ(shop->append(Handle{}, kStart, 1), Append::gone);
    EXPECT_EQ(shop->append(up, kStart, HistogramPtr{histogram(1)}), Append::conflicting);
    const Stats stats = shop->stats();
    EXPECT_EQ(stats.samples(Append::stored), 1u);
    EXPECT_EQ(stats.samples(Append::duplicate), 1u);
    EXPECT_EQ(stats.samples(Append::conflicting), 2u);
    EXPECT_EQ(stats.samples(Append::out_of_order), 1u);
    EXPECT_EQ(stats.samples(Append::too_new), 1u);
    EXPECT_EQ(stats.samples(Append::too_old), 1u);
    EXPECT_EQ(stats.samples(Append::gone), 1u);
}

TEST(Store, KeepsStalenessMarkersAndPayloads) {
    Shop shop;
    const Handle up = shop->obtain(metric("up"), SeriesKind::gauge);
    const double payload = std::bit_cast<double>(0x7ff8'1234'5678'9abcULL);
    shop.feed(up, kStart, {1, 1, stale_marker(), 2, payload, -0.0});
    const Series series = shop.one("up");
    ASSERT_EQ(series.values.size(), 6u);
    EXPECT_TRUE(is_stale(series.values[2]));
    EXPECT_EQ(std::bit_cast<uint64_t>(series.values[4]), 0x7ff8'1234'5678'9abcULL);
    EXPECT_TRUE(std::signbit(series.values[5]));
}

TEST(Store, HistogramsAreSamples) {
    Shop shop;
    const Handle h = shop->obtain(metric("latency"), SeriesKind::counter);
    for (int i = 0; i < 300; ++i) {
        shop.now = kStart + i * 1000;
        ASSERT_EQ(shop->append(h, shop.now, histogram(i / 3)), Append::stored);
    }
    ASSERT_EQ(shop->append(h, kStart + 300'000, stale_marker()), Append::stored);
    const Series series = shop.one("latency");
    ASSERT_EQ(series.histograms.size(), 301u);
    ASSERT_EQ(series.values.size(), 301u);
    for (int i = 3; i < 300; ++i) {
        ASSERT_EQ(*series.histograms[static_cast<std::size_t>(i)], *histogram(i / 3)) << i;
        ASSERT_EQ(series.values[static_cast<std::size_t>(i)], 0);
    }
    EXPECT_EQ(series.histograms[300], nullptr);
    EXPECT_TRUE(is_stale(series.values[300]));
}

TEST(Store, ASeriesMayChangeItsType) {
    Shop shop;
    const Handle x = shop->obtain(metric("x"), SeriesKind::counter);
    shop.feed(x, kStart, {1, 2});
    shop->append(x, kStart + 2000, histogram(1));
    shop->append(x, kStart + 3000, histogram(2));
    shop->append(x, kStart + 4000, 7.0);
    const Series series = shop.one("x");
    ASSERT_EQ(series.histograms.size(), 5u);
    EXPECT_EQ(series.values, (std::vector<double>{1, 2, 0, 0, 7}));
    EXPECT_EQ(series.histograms[1], nullptr);
    EXPECT_NE(series.histograms[2], nullptr);
    EXPECT_EQ(series.histograms[4], nullptr);
}

TEST(Store, AVisitIsASelectWithoutKeeping) {
    Shop shop;
    for (int r = 0; r < 5; ++r) {
        const Handle up = shop->obtain(metric("up", std::to_string(r)), SeriesKind::gauge);
        for (int i = 0; i < 100 * r; ++i) shop->append(up, kStart + i * 1000, i);
    }
    const std::vector<Series> selected = shop.all("up");
    std::size_t next = 0;
    const auto see = [&](const SeriesView& view) -> Status {
        EXPECT_EQ(view.labels, selected.at(next).labels);
        EXPECT_TRUE(std::ranges::equal(view.times_ms, selected[next].times_ms));
        EXPECT_TRUE(std::ranges::equal(view.values, selected[next].values));
        return ++next == 4 ? failure("enough") : Status{};
    };
    const Status visited = shop->visit(named("up"), 0, kStart + kDayMs, {}, see);
    ASSERT_FALSE(visited);
    EXPECT_EQ(visited.error().message, "enough");
    EXPECT_EQ(next, 4u);
}

TEST(Store, SeriesHaveACap) {
    Settings settings;
    settings.max_series = 3;
    Shop shop(settings);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(shop->obtain(metric("up", std::to_string(i)), SeriesKind::gauge).valid(), i < 3);
    EXPECT_TRUE(shop->obtain(metric("up", "0"), SeriesKind::gauge).valid()) << "known ones go on";
    const Stats stats = shop->stats();
    EXPECT_EQ(stats.series, 3u);
    EXPECT_EQ(stats.series_limit, 3u);
    EXPECT_EQ(stats.series_overflow_total, 2u);
}

TEST(Store, SilentSeriesMakeRoom) {
    Settings settings;
    settings.max_series = 1;
    Shop shop(settings);
    const Handle first = shop->obtain(metric("up", "first"), SeriesKind::gauge);
    shop->append(first, kStart, 1);
    shop->trim();
    EXPECT_FALSE(shop->obtain(metric("up", "second"), SeriesKind::gauge).valid());
    shop.now = kStart + 91 * kDayMs;
    shop->trim();
    EXPECT_EQ(shop->append(first, shop.now, 1), Append::gone);
    const Handle second = shop->obtain(metric("up", "second"), SeriesKind::gauge);
    ASSERT_TRUE(second.valid());
    EXPECT_EQ(shop->append(first, shop.now, 1), Append::gone) << "not the new one's";
    EXPECT_EQ(shop->append(second, shop.now, 1), Append::stored);
}

TEST(Store, ASeriesWithoutSamplesDoesNotStay) {
    Shop shop;
    const Handle none = shop->obtain(metric("none"), SeriesKind::gauge);
    shop->trim();
    shop.now = kStart + 59'000;
    shop->trim();
    EXPECT_EQ(shop->stats().series, 1u);
    shop.now = kStart + 60'000;
    shop->trim();
    EXPECT_EQ(shop->stats().series, 0u);
    EXPECT_EQ(shop->append(none, kStart, 1), Append::gone);
}

TEST(Store, LimitsEndAQuery) {
    Shop shop;
    for (int r = 0; r < 40; ++r) {
        const Handle up = shop->obtain(metric("up", std::to_string(r)), SeriesKind::gauge);
        for (int i = 0; i < 100; ++i) shop->append(up, kStart + i * 1000, i);
    }
    Limits limits;
    const auto ask = [&] { return shop->select(named("up"), kStart, kStart + 100'000, limits); };
    EXPECT_TRUE(ask());
    limits.max_samples = 3999;
    const auto too_many = ask();
    ASSERT_FALSE(too_many);
    EXPECT_NE(too_many.error().message.find("3999 samples"), std::string::npos);
    limits.max_samples = 4000;
    EXPECT_TRUE(ask());
    limits.max_bytes = 4000 * 16 - 1;
    EXPECT_FALSE(ask());
    limits.max_bytes = 0;
    limits.deadline_ns = 1;
    EXPECT_FALSE(ask());
    limits.deadline_ns = 0;
    std::atomic<bool> cancelled{true};
    limits.cancelled = &cancelled;
    ASSERT_FALSE(ask());
    EXPECT_EQ(ask().error().message, "the query was cancelled");
}

// The hard cap: memory stays below it whatever comes, and what had to go is counted.
TEST(Store, MemoryHasACap) {
    Settings settings;
    settings.memory_max_bytes = 4u << 20;
    Shop shop(settings);
    Random random(1);
    std::vector<Handle> handles;
    for (int i = 0; i < 300; ++i)
        handles.push_back(shop->obtain(metric("noise", std::to_string(i)), SeriesKind::gauge));
    for (int t = 0; t < 3000; ++t) {
        shop.now = kStart + t * 1000;
        std::vector<Sample> batch;
        for (const Handle h : handles) batch.push_back({h, shop.now, random.unit()});
        shop->append(batch);
        if (t % 10 == 0) shop->trim();
        ASSERT_LT(shop->stats().memory_bytes, settings.memory_max_bytes * 11 / 10);
    }
    const Stats stats = shop->stats();
    EXPECT_GT(stats.samples_dropped_total, 0u);
    // What is left is the newest, without a hole.
    const TimeMs from = kStart + 2'900'000;
    const Series series = shop.all("noise", from, shop.now)[0];
    EXPECT_EQ(series.times_ms.size(), 100u);
    shop->append(handles[0], shop.now, 2);
}

TEST(Store, WithoutTrimmingAppendsAreRefusedAtTheCap) {
    Settings settings;
    settings.memory_max_bytes = 1u << 20;
    Shop shop(settings);
    Random random(1);
    const Handle h = shop->obtain(metric("noise"), SeriesKind::gauge);
    Append outcome = Append::stored;
    TimeMs t = kStart;
    for (int i = 0; i < 1'000'000 && outcome == Append::stored; ++i) {
        shop.now = ++t;
        outcome = shop->append(h, t, random.unit());
    }
    EXPECT_EQ(outcome, Append::no_memory);
    EXPECT_FALSE(shop->obtain(metric("more"), SeriesKind::gauge).valid());
    EXPECT_LT(shop->stats().memory_bytes, settings.memory_max_bytes * 11 / 10);
    shop.now = t + 3 * kHourMs;
    shop->trim();
    EXPECT_EQ(shop->append(h, shop.now, 1), Append::stored);
}

TEST(Store, Exemplars) {
    Settings settings;
    settings.max_exemplars = 10;
    Shop shop(settings);
    const Handle busy = shop->obtain(metric("busy"), SeriesKind::counter);
    const Handle calm = shop->obtain(metric("calm"), SeriesKind::counter);
    shop->add_exemplar(calm, {labels({{"trace_id", "c"}}), 0.5, kStart});
    for (int i = 0; i < 100; ++i)
        shop->add_exemplar(busy, {labels({{"trace_id", std::to_string(i)}}), 1, kStart + i});
    shop->add_exemplar(busy, {labels({{"trace_id", "again"}}), 1, kStart + 99});
    EXPECT_EQ(shop->stats().exemplars, 10u);
    const auto found = shop->exemplars({}, kStart, kStart + 1000);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 2u) << "the calm one keeps its own";
    EXPECT_EQ((*found)[0].series, metric("busy"));
    EXPECT_EQ((*found)[0].exemplars.back().labels, labels({{"trace_id", "99"}}));
    EXPECT_EQ((*found)[0].exemplars.size(), 9u);
    EXPECT_EQ(shop->exemplars(named("calm"), kStart + 1, kStart + 9)->size(), 0u);
}

TEST(Store, SettingsThatMakeNoSenseAreRefused) {
    const auto refused = [](auto change) {
        Settings settings;
        settings.background = false;
        change(settings);
        return !Store::open(settings).has_value();
    };
    EXPECT_TRUE(refused([](Settings& s) { s.tiers.clear(); }));
    EXPECT_TRUE(refused([](Settings& s) { s.tiers[1].step_ms = 500; }));
    EXPECT_TRUE(refused([](Settings& s) { s.tiers[1].retention_ms = 1000; }));
    EXPECT_TRUE(refused([](Settings& s) { s.max_series = 0; }));
    EXPECT_FALSE(refused([](Settings&) {}));
}

// Whatever is given up is given back.
TEST(Store, AccountsForEveryByte) {
    Settings settings;
    settings.tiers = {{1000, kMinuteMs}};
    settings.max_series = 1000;
    Shop shop(settings);
    const auto round = [&](int number) {
        for (int i = 0; i < 100; ++i) {
            const std::string route = std::to_string(number) + "-" + std::to_string(i);
            const Handle h = shop->obtain(metric("x", route), SeriesKind::gauge);
            for (int k = 0; k < 300; ++k)
                if (i % 2 == 0)
                    shop->append(h, shop.now + k * 100, i % 4 == 0 ? k : 1);
                else
                    shop->append(h, shop.now + k * 100, histogram(k / 10));
        }
        shop.now = shop.now + kDayMs;
        shop->trim();
        EXPECT_EQ(shop->stats().series, 0u);
        return shop->stats().memory_bytes;
    };
    const uint64_t after_one = round(1);
    EXPECT_EQ(round(2), after_one);
    EXPECT_EQ(round(3), after_one);
}

}  // namespace
}  // namespace glassgate::store
