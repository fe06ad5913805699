// FlightSlot: the flight recorder across reloads. Which one is in force, which one the next
// configuration gets, and how telemetry is told.
#pragma once

#include <memory>
#include <mutex>

#include "base/result.h"
#include "flight/recorder.h"
#include "telemetry/metrics/registry.h"
#include "telemetry/settings.h"

namespace glassgate::gateway {

class FlightSlot {
public:
    // Control thread. The settings of telemetry with the recorder's sink among its guests. Opens a
    // recorder when there is none for that directory; fails when that cannot be done. Nothing is in
    // force before commit(). Without a path in the settings it is `flight` in the state directory;
    // without one of these (empty) it is in files without names.
    [[nodiscard]] Result<telemetry::Settings> prepare(flight::RecorderSettings settings,
                                                      const std::string& state_directory,
                                                      const telemetry::Settings& telemetry);
    void commit();

    // The one in force; null: switched off. Any thread.
    [[nodiscard]] std::shared_ptr<flight::FlightRecorder> recorder() const;

    // flex_flight_recorder_*: what the ring holds and what it found damaged.
    void export_state(telemetry::MetricsRegistry& registry) const;

private:
    mutable std::mutex mutex_;
    std::shared_ptr<flight::FlightRecorder> recorder_;
    std::string directory_;
    // One that has left may still be delivering: asked for again, it comes back.
    std::weak_ptr<flight::FlightRecorder> former_;
    std::string former_directory_;
    std::shared_ptr<flight::FlightRecorder> next_;
    flight::RecorderSettings next_settings_;
};

}  // namespace glassgate::gateway
