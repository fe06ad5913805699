#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "gateway/demo/canvas.h"
#include "gateway/demo/chart.h"
#include "gateway/demo/demo_config.h"
#include "gateway/demo/exposition_sum.h"
#include "gateway/demo/figures.h"
#include "gateway/demo/summary.h"

namespace glassgate::gateway::demo {
namespace {

TEST(Figures, AreWrittenAsThePanelDoes) {
    EXPECT_EQ(with_thousands(0), "0");
    EXPECT_EQ(with_thousands(999), "999");
    EXPECT_EQ(with_thousands(3847), "3,847");
    EXPECT_EQ(with_thousands(1234567), "1,234,567");
    EXPECT_EQ(compact(14200), "14.2k");
    EXPECT_EQ(compact(847), "847");
    EXPECT_EQ(percent(0.0832), "8.3%");
    EXPECT_EQ(milliseconds(642.4), "642ms");
    EXPECT_EQ(clock_text(67.9), "01:07");
}

TEST(LatencyHistogram, QuantilesOfNothingOneAndTheExtremes) {
    LatencyHistogram h;
    EXPECT_EQ(h.quantile_ms(0.99), 0);
    h.add(642'000'000);
    EXPECT_NEAR(h.quantile_ms(0.99), 642, 21);
    h.clear();
    h.add(1);
    h.add(~uint64_t{0});
    EXPECT_EQ(h.count(), 2u);
    EXPECT_LT(h.quantile_ms(0.25), 0.1);
    EXPECT_GT(h.quantile_ms(1), 100'000);
}

TEST(Canvas, CutsAndColoursWithoutLeavingColoursOn) {
    Canvas canvas(6, 2);
    canvas.put(0, 0, "ab", {shade::kRed});
    canvas.put(4, 0, "xyz");
    canvas.put_right(6, 1, "é");
    EXPECT_EQ(canvas.text(false), "ab  xy\n     é");
    EXPECT_EQ(canvas.text(true), "\x1b[0;38;5;167mab\x1b[0m  xy\n     é");
    EXPECT_EQ(fit("abcdef", 4), "abc…");
    EXPECT_EQ(fit("äöü", 3), "äöü");
}

TEST(Chart, KeepsPeaksAndFillsOnlyThePartThatHasRun) {
    const std::vector<double> values{1, 1, 9, 1};
    EXPECT_EQ(resample(values, 4, 2), (std::vector<double>{1, 9}));
    EXPECT_EQ(resample(values, 8, 4), (std::vector<double>{1, 9}));
    EXPECT_EQ(resample(values, 4, 8).size(), 8u);
    Canvas canvas(3, 1);
    draw_bars(canvas, {0, 0, 3, 1}, std::vector<double>{0, 0.001, 8}, 8, kNoShade);
    EXPECT_EQ(canvas.text(false), " ▁█");
}

TEST(DemoConfig, TheHotfixChangesTheLimitAndNothingElse) {
    for (const double speed : {1.0, 2.0}) {
        const Scenario scenario = make_scenario(speed, 1, 1);
        const std::string before = demo_yaml(scenario, {1, 2, 6, {3, 4, 5}}, "/tmp/x.log", false);
        EXPECT_EQ(before.find('@'), std::string::npos);
        EXPECT_NE(before.find(speed == 1 ? "timeoutMs: 5000" : "timeoutMs: 2500"),
                  std::string::npos);
        const auto after = with_hotfix(scenario, before);
        ASSERT_TRUE(after);
        EXPECT_EQ(after->size() + 1, before.size());
        EXPECT_NE(
            after->find(speed == 1 ? "limit: 50/min}" : "limit: {requests: 50, periodMs: 30000}}"),
            std::string::npos);
        EXPECT_FALSE(with_hotfix(scenario, *after)) << "there is nothing to lower any more";
    }
}

TEST(DemoConfig, ATemporaryWorkplaceIsGoneAfterwardsAndAKeptOneStays) {
    std::string path;
    {
        auto temporary = Workplace::make("");
        ASSERT_TRUE(temporary);
        path = temporary->path();
        ASSERT_TRUE(replace_file(temporary->config_path(), "a: 1\n"));
        EXPECT_EQ(*read_file(temporary->config_path()), "a: 1\n");
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    auto parent = Workplace::make("");
    ASSERT_TRUE(parent);
    const std::string kept = parent->path() + "/kept";
    {
        ASSERT_TRUE(Workplace::make(kept));
    }
    EXPECT_TRUE(std::filesystem::exists(kept));
}

TEST(ExpositionSum, SumsExactlyOneFamily) {
    const std::string text =
        "# TYPE flex_requests_total counter\n"
        "flex_requests_total{route=\"a\",path=\"/x\"} 3\n"
        "flex_requests_total{route=\"b}\",path=\"/y\"} 4\n"
        "flex_requests_total_other 100\nplain 7\n";
    const ExpositionSum sum(text);
    EXPECT_EQ(sum.of("flex_requests_total"), 7);
    EXPECT_EQ(sum.of("flex_requests_total", "route=\"a\""), 3);
    EXPECT_EQ(sum.of("plain"), 7);
    EXPECT_EQ(sum.by_label("flex_requests_total", "path").at("/y"), 4);
}

TEST(Summary, SaysWhetherTheNumbersAgree) {
    Summary s{make_scenario(1, 1, 1), {}, {}, {}, 120, false, 0};
    s.counts = {10, 10, 10, 10, 10, 10, 0, {{"completed", 10}}};
    EXPECT_NE(summary_text(s, false).find("the first three agree"), std::string::npos);
    EXPECT_NE(summary_json(s).find("\"agree\": true"), std::string::npos);
    s.counts.log_records = 9;
    EXPECT_NE(summary_text(s, false).find("DISAGREE"), std::string::npos);
    EXPECT_NE(summary_json(s).find("\"agree\": false"), std::string::npos);
}

}  // namespace
}  // namespace glassgate::gateway::demo
