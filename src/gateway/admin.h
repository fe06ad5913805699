// Admin: /metrics, /healthz and /readyz on a thread of their own, so that they answer while the
// workers are saturated.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "config/load.h"
#include "http/simple_server.h"
#include "telemetry/metrics/registry.h"
#include "telemetry/settings.h"

namespace glassgate::gateway {

enum class Readiness : uint8_t { starting, ready, draining };

class Admin {
public:
    static Result<std::unique_ptr<Admin>> start(const telemetry::MetricsSettings& settings,
                                                telemetry::MetricsRegistry& registry);
    // Follows a reload. Fails when the new address cannot be listened on; then all stays as it was.
    Status reconfigure(const telemetry::MetricsSettings& settings);
    // The same for the probes: nothing, or /probes/readiness and /probes/liveness on that port.
    Status reconfigure_probe(const std::optional<config::ProbeSetting>& probe);
    void set_readiness(Readiness readiness) noexcept { readiness_.store(readiness); }
    [[nodiscard]] uint16_t port() const noexcept { return server_->port(); }

private:
    explicit Admin(telemetry::MetricsRegistry& registry) : registry_(registry) {}
    [[nodiscard]] std::vector<http::SimpleServer::Route> routes(
        const telemetry::MetricsSettings& settings);
    [[nodiscard]] http::SimpleServer::Handler readiness_handler();
    telemetry::MetricsRegistry& registry_;
    telemetry::MetricsSettings settings_;
    std::atomic<Readiness> readiness_{Readiness::starting};
    std::optional<config::ProbeSetting> probe_;
    std::unique_ptr<http::SimpleServer> probe_server_;
    std::unique_ptr<http::SimpleServer> server_;  // last: its thread uses what is above
};

}  // namespace glassgate::gateway
