#include "gateway/store_feed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/clock.h"
#include "store/store.h"
#include "telemetry/metrics/scene_test.h"

namespace glassgate::gateway {
namespace {

using store::Labels;
using store::Matcher;
using store::Series;
using store::TimeMs;
using telemetry::scene::Call;
using telemetry::scene::Plan;
using telemetry::scene::Shop;

constexpr TimeMs kStart = 1'795'770'840'000;

// A registry that is sampled into a store in memory.
struct Sampled {
    Sampled() {
        store::Settings settings;
        settings.background = false;
        settings.now = [this] { return now; };
        store = std::move(*store::Store::open(settings));
        feed = std::make_unique<store::Feed>(*store, Labels{{"job", "glassgate"}});
    }
    void sample() {
        now += 1000;
        feed->begin(now);
        source.read(*feed);
        feed->end();
    }
    [[nodiscard]] std::vector<Series> all() const { return *store->select({}, kStart, now, {}); }
    // The one series of that name with that label.
    [[nodiscard]] Series one(const std::string& name, const std::string& label = "job",
                             const std::string& value = "glassgate") const {
        const auto found = *store->select(
            {{"__name__", Matcher::Kind::equal, name}, {label, Matcher::Kind::equal, value}},
            kStart, now, {});
        EXPECT_EQ(found.size(), 1u) << name;
        return found.empty() ? Series{} : found[0];
    }

    Shop shop;
    TimeMs now = kStart;
    StoreFeed source{shop.registry};
    std::unique_ptr<store::Store> store;
    std::unique_ptr<store::Feed> feed;
};

std::string text_of(const Labels& labels) {
    std::map<std::string, std::string> sorted;
    for (const auto& label : labels)
        if (label.name != "__name__" && label.name != "job") sorted[label.name] = label.value;
    std::string out(store::value_of(labels, "__name__"));
    for (const auto& [name, value] : sorted) out.append("|").append(name).append("=").append(value);
    return out;
}

// Series and values are those of the text format, whatever else there is.
TEST(StoreFeed, IsWhatAScrapeSees) {
    Sampled s;
    Call(s.shop.plan).took_ms(3).traced(7).through(s.shop.worker());
    Call(s.shop.plan).on(1).took_ms(700).through(s.shop.worker());
    s.sample();
    std::string text;
    s.shop.registry.expose(telemetry::Exposition::text_0_0_4, text);
    std::map<std::string, double> scraped;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line[0] == '#') continue;
        const std::size_t space = line.rfind(' ');
        const std::size_t open = std::min(line.find('{'), space);
        Labels labels;
        ASSERT_TRUE(store::parse_label_text(
            open == space ? "" : line.substr(open + 1, space - open - 2), labels))
            << line;
        labels.push_back({"__name__", line.substr(0, open)});
        scraped[text_of(labels)] = std::strtod(line.c_str() + space + 1, nullptr);
    }
    std::size_t compared = 0;
    for (const Series& series : s.all()) {
        if (!series.histograms.empty()) continue;
        const std::string name = text_of(series.labels);
        ASSERT_TRUE(scraped.contains(name)) << name;
        ++compared;
        if (!name.starts_with("process_") && name != "flex_series") {
            EXPECT_EQ(series.values.back(), scraped[name]) << name;
        }
    }
    EXPECT_EQ(compared, scraped.size());
}

TEST(StoreFeed, NativeHistogramsAreExact) {
    Sampled s;
    for (int i = 1; i <= 100; ++i) Call(s.shop.plan).took_ms(i).traced(1).through(s.shop.worker());
    s.sample();
    s.sample();
    const Series series = s.one("flex_request_duration_seconds", "path", "/api/products");
    ASSERT_EQ(series.histograms.size(), 2u);
    EXPECT_EQ(series.histograms[0], series.histograms[1]) << "unchanged, hence shared";
    const store::NativeHistogram& h = *series.histograms[1];
    EXPECT_EQ(h.schema, 5);
    EXPECT_EQ(h.count, 100);
    EXPECT_NEAR(h.sum, 5.05, 1e-9);
    double in_buckets = h.zero_count;
    for (const auto& bucket : h.positive) {
        in_buckets += bucket.count;
        // Bucket i covers (2^((i-1)/32), 2^(i/32)] seconds.
        EXPECT_GE(std::exp2(bucket.index / 32.0), 0.001 * (1 - 1e-9));
        EXPECT_LE(std::exp2((bucket.index - 1) / 32.0), 0.1);
    }
    EXPECT_EQ(in_buckets, 100);
    const auto exemplars = s.store->exemplars({}, 0, INT64_MAX);
    ASSERT_TRUE(exemplars);
    EXPECT_GE(exemplars->size(), 2u) << "with the histogram and with a bucket";
}

TEST(StoreFeed, CountersAreCounters) {
    Sampled s;
    s.sample();
    s.now += 5 * store::kHourMs;  // only coarse tiers reach back so far: they know what a reset is
    Call(s.shop.plan).through(s.shop.worker());
    s.sample();
    const Series series = s.one("flex_rate_limit_exceeded", "path", "/api/products");
    EXPECT_EQ(series.values.size(), 2u);
}

TEST(StoreFeed, SeriesOfRoutesThatAreGoneEnd) {
    Sampled s;
    Call(s.shop.plan).on(1).through(s.shop.worker());
    s.sample();
    Plan without = telemetry::scene::shop(2);
    without->routes.pop_back();
    s.shop.apply(without);
    for (int i = 0; i < 6; ++i) s.sample();
    const auto found = *s.store->select({{"__name__", Matcher::Kind::equal, "flex_requests_total"},
                                         {"route", Matcher::Kind::equal, "cart"}},
                                        kStart, s.now, {});
    ASSERT_FALSE(found.empty());
    for (const Series& gone : found) {
        EXPECT_TRUE(store::is_stale(gone.values.back()));
        EXPECT_GE(gone.values.size(), 4u) << "its last numbers were seen before";
    }
    // A scraper that comes now still sees them: samples did not use up its grace.
    std::string text;
    s.shop.registry.expose(telemetry::Exposition::text_0_0_4, text);
    EXPECT_NE(text.find("route=\"cart\""), std::string::npos);
}

}  // namespace
}  // namespace glassgate::gateway
