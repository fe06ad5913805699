#include "telemetry/telemetry.h"

#include <algorithm>
#include <mutex>

#include "telemetry/metrics/registry.h"
#include "telemetry/pipeline/collector.h"
#include "telemetry/sinks/log_sink.h"
#include "telemetry/sinks/otlp.h"

namespace glassgate::telemetry {
namespace {

// A sink that runs, and what it was made of: equal again, it goes on.
struct RunningSink {
    std::shared_ptr<Channel> channel;
    LogOutput log;
    uint64_t queue_bytes = 0;
    bool traces = false;
    TracingSettings tracing;
    std::string gateway;
    std::string guest;  // its key; empty: none
};
using RunningSinks = std::vector<RunningSink>;

// The sample rate is the data plane's; a sink does not depend on it.
TracingSettings without_rate(TracingSettings tracing) {
    tracing.sample_rate = 0;
    return tracing;
}

class RunningTelemetry final : public Telemetry {
public:
    RunningTelemetry(unsigned workers, const Settings& settings)
        : metrics_(workers, settings.metrics), collector_(recorders(workers)) {
        export_counts();
    }
    Status start(const Settings& settings) { return apply(settings, nullptr); }

    [[nodiscard]] model::Recorder& recorder(unsigned index) noexcept override {
        return collector_.worker(index);
    }
    Status reconfigure(const Settings& settings,
                       std::shared_ptr<const model::PlanNames> names) override {
        return apply(settings, std::move(names));
    }
    void event(const model::Event& event) override { collector_.inbox()->put(event); }
    void reopen_logs() override { collector_.reopen(); }
    [[nodiscard]] MetricsRegistry& metrics() noexcept override { return metrics_; }
    void set_tap(Tap tap) override {
        collector_.set_tap({std::move(tap.exchange), std::move(tap.event)});
    }
    [[nodiscard]] std::vector<std::pair<std::string, SinkCounts>> sink_counts() const override {
        return collector_.counts();
    }
    void stop(uint32_t deadline_ms) override { collector_.stop(deadline_ms); }

private:
    Collector::Workers recorders(unsigned workers) {
        Collector::Workers all;
        for (unsigned i = 0; i < workers; ++i)
            all.push_back(std::make_unique<WorkerRecorder>(metrics_.cells(i)));
        return all;
    }
    Status apply(const Settings& settings, std::shared_ptr<const model::PlanNames> names);
    Result<RunningSinks> choose_logs(const LoggingSettings& logging);
    Result<RunningSink> choose_traces(const TracingSettings& tracing, const std::string& gateway);
    Result<RunningSink> choose_guest(const GuestSink& guest);
    void export_counts();

