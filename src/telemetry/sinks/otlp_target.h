// Where to send and with which headers, checked: settings -> OtlpTransport::Target.
#pragma once

#include "base/result.h"
#include "telemetry/settings.h"
#include "telemetry/sinks/otlp_transport.h"

namespace glassgate::telemetry {

[[nodiscard]] Result<OtlpTransport::Target> otlp_target(const TracingSettings& settings);

}  // namespace glassgate::telemetry
