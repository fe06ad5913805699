// Parameters, JSON, the command line and the notation of series.
#include "store/query/api.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "store/query/cli.h"
#include "store/query/test_samples.h"

namespace glassgate::store::query {
namespace {

TEST(Api, times_and_steps) {
    EXPECT_EQ(*parse_time("1.5"), 1500);
    EXPECT_EQ(*parse_time("-1"), -1000);
    EXPECT_EQ(*parse_time("1600000100.9996"), 1'600'000'101'000);
    EXPECT_EQ(*parse_time("1970-01-01T00:01:00Z"), 60'000);
    EXPECT_EQ(*parse_time("2020-09-13T14:26:40.25+02:00"), 1'600'000'000'250);
    for (const char* text : {"", "now", "2020-02-30T00:00:00Z", "2020-09-13", "2020-09-13T12:00:00",
                             "2020-09-13T24:00:00Z", "2020-09-13T12:00:00.Z"})
        EXPECT_FALSE(parse_time(text)) << text;
    EXPECT_EQ(*parse_step_ms("15"), 15'000);
    EXPECT_EQ(*parse_step_ms("1m30s"), 90'000);
    EXPECT_EQ(*parse_step_ms("-0.5"), -500);
    EXPECT_FALSE(parse_step_ms("1e300"));
    EXPECT_FALSE(parse_step_ms("x"));
}

TEST(Api, errors_name_the_parameter) {
    const auto source = samples_of({"m 1"});
    const auto message = [&](QueryParameters parameters) {
        const auto result = parameters.start.empty() ? answer_query(source, parameters, 0, {})
                                                     : answer_query_range(source, parameters, {});
        return result ? "" : result.error().message;
    };
    EXPECT_EQ(message({.query = "m", .time = "x"}),
              "invalid parameter \"time\": Invalid time value for 'time': cannot parse \"x\" to a "
              "valid timestamp");
    EXPECT_EQ(message({.query = "m +"}),
              "invalid parameter \"query\": 1:4: parse error: unexpected end of input");
    EXPECT_EQ(message({.query = "m", .start = "2", .end = "1", .step = "1"}),
              "invalid parameter \"end\": end timestamp must not be before start time");
    EXPECT_EQ(message({.query = "m", .start = "1", .end = "2", .step = "0"}).substr(0, 25),
              "invalid parameter \"step\":");
    EXPECT_EQ(message({.query = "m", .start = "0", .end = "11001", .step = "1"}).substr(0, 8),
              "exceeded");
    EXPECT_EQ(message({.query = "m", .start = "0", .end = "11000", .step = "1"}), "");
    EXPECT_EQ(message({.query = "m", .timeout = "soon"}).substr(0, 29),
              "invalid parameter \"timeout\": ");
    EXPECT_EQ(message({.query = "m", .timeout = "1m"}), "");
    EXPECT_EQ(message({.query = "m", .timeout = "0"}), "query timed out in expression evaluation");
}

TEST(Json, whole_answers) {
    const auto source = samples_of({"m{a=\"\\\"<&\\u2028\\u00fc\"} 1.5"});
    std::string out;
    append_success(out, *answer_query(source, {.query = "m", .time = "1.25"}, 0, {}));
    EXPECT_EQ(out, R"({"status":"success","data":{"resultType":"vector","result":[{"metric":)"
                   R"({"__name__":"m","a":"\"\u003c\u0026\u2028)"
                   "\xc3\xbc"
                   R"("},"value":[1.250,"1.5"]}]}})");
    out.clear();
    append_success(out, *answer_query(source, {.query = "1", .time = "1.25"}, 0, {}));
    EXPECT_EQ(out, R"({"status":"success","data":{"resultType":"scalar","result":[1.25,"1"]}})");
    out.clear();
    append_error(out, {ErrorKind::timeout, "too\nslow"});
    EXPECT_EQ(out, R"({"status":"error","errorType":"timeout","error":"too\nslow"})");
    QueryResult warned;
    warned.value = VectorResult{};
    warned.warnings = {"a", "b"};
    out.clear();
    append_success(out, warned);
    EXPECT_EQ(out, R"({"status":"success","data":{"resultType":"vector","result":[]},)"
                   R"("warnings":["a","b"]})");
    EXPECT_EQ(http_status(ErrorKind::execution), 422);
}

