#include "telemetry/pipeline/recovery.h"

#include <gtest/gtest.h>

#include <vector>

#include "telemetry/project/span_example_test.h"

namespace glassgate::telemetry {
namespace {

class RecoveryTest : public ::testing::Test {
protected:
    // One second of traffic: `errors` of `requests` fail, each takes `ms`.
    void second(int requests, int errors, uint64_t ms = 20) {
        for (int i = 0; i < requests; ++i) {
            model::Exchange& x = example.x;
            x.ending = i < errors ? model::Ending::upstream_timeout : model::Ending::completed;
            x.status = i < errors ? 504 : 200;
            x.closed_ns = x.opened_ns + ms * kNsPerMs;
            watch.note(x, now_s * kNsPerSecond + static_cast<uint64_t>(i));
        }
        ++now_s;
        watch.tick(now_s * kNsPerSecond);
    }
    [[nodiscard]] std::string attribute(std::size_t event, std::string_view key) const {
        for (const auto& a : events[event].attributes)
            if (a.key == key)
                return a.is_number ? std::to_string(a.number) : std::string(events[event].str(a));
        return {};
    }
    testing::ExampleExchange example;
    std::vector<model::Event> events;
    RecoveryWatch watch{[this](const model::Event& e) { events.push_back(e); }};
    uint64_t now_s = 1000;
};

TEST_F(RecoveryTest, OnceWhenTheRateHasHalved) {
    for (int i = 0; i < 20; ++i) second(100, 0);
    for (int i = 0; i < 10; ++i) second(100, 20, 5000);
    EXPECT_TRUE(events.empty());
    for (int i = 0; i < 40; ++i) second(100, 1, 280);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, model::EventKind::error_rate_recovering);
    EXPECT_EQ(attribute(0, "route"), "product-catalog");
    EXPECT_EQ(attribute(0, "target"), "<1%");
    EXPECT_LT(std::stod(attribute(0, "error_rate")), 10);
    EXPECT_NEAR(std::stod(attribute(0, "p99_ms")), 5000,
                600);  // the failed are still in the window
}

TEST_F(RecoveryTest, ALittleErrorIsNoEpisode) {
    for (int i = 0; i < 20; ++i) second(100, 4);
    for (int i = 0; i < 40; ++i) second(100, 0);
    EXPECT_TRUE(events.empty());
}

TEST_F(RecoveryTest, SilenceIsNoRecovery) {
    for (int i = 0; i < 10; ++i) second(100, 50);
    for (int i = 0; i < 40; ++i) second(0, 0);
    for (int i = 0; i < 40; ++i) second(100, 0);
    EXPECT_TRUE(events.empty());
}

TEST_F(RecoveryTest, ASecondEpisodeIsToldAgain) {
    for (int episode = 0; episode < 2; ++episode) {
        for (int i = 0; i < 15; ++i) second(100, 30);
        for (int i = 0; i < 30; ++i) second(100, 0);
    }
    EXPECT_EQ(events.size(), 2u);
}

TEST_F(RecoveryTest, FluctuationAroundTheThresholdIsToldOnce) {
    for (int i = 0; i < 15; ++i) second(100, 30);
    for (int i = 0; i < 60; ++i) second(100, i % 2 == 0 ? 8 : 6);
    EXPECT_EQ(events.size(), 1u);
}

}  // namespace
}  // namespace glassgate::telemetry
