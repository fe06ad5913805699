#include "gateway/demo/panel_model.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"

namespace glassgate::gateway::demo {
namespace {

constexpr uint64_t kStart = 1'000 * kNsPerSecond, kWall = 1'795'770'860 * kNsPerSecond;

model::PlanNames shop() {
    model::PlanNames names;
    names.routes.push_back({"product-catalog", "shop", {"/api/products"}, kAllMethods, {}, 0});
    names.routes.push_back({"cart", "shop", {"/api/cart"}, kAllMethods, {}, 0});
    names.upstreams.push_back({"product-service", {"product-service:3000"}});
    return names;
}

struct Scene {
    model::PlanNames names = shop();
    PanelModel model{
        PanelModel::Setup{kStart, kWall, 4, 3, 100, {"GET /api/products", "POST /api/cart"}}};

    void close(double at_s, double latency_ms, model::Ending ending = model::Ending::completed,
               uint16_t status = 200, uint32_t route = 0, std::string client = "web-1") {
        model::Exchange x;
        x.names = &names;
        x.route = route;
        x.method = route == 0 ? Method::get : Method::post;
        x.ending = ending;
        x.status = status;
        x.closed_ns = kStart + static_cast<uint64_t>(at_s * 1e9);
        x.opened_ns = x.closed_ns - static_cast<uint64_t>(latency_ms * 1e6);
        x.opened_wall_ns = x.opened_ns - kStart + kWall;
        x.text = client.data();
        x.text_size = static_cast<uint32_t>(client.size());
        x.client_id = {0, x.text_size};
        if (ending == model::Ending::rate_limited) {
            x.quota_limit = 100;
            x.quota_current = 847;
            x.quota_period_s = 60;
        }
        model.exchange(x);
    }
    // `per_second` requests in each second of [from, to).
    void traffic(int from, int to, int per_second, double latency_ms, int errors_per_second = 0) {
        for (int s = from; s < to; ++s)
            for (int i = 0; i < per_second; ++i) {
                const bool bad = i < errors_per_second;
                close(s + (i + 0.5) / per_second, latency_ms,
                      bad ? model::Ending::circuit_open : model::Ending::completed,
                      bad ? 503 : 200);
            }
    }
    void tick(double at_s) {
        model.tick(kStart + static_cast<uint64_t>(at_s * 1e9),
                   kWall + static_cast<uint64_t>(at_s * 1e9));
    }
    PanelSnapshot snapshot(double at_s) {
        tick(at_s);
        return model.snapshot(kStart + static_cast<uint64_t>(at_s * 1e9));
    }
};

TEST(PanelModel, RatesAndSharesAreOverItsWindowOfWholeSeconds) {
    Scene scene;
    scene.traffic(0, 6, 100, 20);
    scene.traffic(6, 9, 200, 20, 20);
    const PanelSnapshot s = scene.snapshot(9.4);
    EXPECT_DOUBLE_EQ(s.per_second, 200);
    EXPECT_DOUBLE_EQ(s.baseline_per_second, 100);
    EXPECT_DOUBLE_EQ(s.error_share, 0.10);
    EXPECT_DOUBLE_EQ(s.baseline_error_share, 0);
    ASSERT_EQ(s.routes.size(), 2u);
    EXPECT_EQ(s.routes[0].endpoint, "GET /api/products");
    EXPECT_DOUBLE_EQ(s.routes[0].per_second, 200);
    EXPECT_EQ(s.routes[0].status, RouteStatus::degraded);
    EXPECT_EQ(s.routes[1].status, RouteStatus::ok);
    ASSERT_EQ(s.seconds.size(), 9u);
    EXPECT_DOUBLE_EQ(s.seconds[5].per_second, 100);
    EXPECT_DOUBLE_EQ(s.seconds[6].error_share, 0.10);
}

TEST(PanelModel, ASecondThatIsNotOverIsNotShown) {
    Scene scene;
    scene.traffic(0, 3, 10, 20);
    EXPECT_EQ(scene.snapshot(2.2).seconds.size(), 1u);  // late records of second 1 may still come
    EXPECT_EQ(scene.snapshot(2.4).seconds.size(), 2u);
}

TEST(PanelModel, PercentilesAreWithinABucketOfTheTruth) {
    Scene scene;
    for (int i = 0; i < 3000; ++i) scene.close(i / 1000.0, 1 + i % 1000);  // 1 to 1000 ms, evenly
    const PanelSnapshot s = scene.snapshot(3.4);
    EXPECT_NEAR(s.p99_ms, 990, 20);
    EXPECT_NEAR(s.seconds[1].p50_ms, 500, 10);
    EXPECT_NEAR(s.seconds[1].p95_ms, 950, 20);
}

TEST(PanelModel, LimitedClientsAreRankedAndShownInTheLog) {
    Scene scene;
    for (int i = 0; i < 30; ++i)
        scene.close(1 + i * 0.06, 1, model::Ending::rate_limited, 429, 0, "mob-4f7a");
    scene.close(1.5, 1, model::Ending::rate_limited, 429, 0, "bot-0001");
    const PanelSnapshot s = scene.snapshot(3.4);
    EXPECT_EQ(s.limited, 31u);
    EXPECT_DOUBLE_EQ(s.limited_per_minute, 31 * 20);
    ASSERT_EQ(s.top_clients.size(), 2u);
    EXPECT_EQ(s.top_clients[0].client_id, "mob-4f7a");
    EXPECT_EQ(s.top_clients[0].hits, 30u);
    EXPECT_DOUBLE_EQ(s.error_share, 0) << "a 429 is not an error";
    ASSERT_FALSE(s.log.empty());
    EXPECT_NE(s.log.front().text.find("ERROR rate_limit_exceeded · client_id=mob-4f7a"),
              std::string::npos)
        << s.log.front().text;
    EXPECT_NE(s.log.front().text.find("limit=100/min · current=847/min"), std::string::npos)
        << s.log.front().text;
}

TEST(PanelModel, AFloodOfOneKindIsOneLineASecondWithItsCount) {
    Scene scene;
    for (int i = 0; i < 300; ++i) scene.close(1 + i * 0.01, 1, model::Ending::rate_limited, 429);
    model::Event again(model::EventKind::rate_limit_exceeded, kWall + 2 * kNsPerSecond);
    again.count = 300;
    scene.model.event(again);  // the collector's projection of the same records
    for (int second = 2; second < 20; ++second) scene.tick(second);
    const PanelSnapshot s = scene.snapshot(20);
    uint64_t counted = 0;
    for (const LogLine& line : s.log) {
        const std::size_t at = line.text.find("count=");
        counted += at == std::string::npos ? 1 : std::stoull(line.text.substr(at + 6));
    }
    EXPECT_EQ(counted, 300u);
    EXPECT_LE(s.log.size(), 5u);
}

TEST(PanelModel, EventsOfTheGatewayAreShownAsTheyCome) {
    Scene scene;
    for (const auto kind :
         {model::EventKind::circuit_breaker_open, model::EventKind::circuit_breaker_half_open,
          model::EventKind::circuit_breaker_open, model::EventKind::circuit_breaker_half_open})
        scene.model.event(model::Event(kind, kWall));
    const PanelSnapshot s = scene.snapshot(1);
    ASSERT_EQ(s.log.size(), 4u);
    EXPECT_NE(s.log[2].text.find("WARN circuit_breaker_open"), std::string::npos);
    EXPECT_EQ(scene.model.highlights().circuit_opened, 2u);
}

TEST(PanelModel, AlertsWaitForTheirTimeAndNameTheEndpoint) {
    Scene scene;  // windows are divided by 100: 3 s, HighErrorRate for 1.2 s
    scene.traffic(0, 4, 100, 20);
    scene.traffic(4, 6, 100, 20, 30);
    PanelSnapshot s = scene.snapshot(5.4);
    ASSERT_EQ(s.alerts[0].name, "HighErrorRate");
    EXPECT_EQ(s.alerts[0].state, AlertState::pending);
    scene.traffic(6, 8, 100, 20, 30);
    s = scene.snapshot(7.4);
    EXPECT_EQ(s.alerts[0].state, AlertState::firing);
    EXPECT_EQ(s.alerts[0].where, "GET /api/products");
    EXPECT_EQ(s.alerts[2].name, "RateLimitStorm");
    EXPECT_EQ(s.alerts[2].state, AlertState::inactive);
    scene.traffic(8, 13, 100, 20);
    s = scene.snapshot(12.4);
    EXPECT_EQ(s.alerts[0].state, AlertState::inactive);
    EXPECT_TRUE(s.alerts[0].ever_fired);
}

TEST(PanelModel, KnowsWhenTheErrorRateHasRecoveredAfterTheHotfix) {
    Scene scene;
    scene.traffic(0, 4, 100, 20);
    scene.traffic(4, 9, 100, 600, 12);
    scene.tick(9.4);
    model::Event hotfix(model::EventKind::rate_limit_config_updated, kWall + 9 * kNsPerSecond);
    hotfix.with("new_limit", "50/min").with("route", "product-catalog");
    scene.model.event(hotfix);
    scene.traffic(9, 14, 100, 100);
    scene.tick(14.4);
    const Highlights h = scene.model.highlights();
    EXPECT_DOUBLE_EQ(h.hotfix_applied_s, 9);
    EXPECT_DOUBLE_EQ(h.recovered_s, 12);  // the last three seconds are without an error
    EXPECT_DOUBLE_EQ(h.peak_error_share, 0.12);
    EXPECT_NEAR(h.peak_p99_ms, 600, 20);
}

TEST(PanelModel, RequestsWithoutARouteHaveARowOfTheirOwn) {
    Scene scene;
    scene.close(0.5, 1, model::Ending::no_route, 404, model::kNone);
    const PanelSnapshot s = scene.snapshot(3.4);
    ASSERT_EQ(s.routes.size(), 3u);
    EXPECT_EQ(s.routes[2].endpoint, "(no route)");
}

}  // namespace
}  // namespace glassgate::gateway::demo
