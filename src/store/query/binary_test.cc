#include "store/query/binary.h"

#include <gtest/gtest.h>

#include "store/query/test_samples.h"

namespace glassgate::store::query {
namespace {

MemorySource pairs() {
    return samples_of({"e{r=\"a\",code=\"500\"} 1", "e{r=\"a\",code=\"503\"} 2",
                       "e{r=\"b\",code=\"500\"} 3", "t{r=\"a\",team=\"x\"} 10",
                       "t{r=\"b\",team=\"y\"} 30", "t{r=\"c\",team=\"z\"} 50"});
}

TEST(Binary, with_a_scalar) {
    const auto source = samples_of({"m{a=\"1\"} 7"});
    EXPECT_EQ(at(source, "m * 2", 0), R"([{"metric":{"a":"1"},"value":[0,"14"]}])");
    EXPECT_EQ(value_at(source, "2 - m", 0), "-5");
    EXPECT_EQ(value_at(source, "m % 4", 0), "3");
    EXPECT_EQ(at(source, "m > 5", 0), R"([{"metric":{"__name__":"m","a":"1"},"value":[0,"7"]}])");
    EXPECT_EQ(value_at(source, "5 < m", 0), "7");  // the series' value, on either side
    EXPECT_EQ(at(source, "m < 5", 0), "[]");
    EXPECT_EQ(at(source, "m < bool 5", 0), R"([{"metric":{"a":"1"},"value":[0,"0"]}])");
    EXPECT_EQ(at(source, "m atan2 0", 0),
              R"([{"metric":{"__name__":"m","a":"1"},"value":[0,"1.5707963267948966"]}])");
}

TEST(Binary, one_to_one) {
    const auto source = pairs();
    EXPECT_EQ(at(source, "t{r=\"a\"} - t", 0),
              R"([{"metric":{"r":"a","team":"x"},"value":[0,"0"]}])");
    EXPECT_EQ(at(source, "e{code=\"500\"} / on (r) t", 0),
              R"([{"metric":{"r":"a"},"value":[0,"0.1"]},{"metric":{"r":"b"},"value":[0,"0.1"]}])");
    EXPECT_EQ(at(source, "e{code=\"500\"} / ignoring (code, team) t", 0),
              at(source, "e{code=\"500\"} / on (r) t", 0));
    EXPECT_EQ(at(source, "e + t", 0), "[]");
    EXPECT_EQ(at(source, "t > on (r) e{code=\"500\"} * 10", 0), "[]");
    EXPECT_EQ(value_at(source, "sum(t) / on () sum(e)", 0), "15");
}

TEST(Binary, many_to_one) {
    const auto source = pairs();
    EXPECT_EQ(at(source, "e / on (r) group_left (team) t", 0),
              R"([{"metric":{"code":"500","r":"a","team":"x"},"value":[0,"0.1"]},)"
              R"({"metric":{"code":"500","r":"b","team":"y"},"value":[0,"0.1"]},)"
              R"({"metric":{"code":"503","r":"a","team":"x"},"value":[0,"0.2"]}])");
    EXPECT_EQ(value_at(source, "t{r=\"b\"} / on (r) group_right () e", 0), "10");
    EXPECT_EQ(value_at(source, "sum(t > on (r) group_right () e)", 0), "50");
    EXPECT_EQ(at(source, "e / on (r) t", 0),
              "multiple matches for labels: many-to-one matching must be explicit "
              "(group_left/group_right)");
    EXPECT_EQ(at(source, "t / on (r) e", 0),
              "found duplicate series for the match group {r=\"a\"} on the right hand-side of the "
              "operation: [{__name__=\"e\", code=\"503\", r=\"a\"}, {__name__=\"e\", "
              "code=\"500\", r=\"a\"}];many-to-many matching not allowed: matching labels must be "
              "unique on one side");
    EXPECT_EQ(at(source, "e / on (r) group_left (code) t", 0),
              "multiple matches for labels: grouping labels must ensure unique matches");
    // With nothing on the other side, nothing is looked at.
    EXPECT_EQ(at(source, "nothing / on (r) e", 0), "[]");
}

TEST(Binary, matches_change_from_step_to_step) {
    const auto source = samples_of({"l 1 2 3", "r{i=\"0\"} 10 stale", "r{i=\"1\"} _ _ 20"});
    EXPECT_EQ(over(source, "l + on () r", 0, 120, 60),
              R"([{"metric":{},"values":[[0,"11"],[120,"23"]]}])");
    EXPECT_EQ(over(source, "l + on () group_left (i) r", 0, 120, 60),
              R"([{"metric":{"i":"0"},"values":[[0,"11"]]},{"metric":{"i":"1"},)"
              R"("values":[[120,"23"]]}])");
}

TEST(Binary, sets) {
    const auto source = pairs();
    EXPECT_EQ(value_at(source, "count(t and on (r) e)", 0), "2");
    EXPECT_EQ(value_at(source, "t unless on (r) e", 0), "50");
    EXPECT_EQ(value_at(source, "count(e or t)", 0), "6");
    EXPECT_EQ(value_at(source, "count(t or on (r) e)", 0), "3");
    EXPECT_EQ(value_at(source, "count(t and on () vector(1))", 0), "3");
    EXPECT_EQ(at(source, "t and nothing", 0), "[]");
    EXPECT_EQ(at(source, "vector(1) or vector(2)", 0), R"([{"metric":{},"value":[0,"1"]}])");
    EXPECT_EQ(value_at(source, "count(e > 1 or on (r) t)", 0), "3");
}

TEST(Binary, sets_at_each_step) {
    const auto source = samples_of({"a 1 stale _ 4", "b 10 20 30 40"});
    EXPECT_EQ(over(source, "a or on () b", 0, 180, 60),
              R"([{"metric":{"__name__":"a"},"values":[[0,"1"],[180,"4"]]},)"
              R"({"metric":{"__name__":"b"},"values":[[60,"20"],[120,"30"]]}])");
    EXPECT_EQ(over(source, "b unless on () a", 0, 180, 60),
              R"([{"metric":{"__name__":"b"},"values":[[60,"20"],[120,"30"]]}])");
    EXPECT_EQ(over(source, "b and on () a", 0, 180, 60),
              R"([{"metric":{"__name__":"b"},"values":[[0,"10"],[180,"40"]]}])");
}

TEST(Binary, what_does_not_change_is_evaluated_once) {
    const auto source = samples_of({"m 0+1x10"});
    EXPECT_EQ(over(source, "m - m @ 120", 120, 240, 60),
              R"([{"metric":{},"values":[[120,"0"],[180,"1"],[240,"2"]]}])");
    EXPECT_EQ(over(source, "m @ 120 * 2 + 1", 0, 60, 60),
              R"([{"metric":{},"values":[[0,"5"],[60,"5"]]}])");
}

}  // namespace
}  // namespace glassgate::store::query
