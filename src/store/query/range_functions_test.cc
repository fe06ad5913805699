// Functions of ranges, on samples one a minute.
#include "store/query/range_functions.h"

#include <gtest/gtest.h>

#include "store/query/test_samples.h"

namespace glassgate::store::query {
namespace {

TEST(Rate, extrapolates_to_the_window) {
    const auto source = samples_of({"c 0+60x10"});
    EXPECT_EQ(value_at(source, "rate(c[5m])", 600), "1");
    EXPECT_EQ(value_at(source, "increase(c[5m])", 600), "300");
    // 30 s after the last sample the slope is taken to go on.
    EXPECT_EQ(value_at(source, "increase(c[5m])", 630), "300");
    EXPECT_EQ(value_at(source, "delta(c[5m])", 600), "300");
    EXPECT_EQ(at(source, "rate(c[30s])", 600), "[]");  // one sample
}

TEST(Rate, does_not_extrapolate_a_counter_below_zero) {
    const auto source = samples_of({"c _ _ _ _ _ 1+10x3"});
    // From 10 a minute the counter began 6 s before its first sample.
    EXPECT_EQ(value_at(source, "increase(c[10m])", 480), "31.000000000000004");
    EXPECT_EQ(value_at(source, "delta(c[10m])", 480), "35");
}

TEST(Rate, counters_may_be_reset) {
    const auto source = samples_of({"c 0 60 120 30 90 150"});
    EXPECT_EQ(value_at(source, "increase(c[5m])", 300), "270");
    EXPECT_EQ(value_at(source, "delta(c[5m])", 300), "150");
    EXPECT_EQ(value_at(source, "resets(c[5m])", 300), "1");
    EXPECT_EQ(value_at(source, "irate(c[2m])", 180), "0.5");
    EXPECT_EQ(value_at(source, "idelta(c[2m])", 180), "-90");
}

TEST(Rate, many_resets_in_one_window) {
    std::string text = "c";
    for (int i = 0; i < 200; ++i) text += " 5 10";
    const auto source = samples_of({text}, 1000);
    EXPECT_EQ(value_at(source, "resets(c[300s])", 399), "150");
    // 5 up, then 5 lost and 5 there again: 5 a step, all through.
    EXPECT_EQ(value_at(source, "increase(c[300s])", 399), "1500");
    EXPECT_EQ(over(source, "increase(c[300s])", 397, 399, 2),
              R"([{"metric":{},"values":[[397,"1500"],[399,"1500"]]}])");
}

TEST(Rate, windows_slide_over_a_range) {
    const auto source = samples_of({"c 0+60x3 300+120x3"});
    EXPECT_EQ(over(source, "increase(c[2m])", 120, 420, 60),
              R"([{"metric":{},"values":[[120,"120"],[180,"120"],[240,"180"],[300,"240"],)"
              R"([360,"240"],[420,"240"]]}])");
}

TEST(OverTime, aggregations) {
    const auto source = samples_of({"g 4 1 3 NaN 2"});
    EXPECT_EQ(value_at(source, "max_over_time(g[4m])", 240), "4");
    EXPECT_EQ(value_at(source, "min_over_time(g[4m])", 240), "1");
    EXPECT_EQ(value_at(source, "sum_over_time(g[2m])", 120), "8");
    EXPECT_EQ(value_at(source, "sum_over_time(g[4m])", 240), "NaN");
    EXPECT_EQ(value_at(source, "avg_over_time(g[1m])", 120), "2");
    EXPECT_EQ(value_at(source, "count_over_time(g[4m])", 240), "5");
    EXPECT_EQ(value_at(source, "last_over_time(g[4m])", 240), "2");
    EXPECT_EQ(value_at(source, "present_over_time(g[4m])", 240), "1");
    EXPECT_EQ(value_at(source, "changes(g[4m])", 240), "4");
    EXPECT_EQ(value_at(source, "stddev_over_time(g[2m])", 120), "1.247219128924647");
    EXPECT_EQ(value_at(source, "stdvar_over_time(g[2m])", 120), "1.5555555555555556");
    EXPECT_EQ(value_at(source, "quantile_over_time(0.5, g[2m])", 120), "3");
    EXPECT_EQ(value_at(source, "quantile_over_time(0.25, g[2m])", 120), "2");
    EXPECT_EQ(value_at(source, "quantile_over_time(2, g[2m])", 120), "+Inf");
}

TEST(OverTime, sums_keep_what_cancels_out) {
    const auto source = samples_of({"g 1e100 1 -1e100 1"});
    EXPECT_EQ(value_at(source, "sum_over_time(g[3m])", 180), "2");
    // A huge value that has left the window leaves nothing behind.
    EXPECT_EQ(over(source, "sum_over_time(g[0s1ms])", 180, 180, 60),
              R"([{"metric":{},"values":[[180,"1"]]}])");
}

TEST(OverTime, means_do_not_overflow) {
    const auto source = samples_of({"g 1.5e308 1.5e308", "i Inf 1", "j Inf -Inf"});
    EXPECT_EQ(value_at(source, "avg_over_time(g[2m])", 60), "1.5e+308");
    EXPECT_EQ(value_at(source, "sum_over_time(g[2m])", 60), "+Inf");
    EXPECT_EQ(value_at(source, "avg_over_time(i[2m])", 60), "+Inf");
    EXPECT_EQ(value_at(source, "avg_over_time(j[2m])", 60), "NaN");
}

TEST(OverTime, extremes_slide) {
    const auto source = samples_of({"g 5 4 3 9 1 2"});
    EXPECT_EQ(over(source, "max_over_time(g[2m])", 0, 300, 60),
              R"([{"metric":{},"values":[[0,"5"],[60,"5"],[120,"5"],[180,"9"],[240,"9"],)"
              R"([300,"9"]]}])");
    EXPECT_EQ(over(source, "min_over_time(g[1m])", 0, 300, 60),
              R"([{"metric":{},"values":[[0,"5"],[60,"4"],[120,"3"],[180,"3"],[240,"1"],)"
              R"([300,"1"]]}])");
}

TEST(Regression, lines) {
    const auto source = samples_of({"g 10+6x10", "k 7x10"});
    EXPECT_EQ(value_at(source, "deriv(g[5m])", 600), "0.1");
    EXPECT_EQ(value_at(source, "predict_linear(g[5m], 600)", 600), "130");
    EXPECT_EQ(value_at(source, "deriv(k[5m])", 600), "0");
    EXPECT_EQ(value_at(source, "predict_linear(k[5m], 600)", 600), "7");
    EXPECT_EQ(at(source, "deriv(g[30s])", 600), "[]");
}

TEST(Regression, double_exponential_smoothing) {
    const auto source = samples_of({"g 0+10x10"});
    EXPECT_EQ(value_at(source, "holt_winters(g[10m], 0.5, 0.5)", 600), "100");
    EXPECT_EQ(at(source, "holt_winters(g[10m], 0, 0.5)", 600),
              "invalid smoothing factor. Expected: 0 < sf < 1, got: 0.000000");
    EXPECT_EQ(at(source, "holt_winters(g[10m], 0.5, 1)", 600),
              "invalid trend factor. Expected: 0 < tf < 1, got: 1.000000");
    EXPECT_EQ(at(source, "holt_winters(nothing[10m], 0, 0)", 600), "[]");
}

TEST(Ranges, staleness_markers_are_no_samples) {
    const auto source = samples_of({"g 1 stale 3 4"});
    EXPECT_EQ(value_at(source, "count_over_time(g[3m])", 180), "3");
    EXPECT_EQ(at(source, "g[3m]", 180),
              R"([{"metric":{"__name__":"g"},"values":[[0,"1"],[120,"3"],[180,"4"]]}])");
}

TEST(Ranges, both_ends_are_inside) {
    const auto source = samples_of({"g 0+1x10"});
    EXPECT_EQ(value_at(source, "count_over_time(g[2m])", 300), "3");
    EXPECT_EQ(value_at(source, "count_over_time(g[2m] offset 1m)", 300), "3");
    EXPECT_EQ(value_at(source, "sum_over_time(g[2m] @ 120)", 600), "3");
    EXPECT_EQ(value_at(source, "sum_over_time(g[2m] @ end() offset 1m)", 300), "9");
}

TEST(Ranges, names_go_except_with_last) {
    const auto source = samples_of({"a{x=\"1\"} 1 2", "b{x=\"1\"} 1 2"});
    EXPECT_EQ(at(source, "rate({x=\"1\"}[5m])", 60),
              "vector cannot contain metrics with the same labelset");
    EXPECT_EQ(at(source, "last_over_time({x=\"1\"}[5m])", 60),
              R"([{"metric":{"__name__":"a","x":"1"},"value":[60,"2"]},)"
              R"({"metric":{"__name__":"b","x":"1"},"value":[60,"2"]}])");
}

TEST(Ranges, a_fixed_window_stays_where_it_is) {
    const auto source = samples_of({"g 0+60x20", "k 300"});
    // The line through [5m, 10m] at each step's time.
    EXPECT_EQ(over(source, "predict_linear(g[5m] @ 600, 0)", 600, 720, 60),
              R"([{"metric":{},"values":[[600,"600"],[660,"660"],[720,"720"]]}])");
}

}  // namespace
}  // namespace glassgate::store::query
