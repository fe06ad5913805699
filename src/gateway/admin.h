// Admin: /metrics, /healthz and /readyz on a thread of their own, so that they answer while the
// workers are saturated.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "http/simple_server.h"
#include "telemetry/metrics/registry.h"
#include "telemetry/settings.h"

namespace glassgate::gateway {

enum class Readiness : uint8_t { starting, ready, draining };

class Admin {
public:
    static Result<std::unique_ptr<Admin>> start(const telemetry::MetricsSettings& settings,
                                                telemetry::MetricsRegistry& registry);
    void set_readiness(Readiness readiness) noexcept { readiness_.store(readiness); }
    [[nodiscard]] uint16_t port() const noexcept { return server_->port(); }

private:
    Admin() = default;
    std::atomic<Readiness> readiness_{Readiness::starting};
    std::unique_ptr<http::SimpleServer> server_;  // last: its thread uses what is above
};

}  // namespace glassgate::gateway
