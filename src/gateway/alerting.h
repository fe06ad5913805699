// Alerting: the alert service as part of the gateway: over the built-in store, exported as metrics,
// served on the console's port. There while there is a store; switched off it has no rules.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "alert/service.h"
#include "base/result.h"
#include "config/console_settings.h"
#include "console/api/prometheus_api.h"
#include "console/request.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::gateway {

class Alerting {
public:
    // `state_directory`: where the process may keep things; empty: nowhere. `store` and the
    // registry outlive it. Error: its directory cannot be used. Before the first scrape.
    static Result<std::unique_ptr<Alerting>> start(const alert::Settings& settings,
                                                   const config::ConsoleSettings& console,
                                                   const std::string& state_directory,
                                                   store::Store& store,
                                                   telemetry::MetricsRegistry& registry);
    // Follows a reload. Control thread.
    void reconfigure(const alert::Settings& settings, const config::ConsoleSettings& console);

    // Tells nobody any more; what is not delivered stays in the spool. Numbers can still be asked.
    void stop();

    // What /api/v1/rules, alerts and alertmanagers answer.
    void serve(console::PrometheusApi& api);
    // /api/v2/* as Alertmanager has them, and our logs. Outlived by this.
    [[nodiscard]] std::vector<console::Route> routes();
    [[nodiscard]] alert::AlertService& service() noexcept { return *service_; }

private:
    Alerting() = default;
    [[nodiscard]] alert::Settings effective(const alert::Settings& settings,
                                            const config::ConsoleSettings& console) const;
    void export_metrics(telemetry::MetricsRegistry& registry);

    std::string directory_;
    std::unique_ptr<alert::AlertService> service_;
};

}  // namespace glassgate::gateway