TEST(Json, times_before_the_epoch_and_bytes_that_are_no_text) {
    std::string out;
    append_timestamp(out, -1005);
    append_json_string(out, "\xff\x01");
    EXPECT_EQ(out, R"(-1.005"\ufffd\u0001")");
}

TEST(SeriesNotation, sequences) {
    const auto values = [](std::string_view text) {
        const auto parsed = parse_values(text);
        if (!parsed) return parsed.error().message;
        std::string out;
        for (const auto& value : *parsed)
            out += !value                   ? "_ "
                   : is_stale(value->value) ? "stale "
                                            : std::to_string(int(value->value)) + " ";
        return out;
    };
    EXPECT_EQ(values("1 2"), "1 2 ");
    EXPECT_EQ(values("1+2x3"), "1 3 5 7 ");
    EXPECT_EQ(values("5-1x2 _ _x2 stale 7x1"), "5 4 3 _ _ _ stale 7 7 ");
    EXPECT_EQ(values("1x"), "invalid repetition in series values: \"\"");
    EXPECT_EQ(values("1+2"), "expected x and a count at \"\"");
    EXPECT_EQ(values("abc"), "not a number: \"abc\"");
    EXPECT_EQ(values("1x99999999999"), "invalid repetition in series values: \"99999999999\"");
    const auto series = parse_series("m{a=\"} 1\"} 4");
    ASSERT_TRUE(series);
    EXPECT_EQ(value_of(series->labels, "a"), "} 1");
    EXPECT_FALSE(parse_series("m{a=1} 4"));
    EXPECT_FALSE(parse_series("m {{schema:9}}"));
    EXPECT_FALSE(parse_series("m {{buckets:[1 2}}"));
}

class Cli : public testing::Test {
protected:
    void SetUp() override {
        path_ = testing::TempDir() + "/samples.om";
        std::ofstream(path_) << "up{job=\"a\"} 1 10\nup{job=\"a\"} 0 20\n# EOF\n";
    }
    int run(CliOptions options, const std::string& input = "") {
        if (options.file.empty()) options.file = path_;
        std::istringstream in(input);
        std::ostringstream out, error;
        const int status = run_cli(options, in, out, error);
        out_ = out.str();
        error_ = error.str();
        return status;
    }
    std::string path_, out_, error_;
};

TEST_F(Cli, prints_text) {
    EXPECT_EQ(run({.parameters = {.query = "up"}}), 0);
    EXPECT_EQ(out_, "up{job=\"a\"} => 0 @[20]\n");
    EXPECT_EQ(run({.parameters = {.query = "sum(up)", .start = "10", .end = "20", .step = "10"}}),
              0);
    EXPECT_EQ(out_, "{} =>\n1 @[10]\n0 @[20]\n");
    EXPECT_EQ(run({.parameters = {.query = "1 + 1"}}), 0);
    EXPECT_EQ(out_, "scalar: 2 @[20]\n");
}

TEST_F(Cli, complains_with_a_caret) {
    EXPECT_EQ(run({.parameters = {.query = "sum(up"}}), 1);
    EXPECT_EQ(error_, "1:7: parse error: unclosed left parenthesis\n  sum(up\n        ^\n");
    EXPECT_EQ(run({.file = path_ + ".missing", .parameters = {.query = "up"}}), 2);
    EXPECT_NE(error_.find("No such file"), std::string::npos);
}

TEST_F(Cli, answers_batches) {
    EXPECT_EQ(run({.batch = "-"},
                  "{\"query\":\"up\",\"time\":\"10\"}\n{\"format\":\"sum( up )\"}\n"
                  "{\"query\":\"up +\"}\n"),
              0);
    EXPECT_EQ(out_,
              "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":"
              "{\"__name__\":\"up\",\"job\":\"a\"},\"value\":[10,\"1\"]}]}}\n"
              "{\"status\":\"success\",\"data\":\"sum(up)\"}\n"
              "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid parameter "
              "\\\"query\\\": 1:5: parse error: unexpected end of input\"}\n");
    EXPECT_EQ(run({.batch = "-"}, "[]\n"), 1);
    EXPECT_EQ(run({.batch = path_ + ".missing"}), 2);
}

}  // namespace
}  // namespace glassgate::store::query
