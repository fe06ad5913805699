#include "store/feed/feed.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "store/feed/sampler.h"
#include "store/store_scene_test.h"

namespace glassgate::store {
namespace {

using namespace scene;

const Labels kCommon = labels({{"instance", "gw:9090"}, {"job", "glassgate"}});

TEST(LabelText, IsWhatExpositionsWrite) {
    Labels parsed;
    ASSERT_TRUE(parse_label_text(R"(a="b",c="d\"e\\f\ng",empty="")", parsed));
    EXPECT_EQ(parsed, (Labels{{"a", "b"}, {"c", "d\"e\\f\ng"}}));
    parsed.clear();
    EXPECT_TRUE(parse_label_text("", parsed));
    for (const char* bad : {"a", "a=", "a=\"", "a=\"b", "=\"b\"", "a=\"b\"c=\"d\"", "a=\"b\\"})
        EXPECT_FALSE(parse_label_text(bad, parsed)) << bad;
}

TEST(Feed, WritesRoundsAndEndsWhatIsGone) {
    Shop shop;
    Feed feed(*shop, kCommon);
    const auto round = [&](TimeMs t, std::vector<std::string> routes) {
        shop.now = t;
        feed.begin(t);
        for (const std::string& route : routes)
            feed.number({"requests_total", {}, route, {}}, SeriesKind::counter, 5);
        return feed.end();
    };
    EXPECT_EQ(round(kStart, {R"(route="a")", R"(route="b")"})[Append::stored], 2u);
    EXPECT_EQ(round(kStart + 1000, {R"(route="b")", R"(route="c")"})[Append::stored], 3u);
    EXPECT_EQ(
        round(kStart + 2000, {R"(route="c")", R"(route="b")", R"(route="a")"})[Append::stored], 3u);
    EXPECT_EQ(feed.series(), 3u);
    const std::vector<Series> found = shop.all("requests_total");
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].labels, labels({{"__name__", "requests_total"},
                                       {"instance", "gw:9090"},
                                       {"job", "glassgate"},
                                       {"route", "a"}}));
    ASSERT_EQ(found[0].values.size(), 3u);
    EXPECT_TRUE(is_stale(found[0].values[1]));
    EXPECT_EQ(found[0].values[2], 5) << "it came back";
    EXPECT_EQ(found[1].values, (std::vector<double>{5, 5, 5}));
    feed.close(kStart + 3000);
    for (const Series& series : shop.all("requests_total"))
        EXPECT_TRUE(is_stale(series.values.back()));
    EXPECT_EQ(feed.series(), 0u);
}

TEST(Feed, LabelsOfTheSourceWin) {
    Shop shop;
    Feed feed(*shop, kCommon);
    feed.begin(kStart);
    feed.number({"x", "_bucket", R"(job="own")", "+Inf"}, SeriesKind::counter, 1);
    feed.end();
    EXPECT_EQ(shop.one("x_bucket").labels, labels({{"__name__", "x_bucket"},
                                                   {"exported_job", "own"},
                                                   {"instance", "gw:9090"},
                                                   {"job", "glassgate"},
                                                   {"le", "+Inf"}}));
}

TEST(Feed, HistogramsAreMadeOnlyWhenTheyChanged) {
    Shop shop;
    Feed feed(*shop, {});
    int made = 0;
    const auto round = [&](TimeMs t, double count) {
        shop.now = t;
        feed.begin(t);
        feed.histogram({"h", {}, {}, {}}, count * 5, count * 5 * 0.25, [&] {
            ++made;
            return *histogram(count);
        });
        feed.exemplar(0.25, kStart + static_cast<TimeMs>(count), "trace");
        feed.end();
    };
    round(kStart, 1);
    round(kStart + 1000, 1);
    round(kStart + 2000, 2);
    EXPECT_EQ(made, 2);
    const Series series = shop.one("h");
    ASSERT_EQ(series.histograms.size(), 3u);
    EXPECT_EQ(*series.histograms[2], *histogram(2));
    const auto exemplars = shop->exemplars({}, 0, kStart + kDayMs);
    ASSERT_EQ(exemplars->size(), 1u);
    EXPECT_EQ((*exemplars)[0].exemplars.size(), 2u) << "the one seen twice is there once";
}

TEST(Feed, SeriesWithoutRoomAreCountedAndAskAgain) {
    Settings settings;
    settings.max_series = 1;
    settings.tiers = {{1000, kHourMs}};
    Shop shop(settings);
    Feed feed(*shop, {});
    TimeMs t = kStart;
    const auto round = [&](std::vector<std::string> names) {
        shop.now = t += 1000;
        feed.begin(t);
        for (const std::string& name : names) feed.number({name, {}, {}, {}}, SeriesKind::gauge, 1);
        feed.end();
    };
    round({"first", "second"});
    EXPECT_EQ(feed.refused(), 1u);
    round({"second"});
    shop.now = t += 2 * kHourMs;
    shop->trim();  // the first is long over and leaves
    for (int i = 0; i < 61; ++i) round({"second"});
    EXPECT_EQ(feed.refused(), 0u);
    EXPECT_FALSE(shop.all("second").empty());
}

TEST(Feed, GoesOnWhenTheStoreLetASeriesGo) {
    Settings settings;
    settings.tiers = {{1000, kHourMs}};
    Shop shop(settings);
    Feed feed(*shop, {});
    const auto round = [&] {
        feed.begin(shop.now);
        feed.number({"x", {}, {}, {}}, SeriesKind::gauge, 1);
        return feed.end();
    };
    round();
    shop.now = shop.now + 3 * kHourMs;  // the machine slept
    shop->trim();
    EXPECT_EQ(round()[Append::gone], 1u);
    shop.now = shop.now + 1000;
    EXPECT_EQ(round()[Append::stored], 1u);
}

TEST(Sampler, SamplesAtFullIntervals) {
    Settings settings;
    settings.background = false;
    auto store = Store::open(settings);
    ASSERT_TRUE(store);
    std::atomic<int> reads{0};
    Sampler sampler(**store, {}, 20, [&](Feed& feed) {
        feed.number({"x", {}, {}, {}}, SeriesKind::counter, ++reads);
    });
    sampler.start();
    const uint64_t deadline = mono_now_ns() + 20 * kNsPerSecond;
    while (reads < 5 && mono_now_ns() < deadline) std::this_thread::yield();
    sampler.stop();
    const auto found = (*store)->select(named("x"), 0, INT64_MAX, {});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1u);
    const Series& x = (*found)[0];
    ASSERT_GE(x.values.size(), 6u);
    // The last two are the stop's: what there was then, and the end.
    for (std::size_t i = 0; i + 2 < x.times_ms.size(); ++i) EXPECT_EQ(x.times_ms[i] % 20, 0);
    EXPECT_TRUE(is_stale(x.values.back())) << "the process ends, and so do its series";
    EXPECT_EQ((*store)->select(named("up"), 0, INT64_MAX, {})->at(0).values[0], 1);
    const Sampler::Numbers numbers = sampler.numbers();
    EXPECT_EQ(numbers.rounds, x.values.size() - 1);
    EXPECT_EQ(numbers.series, 2u);
    EXPECT_GT(numbers.busy_ns, 0u);
}

}  // namespace
}  // namespace glassgate::store