    MetricsRegistry metrics_;
    Collector collector_;
    std::mutex apply_mutex_;
    RunningSinks sinks_;
    std::shared_ptr<LineFormats> formats_ =
        std::make_shared<LineFormats>();  // the collector's mutex
};

// "log_file", then "log_file_2", ...: the first that no chosen sink has.
std::string free_name(const RunningSinks& chosen, LogOutputKind kind) {
    const std::string base = kind == LogOutputKind::out ? "log_stdout" : "log_file";
    std::string name = base;
    const auto taken = [&](const RunningSink& sink) {
        return sink.channel != nullptr && sink.channel->name() == name;
    };
    for (unsigned n = 2; std::any_of(chosen.begin(), chosen.end(), taken); ++n)
        name = base + "_" + std::to_string(n);
    return name;
}

// The sinks that go on first, so that they keep their names; then those to be opened.
Result<RunningSinks> RunningTelemetry::choose_logs(const LoggingSettings& logging) {
    RunningSinks chosen;
    if (!logging.enabled) return chosen;
    for (const LogOutput& output : logging.outputs) {
        const auto same = std::find_if(sinks_.begin(), sinks_.end(), [&](const RunningSink& sink) {
            return !sink.traces && sink.guest.empty() && sink.log == output &&
                   sink.queue_bytes == logging.queue_bytes;
        });
        const bool used = same != sinks_.end() &&
                          std::any_of(chosen.begin(), chosen.end(), [&](const RunningSink& c) {
                              return c.channel == same->channel;
                          });
        if (same != sinks_.end() && !used)
            chosen.push_back(*same);
        else
            chosen.push_back({nullptr, output, logging.queue_bytes, false, {}, {}, {}});
    }
    for (RunningSink& sink : chosen) {
        if (sink.channel != nullptr) continue;
        auto opened = TRY(
            make_log_sink(free_name(chosen, sink.log.kind), sink.log, sink.queue_bytes, formats_,
                          [inbox = collector_.inbox()](const model::Event& e) { inbox->put(e); }));
        sink.channel = std::make_shared<Channel>(std::move(opened));
    }
    return chosen;
}

Result<RunningSink> RunningTelemetry::choose_traces(const TracingSettings& tracing,
                                                    const std::string& gateway) {
    const TracingSettings wanted = without_rate(tracing);
    for (const RunningSink& sink : sinks_)
        if (sink.traces && sink.tracing == wanted && sink.gateway == gateway) return sink;
    auto opened = TRY(make_otlp_sink(tracing, gateway));
    return RunningSink{
        std::make_shared<Channel>(std::move(opened)), {}, 0, true, wanted, gateway, {}};
}

Result<RunningSink> RunningTelemetry::choose_guest(const GuestSink& guest) {
    for (const RunningSink& sink : sinks_)
        if (!sink.guest.empty() && sink.guest == guest.key) return sink;
    auto made = TRY(guest.make(formats_));
    return RunningSink{std::make_shared<Channel>(std::move(made)), {}, 0, false, {}, {}, guest.key};
}

Status RunningTelemetry::apply(const Settings& settings,
                               std::shared_ptr<const model::PlanNames> names) {
    const std::lock_guard lock(apply_mutex_);
    RunningSinks chosen = TRY(choose_logs(settings.logging));
    if (settings.tracing.enabled && names != nullptr)
        chosen.push_back(TRY(choose_traces(settings.tracing, names->gateway)));
    for (const GuestSink& guest : settings.guests) chosen.push_back(TRY(choose_guest(guest)));
    auto format = std::make_shared<const LineFormat>(compile_line_format(settings.logging));
    // Nothing fails from here on.
    if (names != nullptr) metrics_.plan_prepared(names, settings.metrics);
    Collector::Channels channels;
    for (const RunningSink& sink : chosen) channels.push_back(sink.channel);
    collector_.set_channels(channels, [&] { formats_->add(names, std::move(format)); });
    sinks_ = std::move(chosen);
    return {};
}

// --- what became of the records, as metrics ------------------------------------------------------

void RunningTelemetry::export_counts() {
    using Samples = std::vector<Sample>;
    const auto add = [](Samples& samples, const std::string& sink, std::string outcome,
                        uint64_t value) {
        samples.push_back(
            {{{"sink", sink}, {"outcome", std::move(outcome)}}, static_cast<double>(value)});
    };
    metrics_.add_external(
        {"flex_telemetry_records_total", {}, MetricType::counter, [this, add](Samples& samples) {
             for (const auto& [sink, c] : collector_.counts()) {
                 add(samples, sink, "delivered", c.delivered);
                 add(samples, sink, "lost", c.lost);
                 add(samples, sink, "filtered", c.filtered);
                 add(samples, sink, "sampled_out", c.sampled_out);
             }
         }});
    metrics_.add_external(
        {"flex_telemetry_events_total", {}, MetricType::counter, [this, add](Samples& samples) {
             for (const auto& [sink, c] : collector_.counts()) {
                 add(samples, sink, "delivered", c.events_delivered);
                 add(samples, sink, "lost", c.events_lost);
                 add(samples, sink, "filtered", c.events_filtered);
             }
         }});
    const auto gauge = [this](std::string name, std::string help, uint64_t SinkCounts::* member) {
        metrics_.add_external(
            {std::move(name), std::move(help), MetricType::gauge, [this, member](Samples& samples) {
                 for (const auto& [sink, c] : collector_.counts())
                     samples.push_back({{{"sink", sink}}, static_cast<double>(c.*member)});
             }});
    };
    gauge("flex_telemetry_queue_bytes", {}, &SinkCounts::queue_bytes);
    gauge("flex_telemetry_queue_records",
          "Records closed and not yet delivered, lost or left out, by sink.", &SinkCounts::queued);
}

}  // namespace

Result<std::unique_ptr<Telemetry>> Telemetry::create(unsigned workers, const Settings& settings) {
    auto telemetry = std::make_unique<RunningTelemetry>(workers, settings);
    TRY_STATUS(telemetry->start(settings));
    return telemetry;
}

}  // namespace glassgate::telemetry
