// The mission's five alert rules in miniature: the same conditions per endpoint, over windows that
// are shorter by a stated divisor. What a Prometheus with the real rules says is another matter
// (examples/retailco/alerts.yml); these make the panel show the same order of events in two
// minutes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/demo/panel_snapshot.h"
#include "gateway/demo/traffic_window.h"

namespace glassgate::gateway::demo {

class MiniatureAlerts {
public:
    MiniatureAlerts(double divisor, std::vector<std::string> endpoints);

    [[nodiscard]] int64_t window_s() const noexcept { return window_s_; }
    // Once per second: `cells` are the sums over the last window_s() seconds, one per endpoint.
    void evaluate(double now_s, const std::vector<TrafficCell>& cells);
    [[nodiscard]] std::vector<AlertRow> rows() const;

private:
    struct Instance {
        double pending_since_s = -1;  // below 0: the condition does not hold
        bool firing = false;
    };
    struct Rule {
        const char* name;
        const char* severity;
        double for_s;
        bool (*holds)(const TrafficCell& cell, double window_s);
        bool ever_fired = false;
        std::vector<Instance> instances;  // per endpoint
    };
    int64_t window_s_;
    std::vector<std::string> endpoints_;
    std::vector<Rule> rules_;
};

}  // namespace glassgate::gateway::demo
