// FlightRecorder: the ring, what goes into it, and those who watch, as the gateway holds them. Its
// sink is one like any other (telemetry/pipeline/sink.h), label "flight-recorder".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "flight/live.h"
#include "flight/plan_shelf.h"
#include "flight/ring.h"
#include "flight/select.h"
#include "flight/settings.h"
#include "telemetry/pipeline/sink.h"
#include "telemetry/project/line_format.h"

namespace glassgate::flight {

inline constexpr std::string_view kSinkName = "flight-recorder";

class FlightRecorder {
public:
    [[nodiscard]] static Result<std::shared_ptr<FlightRecorder>> open(
        const RecorderSettings& settings);
    FlightRecorder(const FlightRecorder&) = delete;
    FlightRecorder& operator=(const FlightRecorder&) = delete;

    // What may change while it runs: limits and selection; flush_ms and queue_bytes are the sink's.
    void reconfigure(const RecorderSettings& settings);
    // It keeps the recorder alive. `formats` belong to the collector.
    [[nodiscard]] static std::unique_ptr<telemetry::Sink> make_sink(
        std::shared_ptr<FlightRecorder> recorder, const RecorderSettings& settings,
        std::shared_ptr<const telemetry::LineFormats> formats);

    [[nodiscard]] const Ring& ring() const noexcept { return *ring_; }
    // A record is in the ring so long after its exchange was closed, at the latest, when nothing
    // holds the sink up.
    [[nodiscard]] uint32_t settled_ms() const noexcept { return settings_.flush_ms + 60; }
    [[nodiscard]] LiveFeed& live() noexcept { return live_; }

private:
    class FlightSink;
    explicit FlightRecorder(const RecorderSettings& settings) : settings_(settings) {}
    [[nodiscard]] Selection selection() const;

    mutable std::mutex mutex_;
    RecorderSettings settings_;
    PlanShelf plans_;
    std::shared_ptr<Ring> ring_;
    LiveFeed live_{plans_};
};

}  // namespace glassgate::flight
