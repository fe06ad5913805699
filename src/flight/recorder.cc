#include "flight/recorder.h"

#include "flight/codec.h"

namespace glassgate::flight {

Result<std::shared_ptr<FlightRecorder>> FlightRecorder::open(const RecorderSettings& settings) {
    std::shared_ptr<FlightRecorder> recorder(new FlightRecorder(settings));
    auto ring = settings.directory.empty() ? Ring::open_anonymous(settings.limits)
                                           : Ring::open(settings.directory, settings.limits);
    if (!ring) return failure("flight recorder: " + ring.error().message);
    recorder->ring_ = *std::move(ring);
    return recorder;
}

void FlightRecorder::reconfigure(const RecorderSettings& settings) {
    {
        const std::lock_guard lock(mutex_);
        settings_.limits = settings.limits;
        settings_.selection = settings.selection;
    }
    ring_->set_limits(settings.limits);
}

Selection FlightRecorder::selection() const {
    const std::lock_guard lock(mutex_);
    return settings_.selection;
}

// --- the sink ------------------------------------------------------------------------------------

class FlightRecorder::FlightSink final : public telemetry::Sink {
public:
    FlightSink(std::shared_ptr<FlightRecorder> recorder, const RecorderSettings& settings,
               std::shared_ptr<const telemetry::LineFormats> formats)
        : recorder_(std::move(recorder)),
          flush_ms_(settings.flush_ms),
          queue_bytes_(settings.queue_bytes),
          formats_(std::move(formats)) {}

    [[nodiscard]] telemetry::SinkTraits traits() const override {
        telemetry::SinkTraits traits;
        traits.name = kSinkName;
        traits.queue_bytes = queue_bytes_;
        traits.batch_bytes = 256 * 1024;
        traits.flush_ms = flush_ms_;
        return traits;
    }

    telemetry::Projected project(const model::Exchange& x, std::string& out) override {
        if (!x.final) return telemetry::Projected::filtered;
        const auto kept = select(x, recorder_->selection());
        const bool watched = recorder_->live_.watched();
        if (!kept && !watched) return telemetry::Projected::sampled_out;
        const telemetry::LineFormat& line = formats_->of(x.names);
        redact_into(x, line, copy_, text_, scratch_);
        const std::size_t from = out.size();
        encode_entry(copy_, kept.value_or(Kept::sampled), recorder_->plans_.key_of(*x.names, line),
                     out);
        if (watched) recorder_->live_.offer(std::string_view(out).substr(from));
        // One that no frame would hold is not a record (headers are bounded well below).
        if (kept && out.size() - from <= kEntryBytesMax) return telemetry::Projected::queued;
        out.resize(from);
        return kept ? telemetry::Projected::filtered : telemetry::Projected::sampled_out;
    }
    telemetry::Projected project(const model::Event& event, std::string& out) override {
        const std::size_t from = out.size();
        encode_entry(redacted_event(event, scratch_), 0, out);
        offer(out, from);
        return telemetry::Projected::queued;
    }
    telemetry::Projected project_refused(const model::Connection& connection,
                                         std::string& out) override {
        const std::size_t from = out.size();
        encode_entry(redacted_connection(connection, scratch_), 0, out);
        offer(out, from);
        return telemetry::Projected::queued;
    }

    telemetry::Delivered deliver(std::span<const std::string_view> batch) noexcept override {
        const auto done = recorder_->ring_->append(
            batch, [this](uint64_t key) { return recorder_->plans_.bytes(key); });
        return {done.entries, true, 0, done.error};
    }

private:
    void offer(const std::string& out, std::size_t from) {
        if (recorder_->live_.watched()) recorder_->live_.offer(std::string_view(out).substr(from));
    }

    const std::shared_ptr<FlightRecorder> recorder_;
    const uint32_t flush_ms_;
    const uint64_t queue_bytes_;
    const std::shared_ptr<const telemetry::LineFormats> formats_;
    model::Exchange copy_;
    std::string text_, scratch_;
};

std::unique_ptr<telemetry::Sink> FlightRecorder::make_sink(
    std::shared_ptr<FlightRecorder> recorder, const RecorderSettings& settings,
    std::shared_ptr<const telemetry::LineFormats> formats) {
    return std::make_unique<FlightSink>(std::move(recorder), settings, std::move(formats));
}

}  // namespace glassgate::flight
