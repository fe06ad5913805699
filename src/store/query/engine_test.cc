// The engine's semantics: selectors, staleness, subqueries, functions of vectors, limits.
#include "store/query/engine.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/clock.h"
#include "store/query/test_samples.h"

namespace glassgate::store::query {
namespace {

TEST(Selectors, match_labels) {
    const auto source = samples_of({"m{a=\"1\"} 1", "m{a=\"2\",b=\"x\"} 2", "n{a=\"1\"} 3"});
    EXPECT_EQ(value_at(source, "count(m)", 0), "2");
    EXPECT_EQ(value_at(source, "m{a!=\"1\"}", 0), "2");
    EXPECT_EQ(value_at(source, "m{b=\"\"}", 0), "1");
    EXPECT_EQ(value_at(source, "m{b=~\"x|y\"}", 0), "2");
    EXPECT_EQ(value_at(source, "m{b!~\".+\"}", 0), "1");
    EXPECT_EQ(value_at(source, "count({a=\"1\"})", 0), "2");
    EXPECT_EQ(value_at(source, "count({__name__=~\"m|n\"})", 0), "3");
    EXPECT_EQ(at(source, "nothing", 0), "[]");
}

TEST(Selectors, look_back_five_minutes) {
    const auto source = samples_of({"m 7"});
    EXPECT_EQ(value_at(source, "m", 300), "7");
    EXPECT_EQ(at(source, "m", 300.001), "[]");
    Options options;
    options.lookback_ms = 60'000;
    EXPECT_EQ(at(source, "m", 61, options), "[]");
    EXPECT_NE(at(source, "m", 60, options), "[]");
    EXPECT_EQ(at(source, "m", -1), "[]");
}

TEST(Selectors, staleness_markers_end_a_series) {
    const auto source = samples_of({"m 1 2 stale _ 5"});
    EXPECT_EQ(over(source, "m", 0, 300, 60),
              R"([{"metric":{"__name__":"m"},"values":[[0,"1"],[60,"2"],[240,"5"],[300,"5"]]}])");
}

TEST(Selectors, move_in_time) {
    const auto source = samples_of({"m 0+1x10"});
    EXPECT_EQ(value_at(source, "m offset 2m", 300), "3");
    EXPECT_EQ(value_at(source, "m offset -2m", 300), "7");
    EXPECT_EQ(value_at(source, "m @ 120", 600), "2");
    EXPECT_EQ(value_at(source, "m @ 120 offset 1m", 600), "1");
    EXPECT_EQ(over(source, "m @ start() + m @ end() + m", 60, 180, 60),
              R"([{"metric":{},"values":[[60,"5"],[120,"6"],[180,"7"]]}])");
    EXPECT_EQ(value_at(source, "timestamp(m offset 30s)", 300), "240");
    EXPECT_EQ(value_at(source, "timestamp(m + 0)", 290), "290");
}

TEST(Subqueries, step_on_multiples_of_their_step) {
    const auto source = samples_of({"m 0+1x20"});
    EXPECT_EQ(at(source, "m[3m:1m]", 625),
              R"([{"metric":{"__name__":"m"},"values":[[480,"8"],[540,"9"],[600,"10"]]}])");
    EXPECT_EQ(at(source, "m[3m:]", 625), at(source, "m[3m:1m]", 625));
    EXPECT_EQ(value_at(source, "sum_over_time(m[2m:1m])", 600), "27");
    EXPECT_EQ(value_at(source, "sum_over_time(m[2m:1m] offset 1m)", 600), "24");
    EXPECT_EQ(value_at(source, "max_over_time(sum(m)[5m:30s] @ 300)", 900), "5");
    EXPECT_EQ(value_at(source, "sum_over_time((m @ 60)[2m:1m])", 600), "3");
    EXPECT_EQ(at(source, "sum_over_time(m[20s:1m])", 650), "[]");  // no step inside
    EXPECT_EQ(value_at(source, "max_over_time(rate(m[2m])[5m:1m])", 600), "0.016666666666666666");
}

TEST(Scalars, arithmetic) {
    const auto source = samples_of({"m 5"});
    EXPECT_EQ(value_at(source, "1 + 2 * 3 ^ 2", 0), "19");
    EXPECT_EQ(value_at(source, "-5 % 3", 0), "-2");
    EXPECT_EQ(value_at(source, "1 / 0", 0), "+Inf");
    EXPECT_EQ(value_at(source, "1 == bool 1", 0), "1");
    EXPECT_EQ(value_at(source, "NaN == bool NaN", 0), "0");
    EXPECT_EQ(value_at(source, "scalar(m)", 0), "5");
    EXPECT_EQ(value_at(source, "scalar(nothing)", 0), "NaN");
    EXPECT_EQ(value_at(source, "time()", 12.5), "12.5");
    EXPECT_EQ(value_at(source, "pi()", 0), "3.141592653589793");
    EXPECT_EQ(over(source, "time() * 2", 0, 60, 30),
              R"([{"metric":{},"values":[[0,"0"],[30,"60"],[60,"120"]]}])");
    EXPECT_EQ(at(source, "\"text\"", 1.5), R"([1.5,"text"])");
    EXPECT_EQ(at(source, "vector(scalar(m))", 0), R"([{"metric":{},"value":[0,"5"]}])");
}

TEST(VectorFunctions, absence) {
    const auto source = samples_of({"m 1 stale"});
    EXPECT_EQ(at(source, "absent(m)", 0), "[]");
    EXPECT_EQ(at(source, "absent(n{a=\"1\",b=~\"2\",c=\"3\",c=\"4\"})", 0),
              R"([{"metric":{"a":"1"},"value":[0,"1"]}])");
    EXPECT_EQ(at(source, "absent(sum(n))", 0), R"([{"metric":{},"value":[0,"1"]}])");
    EXPECT_EQ(over(source, "absent(m)", 0, 120, 60),
              R"([{"metric":{},"values":[[60,"1"],[120,"1"]]}])");
    EXPECT_EQ(over(source, "absent_over_time(m[1m])", 0, 180, 60),
              R"([{"metric":{},"values":[[120,"1"],[180,"1"]]}])");
}

TEST(VectorFunctions, order) {
    const auto source = samples_of({"m{i=\"1\"} 2", "m{i=\"2\"} NaN", "m{i=\"3\"} 1"});
    const auto order = [&](const char* expression) {
        const auto result = instant_query(source, **parse(expression), 0);
        std::string out;
        for (const Sample& sample : std::get<VectorResult>(result->value).samples)
            out += value_of(sample.labels, "i");
        return out;
    };
    EXPECT_EQ(order("m"), "123");
    EXPECT_EQ(order("sort(m)"), "312");
    EXPECT_EQ(order("sort_desc(m)"), "132");
}

TEST(VectorFunctions, labels) {
    const auto source = samples_of({"m{url=\"http://host-7/x\",a=\"1\"} 1"});
    EXPECT_EQ(at(source, R"(label_replace(m, "host", "<$1>", "url", "http://([^/]+)/.*"))", 0),
              R"([{"metric":{"__name__":"m","a":"1","host":"\u003chost-7\u003e",)"
              R"("url":"http://host-7/x"},"value":[0,"1"]}])");
    EXPECT_EQ(at(source, R"(label_replace(m, "a", "", "a", ".*"))", 0),
              R"([{"metric":{"__name__":"m","url":"http://host-7/x"},"value":[0,"1"]}])");
    EXPECT_EQ(at(source, R"(sum by (j) (label_join(m, "j", "-", "a", "missing", "a")))", 0),
              R"([{"metric":{"j":"1--1"},"value":[0,"1"]}])");
    EXPECT_EQ(at(source, R"(label_replace(m, "x", "${n}$$$2", "url", "(?P<n>[a-z]+).*"))", 0),
              R"([{"metric":{"__name__":"m","a":"1","url":"http://host-7/x","x":"http$"},)"
              R"("value":[0,"1"]}])");
    EXPECT_EQ(at(source, R"(label_replace(m, "9", "", "a", ""))", 0),
              "invalid destination label name in label_replace(): 9");
    EXPECT_EQ(at(source, R"(label_replace(m, "x", "", "a", "("))", 0),
              "invalid regular expression in label_replace(): (");
    EXPECT_EQ(at(source, R"(label_join(m, "x", "", "9"))", 0),
              "invalid source label name in label_join(): 9");
}

TEST(ValueFunctions, of_each_family) {
    const auto source = samples_of({"m -2.5", "d 951782400"});
    EXPECT_EQ(value_at(source, "abs(m)", 0), "2.5");
    EXPECT_EQ(value_at(source, "ceil(m)", 0), "-2");
    EXPECT_EQ(value_at(source, "floor(m)", 0), "-3");
    EXPECT_EQ(value_at(source, "round(m)", 0), "-2");
    EXPECT_EQ(value_at(source, "round(m, 2)", 0), "-2");
    EXPECT_EQ(value_at(source, "sgn(m)", 0), "-1");
    EXPECT_EQ(value_at(source, "sqrt(m)", 0), "NaN");
    EXPECT_EQ(value_at(source, "exp(m * 0)", 0), "1");
    EXPECT_EQ(value_at(source, "log2(m + 10.5)", 0), "3");
    EXPECT_EQ(value_at(source, "deg(vector(pi()))", 0), "180");
    EXPECT_EQ(value_at(source, "atan2(m, 1)", 0).substr(0, 5), "1:1: ");
    EXPECT_EQ(value_at(source, "clamp(m, -1, 1)", 0), "-1");
    EXPECT_EQ(at(source, "clamp(m, 1, -1)", 0), "[]");
    EXPECT_EQ(value_at(source, "clamp_min(m, 0)", 0), "0");
    EXPECT_EQ(value_at(source, "clamp_max(m, NaN)", 0), "NaN");
    EXPECT_EQ(value_at(source, "day_of_month(d)", 0), "29");
    EXPECT_EQ(value_at(source, "days_in_month(d)", 0), "29");
    EXPECT_EQ(value_at(source, "year()", 86400), "1970");
    EXPECT_EQ(value_at(source, "hour()", 7200), "2");
    EXPECT_EQ(at(source, "abs(m)", 0), R"([{"metric":{},"value":[0,"2.5"]}])");
}

TEST(Names, series_that_become_the_same) {
    const auto source = samples_of({"a{x=\"1\"} 1 stale", "b{x=\"1\"} _ _ 2"});
    // At no step both are there: one series after the other.
    EXPECT_EQ(over(source, "abs({x=\"1\"})", 0, 120, 60),
              R"([{"metric":{"x":"1"},"values":[[0,"1"],[120,"2"]]}])");
    // A change of sign does not look at the steps.
    EXPECT_EQ(over(source, "-{x=\"1\"}", 0, 120, 60),
              "vector cannot contain metrics with the same labelset");
}

TEST(Limits, samples_time_and_cancelling) {
    const auto source = samples_of({"m{i=\"1\"} 0+1x100", "m{i=\"2\"} 0+1x100"});
    const std::string too_many =
        "query processing would load too many samples into memory in expression evaluation";
    Options options;
    options.limits.max_samples = 150;
    EXPECT_EQ(over(source, "m", 0, 6000, 60, options), too_many);
    EXPECT_NE(over(source, "sum(m)", 0, 3000, 60, options), too_many);
    EXPECT_EQ(over(source, "time()", 0, 6000, 1, options), too_many);
    EXPECT_EQ(at(source, "sum_over_time(time()[1h:1s])", 0, options).substr(0, 3), "1:1");
    EXPECT_EQ(at(source, "sum_over_time(vector(1)[1h:1s])", 0, options), too_many);
    EXPECT_EQ(at(source, "m[1h]", 3600, {.limits = {.max_samples = 30}}), too_many);
    EXPECT_NE(over(source, "m", 0, 6000, 60, {.limits = {.max_bytes = 1000}}).find("1000 bytes"),
              std::string::npos);

    options.limits = {.deadline_ns = mono_now_ns() - 1};
    EXPECT_EQ(at(source, "m", 0, options), "query timed out in expression evaluation");
    std::atomic<bool> cancelled{true};
    options.limits = {.cancelled = &cancelled};
    const auto result = instant_query(source, **parse("sum(m)"), 0, options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::canceled);
}

TEST(Limits, a_query_gives_back_what_it_used) {
    const auto source = samples_of({"m 0+1x1000"});
    std::string expression = "m";
    for (int i = 0; i < 50; ++i) expression = "abs(" + expression + ")";
    Options options;
    options.limits.max_samples = 2500;
    EXPECT_EQ(over(source, expression, 0, 60'000, 60, options).substr(0, 2), "[{");
}

class FailingSource final : public Source {
public:
    Result<std::vector<Series>> select(const std::vector<Matcher>&, TimeMs, TimeMs,
                                       const Limits&) const override {
        return failure("the disk is gone");
    }
    Result<std::vector<Labels>> series(const std::vector<Matcher>&, TimeMs, TimeMs) const override {
        return failure("the disk is gone");
    }
};

TEST(Sources, their_errors_are_told) {
    EXPECT_EQ(at(FailingSource(), "m", 0), "expanding series: the disk is gone");
}

TEST(Rules, evaluate_to_samples) {
    const auto source = samples_of({"m{a=\"1\"} 3"});
    const auto vector = evaluate(source, **parse("m > 2"), 0);
    ASSERT_TRUE(vector);
    ASSERT_EQ(vector->size(), 1u);
    EXPECT_EQ((*vector)[0].value, 3);
    EXPECT_EQ(value_of((*vector)[0].labels, "a"), "1");
    const auto scalar = evaluate(source, **parse("1 + 1"), 0);
    ASSERT_EQ(scalar->size(), 1u);
    EXPECT_EQ((*scalar)[0].value, 2);
    EXPECT_FALSE(evaluate(source, **parse("m[5m]"), 0));
}

TEST(Ranges, only_of_scalars_and_vectors) {
    const auto source = samples_of({"m 1"});
    EXPECT_EQ(over(source, "m[5m]", 0, 60, 60),
              "invalid expression type \"range vector\" for range query, must be Scalar or instant "
              "Vector");
    EXPECT_EQ(over(source, "m", 60, 0, 60), "[]");
    EXPECT_FALSE(range_query(source, **parse("m"), 0, 60, 0));
}

}  // namespace
}  // namespace glassgate::store::query
