// Gateway: the running whole: configuration, workers, telemetry, admin endpoint, and how they are
// introduced to one another. `glassgate run` and `glassgate demo` are thin around it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "telemetry/metrics/registry.h"
#include "telemetry/telemetry.h"

namespace glassgate::gateway {

struct Options {
    std::vector<std::string> paths;  // files and folders
    bool watch = true;               // reload when they change
    uint32_t watch_debounce_ms = 100;
    // Called with every diagnostic list of a load that had any, on the thread that loaded.
    std::function<void(const Diagnostics&)> report;
    telemetry::Telemetry::Tap tap;  // for the built-in panel
    bool in_memory = false;         // keep no state, whatever the environment says
    std::string state_dir;          // where state is kept; empty: $STATE_DIRECTORY, else nowhere
};

// Why a start failed: the user's input (exit status 1) or the environment (2).
enum class StartFault : uint8_t { input, environment };
struct StartError {
    StartFault fault;
    std::string message;  // empty when every diagnostic has been reported
};

class Gateway {
public:
    static std::expected<std::unique_ptr<Gateway>, StartError> start(Options options);
    virtual ~Gateway() = default;  // stops at once, without draining, if still running

    // Any thread; serialised. False: the new configuration has mistakes or could not be applied;
    // the old one goes on, config_rejected is raised and the gauge set.
    virtual bool reload() = 0;
    virtual void reopen_logs() = 0;
    // Readiness fails, no new connections, open exchanges finish within the plan's drainMs (or
    // `drain_ms` if not negative), telemetry is flushed. Returns when all has ended. Once.
    virtual void drain_and_stop(int64_t drain_ms = -1) = 0;

    [[nodiscard]] virtual telemetry::MetricsRegistry& metrics() noexcept = 0;
    [[nodiscard]] virtual uint64_t generation() const noexcept = 0;
    // Ports as bound, also when the configuration says 0.
    [[nodiscard]] virtual uint16_t port(const std::string& listener) const = 0;
    [[nodiscard]] virtual uint16_t metrics_port() const noexcept = 0;
    [[nodiscard]] virtual uint16_t console_port() const noexcept = 0;  // 0: there is no console
};

}  // namespace glassgate::gateway
