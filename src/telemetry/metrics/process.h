// Numbers about this process (the process_* families every Prometheus client has) and about the
// build.
#pragma once

#include <string>

#include "telemetry/metrics/registry.h"

namespace glassgate::telemetry {

// From /proc/self; what cannot be read is 0.
struct ProcessNumbers {
    double cpu_seconds = 0;
    double resident_bytes = 0;
    double virtual_bytes = 0;
    double open_fds = 0;
    double max_fds = 0;
    double start_time_seconds = 0;
};
[[nodiscard]] ProcessNumbers read_process_numbers();

// flex_build_info{version,revision} 1, to be given to MetricsRegistry::add_external.
[[nodiscard]] External build_info(std::string version, std::string revision);

}  // namespace glassgate::telemetry
