// PanelSnapshot: everything the panel shows at one moment, as plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/event.h"

namespace glassgate::gateway::demo {

enum class RouteStatus : uint8_t { ok, slow, degraded };
enum class AlertState : uint8_t { inactive, pending, firing };

struct RouteRow {
    std::string endpoint;
    double per_second = 0;
    double p99_ms = 0;
    double error_share = 0;
    RouteStatus status = RouteStatus::ok;
};

struct ClientRow {
    std::string client_id, name;
    double hits_per_minute = 0;  // over the panel's window
    uint64_t hits = 0;           // since the start
};

struct AlertRow {
    std::string name, severity;
    AlertState state = AlertState::inactive;
    bool ever_fired = false;
    std::string where;  // the endpoints it is pending or firing for
};

struct LogLine {
    model::Level level = model::Level::info;
    std::string text;  // "09:14:22 ERROR rate_limit_exceeded · ..."
};

struct SecondPoint {  // one second of the run
    double per_second = 0;
    double error_share = 0;
    double limited = 0;
    double p50_ms = 0, p95_ms = 0, p99_ms = 0;
};

struct PanelSnapshot {
    std::string title = "Flex Gateway Overview · retailco-prod · eu-west-1";
    bool running = false;  // of a gateway that runs, not of a demo with a beginning and an end
    double elapsed_s = 0, total_s = 0, sale_s = 0, hotfix_s = 0;
    std::string phase, note;  // "flash sale", "product-service is degraded"
    double speed = 1, scale = 1;
    double window_s = 15;  // of all figures below that are not of the whole run
    double alert_divisor = 20;
    double per_second = 0, baseline_per_second = 0;
    double error_share = 0, baseline_error_share = 0;
    double p99_ms = 0, baseline_p99_ms = 0;
    uint64_t limited = 0;  // since the start
    double limited_per_minute = 0;
    std::vector<SecondPoint> seconds;  // the run, oldest first
    std::vector<ClientRow> top_clients;
    std::vector<RouteRow> routes;
    std::vector<AlertRow> alerts;
    std::vector<LogLine> log;  // oldest first
    std::string footer;        // metrics URL
};

// Thresholds of the route table. DEGRADED: the error rate is above 5 % or P99 above the SLA of
// 500 ms (the two critical rules); SLOW: above 1 % or above half the SLA.
inline constexpr double kSlaMs = 500;
[[nodiscard]] constexpr RouteStatus route_status(double p99_ms, double error_share) noexcept {
    if (error_share > 0.05 || p99_ms > kSlaMs) return RouteStatus::degraded;
    if (error_share > 0.01 || p99_ms > kSlaMs / 2) return RouteStatus::slow;
    return RouteStatus::ok;
}

}  // namespace glassgate::gateway::demo
