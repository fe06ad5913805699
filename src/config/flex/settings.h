// Configuration documents and FLEX_* variables: what holds for all APIs of the gateway.
#pragma once

#include <optional>
#include <string>

#include "config/draft.h"
#include "config/flex/document.h"

namespace glassgate::config::flex {

// Flex Gateway's own defaults. Precedence: policy, Configuration, variable, default.
struct Settings {
    uint64_t pool_idle_ms = 60'000;
    uint64_t response_ms = 15'000;
    uint64_t stream_idle_ms = 300'000;
    uint64_t client_idle_ms = 60'000;
    uint64_t dns_refresh_ms = 5'000;
    std::optional<uint64_t> drain_ms;
    bool rewrite_host = true;
    std::string forward_client_cert = "sanitize";  // as a listener's forwardClientCert
    std::string log_level;                         // as logging.level; empty: not said
    std::optional<Position> proxy_protocol;        // nothing: off
    const Node* thresholds = nullptr;              // of circuitBreaker
    std::optional<ProbeSetting> probe;
    Position probe_at;
    const Document* logging = nullptr;
    const Document* tracing = nullptr;
};

[[nodiscard]] Settings read_settings(const Documents& documents, const Environment& environment,
                                     Diagnostics& diagnostics);

// Reads the variables only.
void read_variables(const Environment& environment, Settings& settings, Diagnostics& diagnostics);

}  // namespace glassgate::config::flex
