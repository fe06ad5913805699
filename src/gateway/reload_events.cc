#include "gateway/reload_events.h"

#include <algorithm>

#include "base/clock.h"

namespace glassgate::gateway {

using model::Event;
using model::EventKind;

std::vector<Event> reload_events(const config::Configuration& before,
                                 const config::Configuration& now, uint64_t took_ns) {
    std::vector<Event> events;
    for (const config::RateLimitSetting& limit : now.rate_limits) {
        const auto old =
            std::find_if(before.rate_limits.begin(), before.rate_limits.end(),
                         [&](const auto& b) { return b.state_key == limit.state_key; });
        if (old == before.rate_limits.end() || old->summary == limit.summary) continue;
        events.emplace_back(EventKind::rate_limit_config_updated, wall_now_ns())
            .with("new_limit", limit.summary)
            .with("old_limit", old->summary)
            .with("route", limit.route);
    }
    events.emplace_back(EventKind::config_applied, wall_now_ns())
        .with("generation", static_cast<int64_t>(now.plan->generation))
        .with("digest", now.digest)
        .with("routes", static_cast<int64_t>(now.plan->routes.size()))
        .with("took_ms", static_cast<int64_t>(took_ns / kNsPerMs));
    return events;
}

}  // namespace glassgate::gateway
