#include "gateway/flight_slot.h"

namespace glassgate::gateway {

using flight::FlightRecorder;

Result<telemetry::Settings> FlightSlot::prepare(flight::RecorderSettings settings,
                                                const std::string& state_directory,
                                                const telemetry::Settings& telemetry) {
    next_.reset();
    if (settings.directory.empty() && !state_directory.empty())
        settings.directory = state_directory + "/flight";
    next_settings_ = settings;
    telemetry::Settings with = telemetry;
    if (!settings.enabled) return with;
    if (recorder_ != nullptr && directory_ == settings.directory) next_ = recorder_;
    if (next_ == nullptr && !settings.directory.empty() && former_directory_ == settings.directory)
        next_ = former_.lock();
    if (next_ == nullptr) next_ = TRY(FlightRecorder::open(settings));
    // The address tells one recorder from another; the rest is what a sink is made of.
    const auto address = reinterpret_cast<uintptr_t>(next_.get());
    telemetry::GuestSink guest;
    guest.key = std::string(flight::kSinkName) + " " + std::to_string(address) + " " +
                std::to_string(settings.flush_ms) + " " + std::to_string(settings.queue_bytes);
    guest.make = [recorder = next_,
                  settings](auto formats) -> Result<std::unique_ptr<telemetry::Sink>> {
        return FlightRecorder::make_sink(recorder, settings, std::move(formats));
    };
    with.guests.push_back(std::move(guest));
    return with;
}

void FlightSlot::commit() {
    const std::lock_guard lock(mutex_);
    if (next_ != nullptr) next_->reconfigure(next_settings_);
    if (recorder_ != nullptr && recorder_ != next_) {
        former_ = recorder_;
        former_directory_ = directory_;
    }
    recorder_ = std::move(next_);
    directory_ = next_settings_.directory;
}

std::shared_ptr<FlightRecorder> FlightSlot::recorder() const {
    const std::lock_guard lock(mutex_);
    return recorder_;
}

void FlightSlot::export_state(telemetry::MetricsRegistry& registry) const {
    const auto add = [&](std::string name, std::string help, telemetry::MetricType type,
                         auto read) {
        registry.add_external({std::move(name), std::move(help), type,
                               [this, read](std::vector<telemetry::Sample>& out) {
                                   const auto recorder = this->recorder();
                                   if (recorder == nullptr) return;
                                   out.push_back(
                                       {{}, static_cast<double>(read(recorder->ring().stats()))});
                               }});
    };
    using telemetry::MetricType;
    using Stats = const flight::RingStats&;
    add("flex_flight_recorder_records", {}, MetricType::gauge, [](Stats s) { return s.records; });
    add("flex_flight_recorder_bytes", {}, MetricType::gauge, [](Stats s) { return s.bytes; });
    add("flex_flight_recorder_oldest_timestamp_seconds", {}, MetricType::gauge,
        [](Stats s) { return static_cast<double>(s.oldest_at_ns) / 1e9; });
    add("flex_flight_recorder_damaged_frames_total", {}, MetricType::counter,
        [](Stats s) { return s.damage.frames; });
}

}  // namespace glassgate::gateway
