#include "store/feed/scraped_text.h"

#include <gtest/gtest.h>

namespace glassgate::store {
namespace {

TEST(ScrapedText, ReadsOpenMetrics) {
    const auto scraped = read_scraped_text(
        "# HELP requests Requests, all.\n"
        "# TYPE requests counter\n"
        "requests_total{route=\"a\",path=\"x\\\"\\\\\\ny\"} 3 # {trace_id=\"ab\"} 0.5 12.5\n"
        "# TYPE open gauge\n"
        "open 7 1600000000\n"
        "# EOF\n",
        TextFormat::open_metrics);
    ASSERT_TRUE(scraped) << scraped.error().message;
    ASSERT_EQ(scraped->samples.size(), 2u);
    const ScrapedSample& first = scraped->samples[0];
    EXPECT_EQ(first.metric, "requests_total");
    EXPECT_EQ(first.labels, "path=\"x\\\"\\\\\\ny\",route=\"a\"");
    EXPECT_EQ(first.kind, SeriesKind::counter);
    EXPECT_EQ(first.value, 3);
    ASSERT_TRUE(first.exemplar);
    EXPECT_EQ(first.exemplar->time_ms, 12'500);
    EXPECT_EQ(value_of(first.exemplar->labels, "trace_id"), "ab");
    EXPECT_EQ(scraped->samples[1].kind, SeriesKind::gauge);
    ASSERT_EQ(scraped->families.size(), 2u);
    EXPECT_EQ(scraped->families[0].type, "counter");
    EXPECT_EQ(scraped->families[0].help, "Requests, all.");
}

TEST(ScrapedText, ReadsPrometheusText) {
    const auto scraped = read_scraped_text(
        "# a comment\n\n# TYPE odd counter\nodd 1\r\n  lat_bucket{ le = \"1\" , } 2 17\n"
        "# TYPE x untyped\nx NaN\n",
        TextFormat::prometheus_text);
    ASSERT_TRUE(scraped) << scraped.error().message;
    ASSERT_EQ(scraped->samples.size(), 3u);
    EXPECT_EQ(scraped->samples[0].kind, SeriesKind::counter);
    EXPECT_EQ(scraped->samples[1].labels, "le=\"1\"");
    EXPECT_EQ(scraped->samples[1].kind, SeriesKind::counter);
    EXPECT_EQ(scraped->samples[2].kind, SeriesKind::gauge);
    EXPECT_EQ(scraped->families[1].type, "unknown");
}

TEST(ScrapedText, OneBadLineSpoilsAll) {
    for (const std::string_view bad : {"up 1\nup{ 2\n", "up x\n", "up stale\n", "{a=\"b\"} 1\n"}) {
        const auto scraped = read_scraped_text(bad, TextFormat::prometheus_text);
        EXPECT_FALSE(scraped) << bad;
    }
    for (const std::string_view bad :
         {"up 1\n", "up 1\n\n# EOF\n", "# EOF\nup 1\n", "# comment\n# EOF\n"})
        EXPECT_FALSE(read_scraped_text(bad, TextFormat::open_metrics)) << bad;
    EXPECT_TRUE(read_scraped_text("", TextFormat::prometheus_text));
    EXPECT_TRUE(read_scraped_text("# EOF", TextFormat::open_metrics));
}

TEST(ScrapedText, FeedsTheStoreAndMarksWhatHasGone) {
    Settings settings;
    settings.background = false;
    const TimeMs start = 1'700'000'000'000;
    settings.now = [&] { return start + 20'000; };
    auto store = Store::open(settings);
    ASSERT_TRUE(store);
    Feed feed(**store, {{"instance", "b:9090"}, {"job", "siblings"}});
    const auto round = [&](TimeMs t_ms, std::string_view text) {
        const auto scraped = read_scraped_text(text, TextFormat::prometheus_text);
        feed.begin(t_ms);
        if (scraped) feed_scraped(*scraped, feed, t_ms);
        feed.end();
    };
    round(start, "a_total{job=\"inner\"} 1\nb 2\n");
    round(start + 5000, "a_total{job=\"inner\"} 4\n");
    const auto all = (*store)->select({{"__name__", Matcher::Kind::regex, "a_total|b"}}, start,
                                      start + 10'000, {});
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 2u);
    EXPECT_EQ(value_of((*all)[0].labels, "exported_job"), "inner");
    EXPECT_EQ(value_of((*all)[0].labels, "job"), "siblings");
    EXPECT_EQ((*all)[0].values, (std::vector<double>{1, 4}));
    ASSERT_EQ((*all)[1].values.size(), 2u);
    EXPECT_TRUE(is_stale((*all)[1].values[1]));
}

}  // namespace
}  // namespace glassgate::store
