// Summary: what the run measured, beside the mission's figures, and whether its numbers add up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/demo/clients.h"
#include "gateway/demo/panel_model.h"
#include "gateway/demo/scenario.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::gateway::demo {

// Every count of the same requests, by who counted. All must be equal, the clients' included when
// no connection broke.
struct Reconciliation {
    uint64_t by_endings = 0;        // sum of flex_exchanges_total
    uint64_t by_routes = 0;         // sum of flex_requests_total
    uint64_t log_records = 0;       // flex_telemetry_records_total of the log file, all outcomes
    uint64_t log_lines = 0;         // lines in the file that are requests
    uint64_t panel = 0;             // records the panel was shown
    uint64_t clients_answered = 0;  // whole responses the clients read
    uint64_t log_lost = 0;
    std::vector<std::pair<std::string, uint64_t>> endings;  // not zero ones, most first
    [[nodiscard]] bool holds() const noexcept {
        return by_endings == by_routes && by_endings == log_records;
    }
};

// After the last exchange has closed and the sinks have been flushed.
[[nodiscard]] Reconciliation reconcile(telemetry::MetricsRegistry& metrics);

struct Summary {
    Scenario scenario;
    Highlights measured;
    Reconciliation counts;
    ClientTotals clients;
    double seconds = 0;
    bool interrupted = false;
    uint64_t stalled_requests = 0;  // that product-service never answered
};

[[nodiscard]] std::string summary_text(const Summary& summary, bool colour);
[[nodiscard]] std::string summary_json(const Summary& summary);

}  // namespace glassgate::gateway::demo
