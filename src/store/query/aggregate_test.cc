#include "store/query/aggregate.h"

#include <gtest/gtest.h>

#include "store/query/test_samples.h"

namespace glassgate::store::query {
namespace {

MemorySource shop() {
    return samples_of({"r{job=\"a\",i=\"0\"} 1 4", "r{job=\"a\",i=\"1\"} 3 6",
                       "r{job=\"b\",i=\"0\"} 10 NaN", "r{i=\"9\"} 100 1"});
}

TEST(Aggregations, group_by_labels) {
    const auto source = shop();
    EXPECT_EQ(at(source, "sum by (job) (r)", 0),
              R"([{"metric":{"job":"a"},"value":[0,"4"]},{"metric":{"job":"b"},"value":[0,"10"]},)"
              R"({"metric":{},"value":[0,"100"]}])");
    EXPECT_EQ(at(source, "sum without (i) (r)", 0), at(source, "sum by (job) (r)", 0));
    EXPECT_EQ(value_at(source, "sum(r)", 0), "114");
    EXPECT_EQ(value_at(source, "count(r)", 0), "4");
    EXPECT_EQ(at(source, "sum(nothing)", 0), "[]");
    EXPECT_EQ(value_at(source, "count(sum without () (r))", 0), "4");
}

TEST(Aggregations, statistics) {
    const auto source = shop();
    EXPECT_EQ(value_at(source, "avg(r{job=\"a\"})", 0), "2");
    EXPECT_EQ(value_at(source, "min(r)", 60), "1");
    EXPECT_EQ(value_at(source, "max(r)", 60), "6");  // NaN is no extreme
    EXPECT_EQ(value_at(source, "max(r{job=\"b\"})", 60), "NaN");
    EXPECT_EQ(value_at(source, "group(r)", 0), "1");
    EXPECT_EQ(value_at(source, "stddev(r{job=\"a\"})", 0), "1");
    EXPECT_EQ(value_at(source, "stdvar(r{job=\"a\"})", 60), "1");
    EXPECT_EQ(value_at(source, "quantile(0.5, r)", 0), "6.5");
    EXPECT_EQ(value_at(source, "quantile(1, r)", 60), "6");
    EXPECT_EQ(value_at(source, "quantile(-1, r)", 0), "-Inf");
    EXPECT_EQ(value_at(source, "avg(vector(1.5e308) or on (x) (r * 1e306))", 0).substr(0, 3),
              "1.5");
}

TEST(Aggregations, ranks_keep_whole_series_best_first) {
    const auto source = shop();
    EXPECT_EQ(at(source, "topk(2, r)", 0),
              R"([{"metric":{"__name__":"r","i":"9"},"value":[0,"100"]},)"
              R"({"metric":{"__name__":"r","i":"0","job":"b"},"value":[0,"10"]}])");
    EXPECT_EQ(at(source, "bottomk(1, r)", 0),
              R"([{"metric":{"__name__":"r","i":"0","job":"a"},"value":[0,"1"]}])");
    EXPECT_EQ(value_at(source, "count(topk by (job) (1, r))", 0), "3");
    EXPECT_EQ(at(source, "topk(0, r)", 0), "[]");
    EXPECT_EQ(at(source, "topk(NaN, r)", 0), "Scalar value NaN overflows int64");
    // NaN is the first to go.
    EXPECT_EQ(value_at(source, "count(topk(3, r) == topk(3, r))", 60), "3");
}

TEST(Aggregations, ranks_change_from_step_to_step) {
    const auto source = samples_of({"r{i=\"0\"} 1 9", "r{i=\"1\"} 5 5"});
    EXPECT_EQ(over(source, "topk(1, r)", 0, 60, 60),
              R"([{"metric":{"__name__":"r","i":"0"},"values":[[60,"9"]]},)"
              R"({"metric":{"__name__":"r","i":"1"},"values":[[0,"5"]]}])");
    // The parameter is evaluated at each step too.
    EXPECT_EQ(over(source, "topk(scalar(vector(time() / 60)), r)", 0, 60, 60),
              R"([{"metric":{"__name__":"r","i":"0"},"values":[[60,"9"]]}])");
}

TEST(Aggregations, count_values) {
    const auto source = samples_of({"r{i=\"0\"} 1.5 2", "r{i=\"1\"} 1.5 3"});
    EXPECT_EQ(over(source, "count_values(\"v\", r)", 0, 60, 60),
              R"([{"metric":{"v":"1.5"},"values":[[0,"2"]]},{"metric":{"v":"2"},)"
              R"("values":[[60,"1"]]},{"metric":{"v":"3"},"values":[[60,"1"]]}])");
    EXPECT_EQ(at(source, "count_values by (i) (\"v\", r{i=\"0\"})", 60),
              R"([{"metric":{"i":"0","v":"2"},"value":[60,"1"]}])");
    EXPECT_EQ(at(source, "count_values without (i) (\"v\", r)", 0),
              R"([{"metric":{"v":"1.5"},"value":[0,"2"]}])");
    EXPECT_EQ(at(source, "count_values(\"9\", r)", 0), "invalid label name \"9\"");
}

TEST(Aggregations, series_come_and_go) {
    const auto source =
        samples_of({"r{i=\"0\"} 1 _ _ _ _ _ _ 4", "r{i=\"1\"} _ 2 stale _ _ _ _ 8"});
    EXPECT_EQ(over(source, "sum(r)", 0, 420, 60),
              R"([{"metric":{},"values":[[0,"1"],[60,"3"],[120,"1"],[180,"1"],[240,"1"],)"
              R"([300,"1"],[420,"12"]]}])");
    EXPECT_EQ(over(source, "avg(r)", 0, 420, 210),
              R"([{"metric":{},"values":[[0,"1"],[210,"1"],[420,"6"]]}])");
    EXPECT_EQ(over(source, "count(r)", 60, 420, 360),
              R"([{"metric":{},"values":[[60,"2"],[420,"2"]]}])");
}

}  // namespace
}  // namespace glassgate::store::query
