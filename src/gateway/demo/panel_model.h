// PanelModel: what the panel knows, from the records of exchanges and events as the collector sees
// them. Pure state: no clock, no thread; the caller says what time it is and serialises the calls.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "gateway/demo/limited_clients.h"
#include "gateway/demo/panel_alerts.h"
#include "gateway/demo/panel_log.h"
#include "gateway/demo/panel_snapshot.h"
#include "gateway/demo/traffic_window.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::gateway::demo {

// What a summary says about the whole run. Rates and shares are over the panel's window.
struct Highlights {
    uint64_t exchanges = 0, errors = 0, limited = 0;
    double baseline_per_second = 0, baseline_error_share = 0, baseline_p99_ms = 0;
    double peak_per_second = 0, peak_error_share = 0, peak_p99_ms = 0, peak_limited_per_minute = 0;
    double final_error_share = 0, final_p99_ms = 0;
    uint64_t circuit_opened = 0, upstream_timeouts = 0;
    double first_alert_s = -1;  // seconds since the start; -1: never
    double hotfix_applied_s = -1;
    double recovered_s = -1;  // the error rate is below 1 % and stays there
    std::vector<std::string> alerts_fired;
    std::vector<ClientRow> top_clients;
};

class PanelModel {
public:
    struct Setup {
        uint64_t start_ns = 0;       // mono clock: second 0
        uint64_t start_wall_ns = 0;  // the same moment by the other clock
        double sale_s = 20;          // until here is baseline
        double window_s = 15;
        double alert_divisor = 20;
        std::vector<std::string> endpoints;  // "GET /api/products": method and pattern
        // Of a gateway that runs: endpoints are those that are met, the baseline is the median of
        // the last half hour, and only so much is remembered.
        bool running = false;
    };
    static constexpr std::size_t kRowsMax = 64;           // of a running gateway
    static constexpr std::size_t kSecondsKept = 30 * 60;  // likewise
    explicit PanelModel(Setup setup);
    // Second 0 is here; before anything has been counted.
    void begin(uint64_t start_ns, uint64_t start_wall_ns) noexcept {
        setup_.start_ns = start_ns;
        setup_.start_wall_ns = start_wall_ns;
    }

    void exchange(const model::Exchange& exchange);
    void event(const model::Event& event);
    // Completes the seconds that are over. At least once a second.
    void tick(uint64_t now_ns, uint64_t wall_ns);
    // What the model knows; phase, footer and the like are the caller's to fill in.
    [[nodiscard]] PanelSnapshot snapshot(uint64_t now_ns) const;
    [[nodiscard]] Highlights highlights() const;

private:
    [[nodiscard]] int64_t second_of(uint64_t at_ns) const noexcept;
    [[nodiscard]] std::size_t row_of(const model::Exchange& exchange);
    [[nodiscard]] std::size_t other_row() const noexcept {
        return setup_.running ? kRowsMax : setup_.endpoints.size();
    }
    void watch_baseline();
    void complete_second(int64_t second);
    void watch_recovery(int64_t second);
    [[nodiscard]] int64_t window() const noexcept { return static_cast<int64_t>(setup_.window_s); }

    Setup setup_;
    TrafficWindow traffic_;
    LimitedClients clients_;
    MiniatureAlerts alerts_;
    PanelLog log_;
    TrafficCell baseline_;
    int64_t baseline_seconds_ = 0;
    int64_t complete_ = 0;  // seconds below this one are over
    std::deque<SecondPoint> seconds_;
    Highlights highlights_;
};

}  // namespace glassgate::gateway::demo
