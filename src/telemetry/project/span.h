// Projection Exchange -> OTLP spans: one SERVER span for the exchange, one CLIENT span per attempt.
//
// A pure function of the record and the options. Runs on the collector thread; owned by the OTLP
// sink. The result is a run of `spans` fields of opentelemetry.proto.trace.v1.ScopeSpans (field 2),
// so a batch is a resource header, a scope header and the concatenation of such runs.
//
// Attributes follow the semantic conventions of OpenTelemetry (open-telemetry/semantic-conventions:
// docs/http/http-spans.md, which are stable, docs/rpc/grpc.md and the registry's TLS attributes,
// which are not yet); what they have no name for is under flex.*. No text leaves here unredacted,
// and all of it is valid UTF-8: proto3 demands that of strings, and collectors refuse a whole batch
// for one bad byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/exchange.h"
#include "telemetry/pipeline/sink.h"
#include "telemetry/settings.h"

namespace glassgate::telemetry {

// Appends a redacted copy of `text`.
using Redact = void (*)(std::string_view text, std::string& out);

struct SpanOptions {
    bool keep_errors = false;  // keep failed exchanges although the head did not sample them
    uint64_t keep_slower_than_ns = 0;  // likewise slow ones; 0: off
    // Null leaves the texts it would have cleaned out of the span: nothing goes unredacted.
    Redact redact_text = nullptr;
    Redact redact_query = nullptr;
    std::vector<SpanLabel> labels = {};
};

// Why a record becomes spans: "head", "error", "slow" (attribute flex.sampling); empty when it is
// sampled out.
[[nodiscard]] std::string_view sampling_reason(const model::Exchange& exchange,
                                               const SpanOptions& options) noexcept;

// Adds what spans show to what the data plane captures; without it the attributes are left out.
void select_span_fields(model::FieldSelection& captured);

class SpanProjector {
public:
    explicit SpanProjector(const SpanOptions& options) : options_(options) {}

    // Appends the spans of `exchange` to `out` if it is kept. An interim record of a long stream is
    // `filtered`: a span is written once, when it has an end.
    Projected project(const model::Exchange& exchange, std::string& out);

private:
    SpanOptions options_;
    std::string redacted_, sanitised_;  // scratch, kept so that steady state allocates nothing
};

}  // namespace glassgate::telemetry
