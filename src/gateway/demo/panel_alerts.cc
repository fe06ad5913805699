#include "gateway/demo/panel_alerts.h"

#include <algorithm>
#include <cmath>

namespace glassgate::gateway::demo {
namespace {

bool high_error_rate(const TrafficCell& c, double) { return c.error_share() > 0.05; }
bool latency_breach(const TrafficCell& c, double) { return c.latency.quantile_ms(0.99) > kSlaMs; }
bool rate_limit_storm(const TrafficCell& c, double) {
    return c.requests > 0 &&
           static_cast<double>(c.limited) > 0.20 * static_cast<double>(c.requests);
}
bool auth_failure_spike(const TrafficCell& c, double window_s) {
    return static_cast<double>(c.auth_failures) / window_s > 50;
}

}  // namespace

MiniatureAlerts::MiniatureAlerts(double divisor, std::vector<std::string> endpoints)
    : window_s_(std::max<int64_t>(3, std::llround(300 / divisor))),
      endpoints_(std::move(endpoints)) {
    const auto add = [&](const char* name, const char* severity, double for_s, auto holds) {
        rules_.push_back({name, severity, for_s / divisor, holds, false,
                          std::vector<Instance>(endpoints_.size())});
    };
    add("HighErrorRate", "critical", 120, &high_error_rate);
    add("LatencySLABreach", "critical", 180, &latency_breach);
    add("RateLimitStorm", "warning", 300, &rate_limit_storm);
    add("AuthFailureSpike", "warning", 60, &auth_failure_spike);
}

void MiniatureAlerts::evaluate(double now_s, const std::vector<TrafficCell>& cells) {
    for (Rule& rule : rules_) {
        for (std::size_t i = 0; i < rule.instances.size() && i < cells.size(); ++i) {
            Instance& instance = rule.instances[i];
            if (!rule.holds(cells[i], static_cast<double>(window_s_))) {
                instance = {};
                continue;
            }
            if (instance.pending_since_s < 0) instance.pending_since_s = now_s;
            if (now_s - instance.pending_since_s >= rule.for_s)
                instance.firing = rule.ever_fired = true;
        }
    }
}

std::vector<AlertRow> MiniatureAlerts::rows() const {
    std::vector<AlertRow> rows;
    for (const Rule& rule : rules_) {
        AlertRow row{rule.name, rule.severity, AlertState::inactive, rule.ever_fired, {}};
        for (std::size_t i = 0; i < rule.instances.size(); ++i) {
            const Instance& instance = rule.instances[i];
            if (instance.pending_since_s < 0) continue;
            row.state =
                std::max(row.state, instance.firing ? AlertState::firing : AlertState::pending);
            if (!row.where.empty()) row.where += ", ";
            row.where += endpoints_[i];
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace glassgate::gateway::demo
