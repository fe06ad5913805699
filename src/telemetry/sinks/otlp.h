// The sink "otlp_traces": spans to an OpenTelemetry collector, Jaeger, Tempo or anything else that
// takes OTLP, over gRPC or over HTTP with protobuf.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "telemetry/pipeline/sink.h"
#include "telemetry/settings.h"

namespace glassgate::telemetry {

// Fails when the endpoint is no URL, or a header cannot be sent. Connects to nothing: a receiver
// that is not there yet is a matter of deliver().
//
// http://host:port speaks HTTP/2 by prior knowledge for gRPC and HTTP/1.1 otherwise; https:// lets
// ALPN decide. Without a path HTTP posts to /v1/traces.
//
// Beyond the interface's promise hurry() may be called from any thread, and cuts short a deliver()
// that is waiting.
[[nodiscard]] Result<std::unique_ptr<Sink>> make_otlp_sink(const TracingSettings& settings,
                                                           std::string gateway_name);

}  // namespace glassgate::telemetry
