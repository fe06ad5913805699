#include "gateway/demo/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/clock.h"
#include "gateway/demo/service_model.h"

namespace glassgate::gateway::demo {
namespace {

double offered(const Scenario& s, double t_s) {
    double sum = 0;
    for (const double rate : s.shoppers(t_s).per_second) sum += rate;
    for (const Poller& p : s.pollers) {
        const double period = s.sale_on(t_s) ? p.sale_period_s : p.calm_period_s;
        if (period > 0) sum += 1 / period;
    }
    return sum;
}

TEST(Scenario, TheSaleIsTheMissionsTrafficAndTheFactorIsTheMissions) {
    for (const double speed : {1.0, 4.0, 10.0}) {
        const Scenario s = make_scenario(speed, 1, 1);
        const double sale = offered(s, s.sale_s + s.ramp_s + 1e-3);
        EXPECT_NEAR(sale, 3859, 5) << "speed " << speed;
        EXPECT_NEAR(sale / offered(s, s.sale_s / 2), kSaleFactor, 0.05) << "speed " << speed;
    }
    EXPECT_NEAR(offered(make_scenario(1, 0.25, 1), 40), 3859 / 4.0, 5);
}

TEST(Scenario, TheRunawayClientPollsEverySeventyMillisecondsInsteadOfFiveSeconds) {
    const Scenario s = make_scenario(1, 1, 1);
    EXPECT_EQ(s.pollers[0].client_id, "mob-4f7a");
    EXPECT_DOUBLE_EQ(s.pollers[0].sale_period_s, 0.070);
    EXPECT_DOUBLE_EQ(s.pollers[0].calm_period_s, 5);
    EXPECT_FALSE(s.pollers[0].heeds_429);
    std::set<std::string> ids;
    for (const Poller& p : s.pollers) {
        EXPECT_TRUE(ids.insert(p.client_id).second) << p.client_id;
        EXPECT_GE(p.sale_period_s, s.pollers[0].sale_period_s) << "nobody polls more often";
    }
}

// The hotfix can only work if, when it comes, those who make the load are below the old limit and
// above the new one.
TEST(Scenario, WatchersAreBetweenTheTwoLimitsWhenTheHotfixComes) {
    for (const double speed : {1.0, 2.0, 8.0}) {
        const Scenario s = make_scenario(speed, 1, 1);
        for (const Poller& p : s.pollers) {
            if (!p.heeds_429) continue;
            const double requests = (s.hotfix_s - p.start_s) / p.sale_period_s;
            EXPECT_LT(requests, 100);
            EXPECT_GT(requests, 50);
        }
    }
}

TEST(Pressure, GrowsAboveTheCapacityAndFallsBelowIt) {
    Pressure pressure({100, 3, 2, 2, 0.7, 5, 8});
    uint64_t now = kNsPerSecond;
    const auto run = [&](double per_second, double seconds) {
        for (int i = 0; i < per_second * seconds; ++i)
            pressure.arrived(now += static_cast<uint64_t>(1e9 / per_second));
    };
    run(80, 20);
    EXPECT_EQ(pressure.value(), 0);
    run(200, 20);
    EXPECT_EQ(pressure.value(), 1);
    EXPECT_NEAR(pressure.load_per_second(), 200, 10);
    run(60, 20);
    EXPECT_EQ(pressure.value(), 0);
}

TEST(Pressure, StallsInARowAndNotBeforeItIsUnderPressure) {
    Pressure calm({100, 3, 2, 2, 0.7, 5, 8});
    EXPECT_FALSE(calm.stalls(kNsPerSecond));
    Pressure pressure({1, 3, 0.1, 2, 0.7, 5, 8});
    uint64_t now = kNsPerSecond;
    for (int i = 0; i < 100; ++i) pressure.arrived(now += 10 * kNsPerMs);
    ASSERT_EQ(pressure.value(), 1);
    int stalled = 0;
    for (int i = 0; i < 100; ++i) stalled += pressure.stalls(now += kNsPerMs);
    EXPECT_EQ(stalled, 8);
    EXPECT_TRUE(pressure.stalls(now + 5 * kNsPerSecond)) << "the next stall";
}

TEST(Services, LatenciesAreTheMissionsBeforeAndUnderPressure) {
    Random random(7);
    const auto p99 = [&](Endpoint endpoint, double pressure) {
        std::vector<uint64_t> all;
        for (int i = 0; i < 20000; ++i) all.push_back(behave(endpoint, pressure, random).delay_ns);
        std::sort(all.begin(), all.end());
        return static_cast<double>(all[all.size() * 99 / 100]) / 1e6;
    };
    EXPECT_NEAR(p99(Endpoint::products, 0), 82, 6);
    EXPECT_NEAR(p99(Endpoint::product, 1), 313, 20);
    EXPECT_NEAR(p99(Endpoint::cart, 1), 82, 6);
    EXPECT_GT(p99(Endpoint::products, 1), 500);
    EXPECT_EQ(p99(Endpoint::health, 1), 0);
}

}  // namespace
}  // namespace glassgate::gateway::demo
