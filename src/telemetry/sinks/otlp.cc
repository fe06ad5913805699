#include "telemetry/sinks/otlp.h"

#include <algorithm>
#include <ctime>

#include "telemetry/project/redact.h"
#include "telemetry/project/span.h"
#include "telemetry/sinks/otlp_envelope.h"
#include "telemetry/sinks/otlp_target.h"
#include "telemetry/sinks/otlp_transport.h"

namespace glassgate::telemetry {
namespace {

// The receivers' usual limit for a message is 4 MiB (OTLP, "OTLP/gRPC Request"); a span set is some
// 2 KiB, so a batch of the default 512 records is about 1 MiB.
constexpr std::size_t kBatchBytes = 1024 * 1024;

class OtlpSink final : public Sink {
public:
    OtlpSink(const TracingSettings& settings, OtlpEnvelope envelope,
             std::unique_ptr<OtlpTransport> transport)
        : settings_(settings),
          projector_(span_options(settings)),
          envelope_(std::move(envelope)),
          transport_(std::move(transport)) {}

    [[nodiscard]] SinkTraits traits() const override {
        SinkTraits traits;
        traits.name = "otlp_traces";
        traits.queue_bytes = settings_.queue_bytes;
        traits.batch_records = settings_.batch_spans;
        traits.batch_bytes = kBatchBytes;
        traits.flush_ms = settings_.flush_ms;
        // About half a minute in all: a receiver that restarts should find its spans waiting.
        traits.retry_attempts = 12;
        return traits;
    }

    Projected project(const model::Exchange& exchange, std::string& out) override {
        return projector_.project(exchange, out);
    }
    Projected project(const model::Event&, std::string&) override { return Projected::filtered; }

    Delivered deliver(std::span<const std::string_view> batch) noexcept override {
        if (batch.empty()) return {};
        const bool grpc = settings_.protocol == OtlpProtocol::grpc;
        body_.clear();
        envelope_.append(batch, grpc, body_);
        const OtlpAnswer answer = transport_->post(body_, settings_.timeout_ms);
        const OtlpVerdict verdict = grpc ? judge_grpc(answer) : judge_http(answer, ::time(nullptr));
        return delivered(verdict, batch.size());
    }
    void hurry(uint32_t deadline_ms) noexcept override { transport_->hurry(deadline_ms); }

private:
    static SpanOptions span_options(const TracingSettings& settings) {
        return {settings.keep_errors, settings.keep_slower_than_ns, redact_text,
                redact_query_values, settings.labels};
    }

    static Delivered delivered(const OtlpVerdict& verdict, std::size_t records) {
        switch (verdict.kind) {
            case OtlpVerdict::Kind::accepted: {
                // The receiver says how many spans it rejected, not which: in the worst case each
                // belongs to another record, and so many are counted as lost.
                const uint64_t lost = std::min<uint64_t>(records, verdict.rejected_spans);
                return {records - lost, false, 0, verdict.error};
            }
            case OtlpVerdict::Kind::try_later:
                return {0, true, verdict.retry_after_ms, verdict.error};
            case OtlpVerdict::Kind::refused:
                break;
        }
        return {0, false, 0, verdict.error};
    }

    const TracingSettings settings_;
    SpanProjector projector_;  // collector thread
    const OtlpEnvelope envelope_;
    std::unique_ptr<OtlpTransport> transport_;  // lane thread
    std::string body_;                          // lane thread; kept so that it grows only once
};

}  // namespace

Result<std::unique_ptr<Sink>> make_otlp_sink(const TracingSettings& settings,
                                             std::string gateway_name) {
    OtlpTransport::Target target = TRY(otlp_target(settings));
    std::unique_ptr<OtlpTransport> transport = TRY(OtlpTransport::create(std::move(target)));
    const std::string& service =
        settings.service_name.empty() ? gateway_name : settings.service_name;
    OtlpEnvelope envelope(resource_attributes(service, gateway_name, settings.resource_attributes));
    return std::make_unique<OtlpSink>(settings, std::move(envelope), std::move(transport));
}

}  // namespace glassgate::telemetry
