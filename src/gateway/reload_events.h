// What a reload that was applied is told as.
#pragma once

#include <cstdint>
#include <vector>

#include "config/load.h"
#include "model/event.h"

namespace glassgate::gateway {

// rate_limit_config_updated for each limit that has another value now, then config_applied.
[[nodiscard]] std::vector<model::Event> reload_events(const config::Configuration& before,
                                                      const config::Configuration& now,
                                                      uint64_t took_ns);

}  // namespace glassgate::gateway
