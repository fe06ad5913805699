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
#include "telemetry/pipeline/sink.h"
#include "telemetry/project/line_format.h"

namespace glassgate::flight {

inline constexpr std::string_view kSinkName = "flight-recorder";

struct RecorderSettings {
    std::string directory;  // empty: one of its own, in the temporary directory, that goes with it
    RingLimits limits;
    Selection selection;
    uint32_t flush_ms = 250;  // what a kill -9 may cost
    uint64_t queue_bytes = 8u << 20;
    bool operator==(const RecorderSettings&) const = default;
};

class FlightRecorder {
public:
    [[nodiscard]] static Result<std::shared_ptr<FlightRecorder>> open(
        const RecorderSettings& settings);
    ~FlightRecorder();
    FlightRecorder(const FlightRecorder&) = delete;
    FlightRecorder& operator=(const FlightRecorder&) = delete;

    // What may change while it runs: everything but the directory, flush_ms and queue_bytes.
    void reconfigure(const RecorderSettings& settings);
    // It keeps the recorder alive. `formats` belong to the collector.
    [[nodiscard]] static std::unique_ptr<telemetry::Sink> make_sink(
        std::shared_ptr<FlightRecorder> recorder,
        std::shared_ptr<const telemetry::LineFormats> formats);

    [[nodiscard]] const Ring& ring() const noexcept { return *ring_; }
    [[nodiscard]] LiveFeed& live() noexcept { return live_; }
    [[nodiscard]] const std::string& directory() const noexcept { return ring_->directory(); }
    [[nodiscard]] bool temporary() const noexcept { return temporary_; }

private:
    class FlightSink;
    explicit FlightRecorder(const RecorderSettings& settings) : settings_(settings) {}
    [[nodiscard]] Selection selection() const;

    mutable std::mutex mutex_;
    RecorderSettings settings_;
    bool temporary_ = false;
    PlanShelf plans_;
    std::shared_ptr<Ring> ring_;
    LiveFeed live_{plans_};
};

}  // namespace glassgate::flight
