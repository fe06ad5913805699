#include "gateway/overview.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/clock.h"
#include "gateway/demo/panel_view.h"

namespace glassgate::gateway {
namespace {

using demo::PanelSnapshot;

PanelSnapshot incident() {
    PanelSnapshot s;
    s.title = "Flex Gateway Overview · retailco-gateway";
    s.running = true;
    s.elapsed_s = 5400;
    s.total_s = static_cast<double>(demo::PanelModel::kSecondsKept);
    s.window_s = 60;
    s.per_second = 3847, s.baseline_per_second = 1425;
    s.error_share = 0.083, s.baseline_error_share = 0.001;
    s.p99_ms = 642, s.baseline_p99_ms = 84;
    s.limited = 14'200, s.limited_per_minute = 12'000;
    s.top_clients = {{"mob-4f7a", "mobile-app v3.2", 9847, 9847}, {"web-1", "", 120, 120}};
    s.routes = {{"GET /api/products", 2840, 642, 0.112, demo::RouteStatus::degraded},
                {"GET /api/products/:id", 780, 310, 0.008, demo::RouteStatus::slow},
                {"POST /api/cart", 145, 88, 0.002, demo::RouteStatus::ok}};
    s.log = {{model::Level::error,
              "09:14:22 ERROR rate_limit_exceeded · client_id=mob-4f7a · path=/api/products"},
             {model::Level::warn, "09:14:24 WARN circuit_breaker_open · route=product-catalog"}};
    for (int i = 0; i < 1800; ++i) {
        const bool sale = i > 1500;
        s.seconds.push_back({sale ? 3800.0 + i % 7 : 1400.0 + i % 11, sale ? 0.08 : 0.001,
                             sale ? 200.0 : 0.0, 12, 60, sale ? 640.0 : 84.0});
    }
    return s;
}

TEST(Overview, JsonComesBackWhole) {
    const PanelSnapshot was = incident();
    const auto is = read_overview(overview_json(was));
    ASSERT_TRUE(is) << is.error().message;
    const demo::ViewSettings view{100, 36, true};
    EXPECT_EQ(demo::render_panel(*is, view), demo::render_panel(was, view));
    EXPECT_FALSE(read_overview("{}"));
    EXPECT_FALSE(read_overview("[1]"));
    EXPECT_FALSE(read_overview("nothing"));
}

TEST(Overview, ThePictureOfTop) {
    const std::string picture = demo::render_panel(incident(), {100, 36, false}) + "\n";
    const std::string path = std::string(GLASSGATE_SOURCE_DIR) + "/tests/golden/top/incident.txt";
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << picture;
    std::ifstream in(path, std::ios::binary);
    ASSERT_TRUE(in) << path;
    EXPECT_EQ(picture, (std::string{std::istreambuf_iterator<char>(in), {}}));
}

// A running model: endpoints are met, what is past is bounded, the baseline is what was usual.
TEST(Overview, ARunningGatewaysModel) {
    demo::PanelModel::Setup setup;
    setup.start_ns = 1;
    setup.sale_s = 0, setup.window_s = 60, setup.alert_divisor = 5;
    setup.running = true;
    demo::PanelModel model(setup);
    model::PlanNames names;
    names.routes = {{"r", "", {"/a", "/b"}, kAllMethods, {}, model::kNone}};
    const std::string text = "mob-4f7a";
    const auto close = [&](int64_t second, uint32_t pattern, bool limited) {
        model::Exchange x;
        x.names = &names;
        x.text = text.data();
        x.client_id = {0, 8};
        x.route = 0, x.pattern = pattern;
        x.method = Method::get;
        x.opened_ns = static_cast<uint64_t>(second) * kNsPerSecond + 2;
        x.closed_ns = x.opened_ns + 5'000'000;
        x.ending = limited ? model::Ending::rate_limited : model::Ending::completed;
        x.status = limited ? 429 : 200;
        model.exchange(x);
    };
    constexpr int64_t kEnd = 2500;
    for (int64_t s = 0; s < kEnd; ++s) {
        model.tick(static_cast<uint64_t>(s) * kNsPerSecond + 1, 0);
        for (int i = 0; i < (s < kEnd - 30 ? 10 : 27); ++i) close(s, 0, i >= 10);
        close(s, 1, false);
    }
    const uint64_t now = static_cast<uint64_t>(kEnd + 1) * kNsPerSecond;
    model.tick(now, 0);
    const PanelSnapshot s = model.snapshot(now);
    EXPECT_EQ(s.seconds.size(), demo::PanelModel::kSecondsKept);
    EXPECT_DOUBLE_EQ(s.baseline_per_second, 11);
    EXPECT_GT(s.per_second, 2 * s.baseline_per_second);
    ASSERT_EQ(s.routes.size(), 2u);
    EXPECT_EQ(s.routes[0].endpoint, "GET /a");
    EXPECT_EQ(s.routes[1].endpoint, "GET /b");
    ASSERT_EQ(s.top_clients.size(), 1u);
    EXPECT_EQ(s.top_clients[0].client_id, "mob-4f7a");
    EXPECT_EQ(s.limited, 30u * 17);
    EXPECT_TRUE(s.alerts.empty());
}

}  // namespace
}  // namespace glassgate::gateway
