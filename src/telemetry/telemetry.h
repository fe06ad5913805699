// Telemetry: the observation plane as gateway/main.cc sees it. Owns the collector thread, the sink
// lanes, the metric cells; gives each worker its Recorder.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "model/names.h"
#include "model/recorder.h"
#include "telemetry/settings.h"

namespace glassgate::telemetry {

class MetricsRegistry;  // telemetry/metrics/registry.h

class Telemetry {
public:
    // Starts the collector and the sinks. Fails when a log file cannot be opened.
    static Result<std::unique_ptr<Telemetry>> create(unsigned workers, const Settings& settings);
    virtual ~Telemetry() = default;

    // The recorder of worker `index`; used on that worker's thread only.
    [[nodiscard]] virtual model::Recorder& recorder(unsigned index) noexcept = 0;

    // Control thread: before the first plan and at every reload, before the workers get the plan.
    // Series of `names` exist at 0 when this returns. On failure everything stays as it was.
    virtual Status reconfigure(const Settings& settings,
                               std::shared_ptr<const model::PlanNames> names) = 0;

    // Any thread but a worker's: an event of the control plane.
    virtual void event(const model::Event& event) = 0;

    // Reopens log files (SIGUSR1). Any thread.
    virtual void reopen_logs() = 0;

    [[nodiscard]] virtual MetricsRegistry& metrics() noexcept = 0;

    // A copy of what goes to the log, as records, for the built-in panel: called on the collector
    // thread for every exchange and event; must be quick. Set before traffic, or unset with {}.
    struct Tap {
        std::function<void(const model::Exchange&)> exchange;
        std::function<void(const model::Event&)> event;
    };
    virtual void set_tap(Tap tap) = 0;

    // Waits until what workers have pushed so far is projected and delivered, or the deadline is
    // over; then stops all threads. What could not be delivered is counted as lost. The workers
    // must have stopped.
    virtual void stop(uint32_t deadline_ms) = 0;
};

}  // namespace glassgate::telemetry
