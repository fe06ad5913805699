// Classic and native histograms.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "store/query/native_histogram.h"
#include "store/query/quantile.h"
#include "store/query/test_samples.h"

namespace glassgate::store::query {
namespace {

NativeHistogram histogram(std::string_view text) {
    auto made = take_histogram(text);
    EXPECT_TRUE(made.has_value());
    return made ? *made : NativeHistogram{};
}

TEST(ClassicHistograms, quantiles_lie_on_lines) {
    const auto source = samples_of(
        {"b{le=\"0.1\"} 50", "b{le=\"0.5\"} 90", "b{le=\"1\"} 100", "b{le=\"+Inf\"} 100"});
    EXPECT_EQ(value_at(source, "histogram_quantile(0.5, b)", 0), "0.1");
    EXPECT_EQ(value_at(source, "histogram_quantile(0.25, b)", 0), "0.05");
    EXPECT_EQ(value_at(source, "histogram_quantile(0.7, b)", 0), "0.30000000000000004");
    EXPECT_EQ(value_at(source, "histogram_quantile(1, b)", 0), "1");
    EXPECT_EQ(value_at(source, "histogram_quantile(-1, b)", 0), "-Inf");
    EXPECT_EQ(value_at(source, "histogram_quantile(1.1, b)", 0), "+Inf");
    EXPECT_EQ(value_at(source, "histogram_quantile(NaN, b)", 0), "NaN");
    EXPECT_EQ(at(source, "histogram_quantile(0.5, b)", 0), R"([{"metric":{},"value":[0,"0.1"]}])");
}

TEST(ClassicHistograms, odd_buckets) {
    const auto source = samples_of(
        {"in{le=\"1\"} 1", "in{le=\"+Inf\"} 9", "no{le=\"1\"} 1", "no{le=\"2\"} 2",
         "neg{le=\"-1\"} 5", "neg{le=\"+Inf\"} 10", "shrinks{le=\"1\"} 5", "shrinks{le=\"2\"} 3",
         "shrinks{le=\"+Inf\"} 10", "twice{le=\"1\"} 2", "twice{le=\"1.0\"} 2",
         "twice{le=\"+Inf\"} 4", "zero{le=\"1\"} 0", "zero{le=\"+Inf\"} 0", "bad{le=\"x\"} 1"});
    EXPECT_EQ(value_at(source, "histogram_quantile(0.9, in)", 0), "1");  // beyond the last edge
    EXPECT_EQ(value_at(source, "histogram_quantile(0.5, no)", 0), "NaN");
    EXPECT_EQ(value_at(source, "histogram_quantile(0.5, neg)", 0), "-1");
    EXPECT_EQ(value_at(source, "histogram_quantile(0.5, shrinks)", 0), "1");
    EXPECT_EQ(value_at(source, "histogram_quantile(0.5, twice)", 0), "0.5");
    EXPECT_EQ(value_at(source, "histogram_quantile(0.5, zero)", 0), "NaN");
    EXPECT_EQ(at(source, "histogram_quantile(0.5, bad)", 0), "[]");
}

TEST(NativeHistograms, bounds) {
    EXPECT_EQ(bucket_bound(0, 0), 1);
    EXPECT_EQ(bucket_bound(1, 0), 2);
    EXPECT_EQ(bucket_bound(-1, 0), 0.5);
    EXPECT_EQ(bucket_bound(1, -1), 4);
    EXPECT_DOUBLE_EQ(bucket_bound(1, 1), 1.4142135623730951);
    EXPECT_EQ(bucket_bound(1024, 0), std::numeric_limits<double>::max());
    EXPECT_EQ(bucket_bound(1025, 0), std::numeric_limits<double>::infinity());
}

TEST(NativeHistograms, sums_meet_at_the_coarser_schema) {
    NativeHistogram coarse = histogram("{{schema:0 sum:1 count:3 buckets:[1 2] offset:1}}");
    const NativeHistogram fine =
        histogram("{{schema:1 sum:2 count:10 buckets:[1 2 3 4] offset:1}}");
    const NativeHistogram sum = sum_of(coarse, fine);
    EXPECT_EQ(sum.schema, 0);
    EXPECT_EQ(sum.count, 13);
    EXPECT_EQ(sum.positive, (std::vector<NativeHistogram::Bucket>{{1, 4}, {2, 9}}));
    EXPECT_EQ(sum, sum_of(fine, coarse));
    subtract(coarse, coarse);
    compact(coarse);
    EXPECT_TRUE(coarse.positive.empty());
}

TEST(NativeHistograms, the_wider_zero_bucket_wins) {
    NativeHistogram narrow = histogram(
        "{{schema:0 count:7 z_bucket:1 z_bucket_w:0.25 buckets:[2 4] offset:-1}}");  // (0.25, 1]
    const NativeHistogram wide = histogram("{{schema:0 count:3 z_bucket:3 z_bucket_w:0.5}}");
    add(narrow, wide);
    EXPECT_EQ(narrow.zero_threshold, 0.5);
    EXPECT_EQ(narrow.zero_count, 6);
    EXPECT_EQ(narrow.positive, (std::vector<NativeHistogram::Bucket>{{0, 4}}));
    // A threshold inside a bucket takes the whole of it.
    NativeHistogram cut = histogram("{{schema:0 count:4 z_bucket_w:0.25 buckets:[4] offset:1}}");
    add(cut, histogram("{{schema:0 count:1 z_bucket:1 z_bucket_w:1.5}}"));
    EXPECT_EQ(cut.zero_threshold, 2);
    EXPECT_EQ(cut.zero_count, 5);
}

TEST(NativeHistograms, resets) {
    const auto of = [](const char* buckets) {
        return histogram(std::string("{{schema:0 count:5 buckets:[") + buckets + "]}}");
    };
    EXPECT_FALSE(detect_reset(of("1 2 3"), of("1 2 3")));
    EXPECT_FALSE(detect_reset(of("1 2 4"), of("1 2 3")));
    EXPECT_TRUE(detect_reset(of("1 1 9"), of("1 2 3")));
    EXPECT_TRUE(detect_reset(of("1 2"), of("1 2 3")));
    EXPECT_FALSE(detect_reset(of("1 2"), of("1 2 0")));
    EXPECT_TRUE(detect_reset(histogram("{{count:1}}"), histogram("{{count:2}}")));
    EXPECT_TRUE(detect_reset(histogram("{{schema:1}}"), histogram("{{schema:0}}")));
}

TEST(NativeHistograms, functions) {
    const auto source = samples_of({"h {{schema:0 sum:20 count:10 buckets:[2 4 4] offset:1}}"});
    EXPECT_EQ(value_at(source, "histogram_count(h)", 0), "10");
    EXPECT_EQ(value_at(source, "histogram_sum(h)", 0), "20");
    EXPECT_EQ(value_at(source, "histogram_quantile(0.4, h)", 0), "3");
    EXPECT_EQ(value_at(source, "histogram_quantile(1, h)", 0), "8");
    EXPECT_EQ(value_at(source, "histogram_fraction(2, 4, h)", 0), "0.4");
    EXPECT_EQ(value_at(source, "histogram_fraction(-Inf, 3, h)", 0), "0.4");
    EXPECT_EQ(at(source, "histogram_count(vector(1))", 0), "[]");
    EXPECT_EQ(at(source, "h", 0),
              R"([{"metric":{"__name__":"h"},"histogram":[0,{"count":"10","sum":"20","buckets":)"
              R"([[0,"1","2","2"],[0,"2","4","4"],[0,"4","8","4"]]}]}])");
}

TEST(NativeHistograms, increase_over_resets) {
    const auto source = samples_of(
        {"h {{schema:0 sum:0 count:0 buckets:[0 0]}}+{{schema:0 sum:2 count:3 buckets:[1 2]}}x3 "
         "{{schema:0 sum:1 count:1 buckets:[1 0]}}"});
    EXPECT_EQ(value_at(source, "histogram_count(increase(h[3m]))", 180), "9");
    EXPECT_EQ(value_at(source, "histogram_count(increase(h[4m]))", 240), "10");
    EXPECT_EQ(value_at(source, "histogram_sum(rate(h[3m]))", 180).substr(0, 10), "0.03333333");
}

TEST(NativeHistograms, beside_numbers) {
    const auto source =
        samples_of({"h{i=\"0\"} {{schema:0 count:2 sum:2 buckets:[2]}}",
                    "h{i=\"1\"} {{schema:0 count:4 sum:6 buckets:[4]}}", "h{i=\"2\"} 5",
                    "mix 1 {{count:1 buckets:[1]}} {{count:2 buckets:[2]}}"});
    EXPECT_EQ(value_at(source, "histogram_count(sum(h{i=~\"0|1\"}))", 0), "6");
    EXPECT_EQ(at(source, "sum(h)", 0), "[]");
    EXPECT_EQ(value_at(source, "count(h)", 0), "3");
    EXPECT_EQ(value_at(source, "histogram_sum(h{i=\"0\"} + ignoring (i) h{i=\"1\"})", 0), "8");
    EXPECT_EQ(at(source, "h{i=\"0\"} + ignoring (i) h{i=\"2\"}", 0), "[]");
    EXPECT_EQ(at(source, "rate(mix[5m])", 120), "[]");
    EXPECT_EQ(value_at(source, "histogram_count(delta(mix[1m]))", 120), "1");
}

TEST(Quantile, of_values) {
    std::vector<double> values = {3, 1, 2, 4};
    EXPECT_EQ(quantile_of(0.5, values), 2.5);
    EXPECT_EQ(quantile_of(0, values), 1);
    EXPECT_EQ(quantile_of(1, values), 4);
    std::vector<double> with_nan = {std::numeric_limits<double>::quiet_NaN(), 1, 2};
    EXPECT_EQ(quantile_of(1, with_nan), 2);
    EXPECT_TRUE(std::isnan(quantile_of(0, with_nan)));
    EXPECT_TRUE(std::isnan(quantile_of(0.5, {})));
}

}  // namespace
}  // namespace glassgate::store::query
