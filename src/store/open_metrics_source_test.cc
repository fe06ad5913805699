#include "store/open_metrics_source.h"

#include <gtest/gtest.h>

namespace glassgate::store {
namespace {

std::string complaint(std::string_view text) {
    const auto read = read_samples(text);
    return read ? "" : read.error().message;
}

TEST(OpenMetrics, samples_with_labels_and_times) {
    const auto read = read_samples(
        "# HELP a_total Help with \\n and \\\\.\n# TYPE a_total counter\n# UNIT b_seconds seconds\n"
        "a_total 1 10\na_total{x=\"y\\\"\\\\\\n\\z\",w=\"\"} 2e3 10.25\na_total NaN 11.5\n"
        "a_total +Inf 12 # {trace_id=\"t\"} 0.5 12\n# EOF\n");
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->size(), 2u);
    EXPECT_EQ((*read)[0].times_ms, (std::vector<TimeMs>{10'000, 11'500, 12'000}));
    EXPECT_EQ((*read)[1].labels, (Labels{{"__name__", "a_total"}, {"x", "y\"\\\n\\z"}}));
    EXPECT_EQ((*read)[1].times_ms, (std::vector<TimeMs>{10'250}));
    EXPECT_EQ((*read)[1].values, (std::vector<double>{2000}));
}

TEST(OpenMetrics, is_strict) {
    const struct {
        const char* text;
        const char* message;
    } cases[] = {
        {"a 1\n# EOF", "line 1: the sample has no timestamp"},
        {"a 1 1\n\n# EOF", "line 2: an empty line"},
        {"a  1 1\n# EOF", "line 1: not a number: \"\""},
        {"a 1 1 \n# EOF", "line 1: unexpected \" \" after the sample"},
        {"a 1 x\n# EOF", "line 1: not a timestamp in seconds: \"x\""},
        {"a 1 Inf\n# EOF", "line 1: not a timestamp in seconds: \"Inf\""},
        {"a 1 1e30\n# EOF", "line 1: timestamp out of range: \"1e30\""},
        {"a x 1\n# EOF", "line 1: not a number: \"x\""},
        {"a{b=\"c\",} 1 1\n# EOF", "line 1: expected the name of a label after the comma"},
        {"a{b=c} 1 1\n# EOF", "line 1: expected a value in quotes at \"c} 1 1\""},
        {"a{b=\"c} 1 1\n# EOF", "line 1: a label's value has no end"},
        {"a{b=\"1\",b=\"2\"} 1 1\n# EOF", "line 1: the label \"b\" is there twice"},
        {"a{__name__=\"1\"} 1 1\n# EOF", "line 1: the label \"__name__\" is there twice"},
        {"a{b=\"\xff\"} 1 1\n# EOF", "line 1: a label's value is not UTF-8"},
        {"9 1 1\n# EOF", "line 1: expected the name of a metric at \"9 1 1\""},
        {"# other\n# EOF", "line 1: expected HELP, TYPE, UNIT or EOF after #"},
        {"#EOF\n# EOF", "line 1: expected a blank after #"},
        {"# TYPE a thing\n# EOF", "line 1: unknown type \"thing\""},
        {"# UNIT a seconds\n# EOF", "line 1: the unit \"seconds\" does not end the name \"a\""},
        {"a 1 1 # {} 1\n# EOF", "line 1: the metric \"a\" cannot have exemplars"},
        {"a_total 1 1 # {} x\n# EOF", "line 1: not a number: \"x\""},
        {"a 1 2\na 1 1\n# EOF", "line 2: the series has a later sample before this one"},
        {"a 1 2\na 1 2\n# EOF", "line 2: the series has a sample at this time already"},
        {"# EOF\na 1 1\n# EOF\n", "line 1: data after # EOF"},
    };
    for (const auto& c : cases) EXPECT_EQ(complaint(c.text), c.message) << c.text;
    EXPECT_EQ(complaint("# EOF"), "");
}

TEST(PrometheusText, has_milliseconds_and_looser_blanks) {
    const auto read =
        read_samples("# any comment\n\n  a { x = \"1\" , }\t5   1500  \na 6\t2500\r\n");
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->size(), 2u);
    EXPECT_EQ((*read)[0].times_ms, (std::vector<TimeMs>{1500}));
    EXPECT_EQ(complaint("a 1 1.5\n"), "line 1: not a timestamp in milliseconds: \"1.5\"");
    EXPECT_EQ(complaint("a 1\n"), "line 1: the sample has no timestamp");
    EXPECT_EQ(complaint(""), "");
}

TEST(OpenMetrics, staleness_and_native_histograms) {
    const auto read = read_samples(
        "h 1 1\nh {{schema:1 sum:3 count:4 z_bucket:1 z_bucket_w:0.5 offset:-1 buckets:[1 2]}} 2\n"
        "h stale 3\n# EOF\n");
    ASSERT_TRUE(read) << read.error().message;
    const Series& series = (*read)[0];
    ASSERT_EQ(series.histograms.size(), 3u);
    EXPECT_EQ(series.histograms[0], nullptr);
    EXPECT_EQ(series.histograms[1]->schema, 1);
    EXPECT_EQ(series.histograms[1]->positive,
              (std::vector<NativeHistogram::Bucket>{{-1, 1}, {0, 2}}));
    EXPECT_TRUE(is_stale(series.values[2]));
}

TEST(MemorySource, finds_series_by_matchers_and_time) {
    auto read = read_samples("a{x=\"1\"} 1 1\na{x=\"1\"} 2 2\nb{x=\"1\"} 3 3\n# EOF\n");
    ASSERT_TRUE(read);
    const MemorySource source(*std::move(read));
    const std::vector<Matcher> x = {{"x", Matcher::Kind::equal, "1"}};
    EXPECT_EQ(source.select(x, 0, 10'000, {})->size(), 2u);
    const auto some = source.select(x, 2000, 2000, {});
    ASSERT_EQ(some->size(), 1u);
    EXPECT_EQ((*some)[0].values, (std::vector<double>{2}));
    EXPECT_EQ(source.series({{"__name__", Matcher::Kind::regex, "b|c"}}, 0, 10'000)->size(), 1u);
    EXPECT_FALSE(source.select(x, 0, 10'000, {.max_samples = 2}));
    EXPECT_FALSE(source.select({{"x", Matcher::Kind::regex, "("}}, 0, 1, {}));
}

}  // namespace
}  // namespace glassgate::store
