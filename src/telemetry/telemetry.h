// Telemetry: the observation plane as gateway/main.cc sees it. Owns the collector thread, the sink
// lanes, the metric cells; gives each worker its Recorder.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/names.h"
#include "model/recorder.h"
#include "telemetry/pipeline/sink.h"
#include "telemetry/settings.h"

namespace glassgate::telemetry {

class MetricsRegistry;  // telemetry/metrics/registry.h

class Telemetry {
public:
    // Starts the collector and the logs; traces start with the first plan, which knows the
    // gateway's name. Fails when a log file cannot be opened.
    static Result<std::unique_ptr<Telemetry>> create(unsigned workers, const Settings& settings);
    virtual ~Telemetry() = default;

    // The recorder of worker `index`; used on that worker's thread only.
    [[nodiscard]] virtual model::Recorder& recorder(unsigned index) noexcept = 0;

    // Control thread: before the first plan and at every reload, before the workers get the plan.
    // Series of `names` exist at 0 when this returns. On failure everything stays as it was.
    //
    // Sinks whose outputs did not change go on with their queues; others are opened anew before the
    // old ones go, which deliver what they hold in the background. Fields, format and level belong
    // to the plan: a record is written with those of the plan it ran under.
    virtual Status reconfigure(const Settings& settings,
                               std::shared_ptr<const model::PlanNames> names) = 0;

    // Any thread but a worker's: an event of the control plane. Never waits for a sink.
    virtual void event(const model::Event& event) = 0;

    // Reopens log files (SIGUSR1), each on its own thread. Any thread, no signal handler.
    virtual void reopen_logs() = 0;

    [[nodiscard]] virtual MetricsRegistry& metrics() noexcept = 0;

    // A copy of what goes to the log, as records, for the built-in panel: called on the collector
    // thread for every exchange (interim records of long streams, too: `final` unset) and event;
    // must be quick, and must call nothing of telemetry or of its metrics: a scrape may be waiting
    // for this very thread. Set before traffic, or unset with {}.
    struct Tap {
        std::function<void(const model::Exchange&)> exchange;
        std::function<void(const model::Event&)> event;
    };
    virtual void set_tap(Tap tap) = 0;

    // What became of the records, by sink: the conservation law. A sink that is gone keeps its
    // counts. Any thread but a worker's or a tap's.
    [[nodiscard]] virtual std::vector<std::pair<std::string, SinkCounts>> sink_counts() const = 0;

    // Waits until what workers have pushed so far is projected and delivered, or the deadline is
    // over; then stops all threads. What could not be delivered is counted as lost. The workers
    // must have stopped.
    virtual void stop(uint32_t deadline_ms) = 0;
};

}  // namespace glassgate::telemetry
