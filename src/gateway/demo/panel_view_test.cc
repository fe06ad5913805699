#include "gateway/demo/panel_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "gateway/demo/canvas.h"

namespace glassgate::gateway::demo {
namespace {

PanelSnapshot incident() {
    PanelSnapshot s;
    s.elapsed_s = 67;
    s.total_s = 120;
    s.sale_s = 20;
    s.phase = "flash sale";
    s.note = "product-service is overloaded";
    s.per_second = 3847;
    s.baseline_per_second = 1425;
    s.error_share = 0.083;
    s.baseline_error_share = 0.001;
    s.p99_ms = 642;
    s.baseline_p99_ms = 84;
    s.limited = 14200;
    s.limited_per_minute = 12000;
    for (int i = 0; i < 67; ++i) {
        const bool sale = i >= 20, slow = i >= 32;
        s.seconds.push_back({sale ? 3847.0 : 1425.0, slow ? 0.083 : 0.001, slow ? 90.0 : 0,
                             slow ? 190.0 : 28, slow ? 417.0 : 60, slow ? 642.0 : 84});
    }
    s.top_clients = {{"mob-4f7a", "mobile-app v3.2", 847, 9847},
                     {"bot-91aa", "price-bot/2.1", 420, 2100}};
    s.routes = {{"GET /api/products", 2840, 642, 0.112, route_status(642, 0.112)},
                {"GET /api/products/:id", 780, 310, 0.008, route_status(310, 0.008)},
                {"POST /api/cart", 145, 88, 0.002, route_status(88, 0.002)},
                {"POST /api/checkout", 82, 124, 0, route_status(124, 0)},
                {"GET /health", 12, 4, 0, route_status(4, 0)}};
    s.alerts = {{"HighErrorRate", "critical", AlertState::firing, true, "GET /api/products"},
                {"LatencySLABreach", "critical", AlertState::pending, false, "GET /api/products"},
                {"RateLimitStorm", "warning", AlertState::inactive, false, ""},
                {"AuthFailureSpike", "warning", AlertState::inactive, false, ""}};
    s.log = {
        {model::Level::error,
         "09:14:22 ERROR rate_limit_exceeded · client_id=mob-4f7a · path=/api/products · "
         "limit=100/min · current=847/min"},
        {model::Level::warn,
         "09:14:24 WARN circuit_breaker_open · route=product-catalog · consecutive_failures=5"},
        {model::Level::info,
         "09:14:31 INFO rate_limit_config_updated · new_limit=50/min · route=product-catalog"}};
    s.footer = "traffic http://127.0.0.1:8080  metrics http://127.0.0.1:9090/metrics";
    return s;
}

// The picture in the file is what the panel must look like. To take a new one on purpose, run with
// GLASSGATE_UPDATE_GOLDEN=1 and look at the difference.
void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = std::string(GLASSGATE_SOURCE_DIR) + "/src/gateway/demo/golden/" + name;
    if (std::getenv("GLASSGATE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text << '\n';
    std::ifstream in(path);
    std::ostringstream expected;
    expected << in.rdbuf();
    EXPECT_EQ(text + "\n", expected.str()) << path;
}

TEST(PanelView, GoldenAtEightyByTwentyFour) {
    expect_golden("panel_80x24.txt", render_panel(incident(), {80, 24, false}));
}
TEST(PanelView, GoldenAtHundredAndTwentyByForty) {
    expect_golden("panel_120x40.txt", render_panel(incident(), {120, 40, false}));
}

TEST(PanelView, EveryLineFitsAtEveryWidth) {
    PanelSnapshot empty;
    for (const PanelSnapshot& s : {incident(), empty}) {
        for (unsigned width = 60; width <= 160; width += 7) {
            for (const unsigned height : {10u, 24u, 31u, 32u, 50u}) {
                const std::string text = render_panel(s, {width, height, false});
                unsigned lines = 0;
                std::istringstream in(text + "\n");
                for (std::string line; std::getline(in, line); ++lines)
                    EXPECT_LE(cells_of(line), std::clamp(width, 80u, 140u)) << line;
                EXPECT_EQ(lines, std::max(height, 24u));
            }
        }
    }
}

TEST(PanelView, WithoutColoursThereIsNoEscapeSequence) {
    EXPECT_EQ(render_panel(incident(), {100, 36, false}).find('\x1b'), std::string::npos);
    EXPECT_NE(render_panel(incident(), {100, 36, true}).find('\x1b'), std::string::npos);
}

TEST(RouteStatus, ThresholdsOfTheMissionsTable) {
    EXPECT_EQ(route_status(642, 0.112), RouteStatus::degraded);
    EXPECT_EQ(route_status(310, 0.008), RouteStatus::slow);
    EXPECT_EQ(route_status(124, 0), RouteStatus::ok);
    EXPECT_EQ(route_status(500, 0.05), RouteStatus::slow) << "a threshold must be exceeded";
    EXPECT_EQ(route_status(100, 0.06), RouteStatus::degraded);
}

}  // namespace
}  // namespace glassgate::gateway::demo
