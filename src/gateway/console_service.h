// ConsoleService: the console's server as the configuration wants it, and what it serves. Whoever
// has something to serve adds routes before the first apply().
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/console_settings.h"
#include "console/server.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::gateway {

class ConsoleService {
public:
    explicit ConsoleService(telemetry::MetricsRegistry& registry);
    // Its handlers go first, then what they refer to.
    ~ConsoleService() { stop(); }
    ConsoleService(const ConsoleService&) = delete;
    ConsoleService& operator=(const ConsoleService&) = delete;

    void add(std::vector<console::Route> routes);
    // At the start and at each reload; one thread at a time. Error: all stays as it was. That a
    // console nobody asked for cannot listen is no error but problem().
    Status apply(const config::ConsoleSettings& settings);
    void stop();

    // Why there is no console although it is not switched off; empty: no reason.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    [[nodiscard]] uint16_t port() const;  // 0: not listening. Any thread.

private:
    void export_metrics(telemetry::MetricsRegistry& registry);
    [[nodiscard]] console::Server::Numbers numbers() const;

    std::vector<console::Route> routes_;
    std::string problem_;
    console::Server::Numbers before_;  // of servers that have gone: counters do not go back
    mutable std::mutex mutex_;         // guards the pointer
    std::unique_ptr<console::Server> server_;
};

}  // namespace glassgate::gateway
