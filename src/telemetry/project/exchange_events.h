// Events that nobody raises: they are projections of exchanges that ended so, and of connections
// that were refused. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/connection.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::telemetry {

// rate_limit_exceeded, upstream_timeout, upstream_failed, auth_failed; nothing for other endings.
[[nodiscard]] std::optional<model::EventKind> event_kind_of(
    const model::Exchange& exchange) noexcept;

// The event of that kind. Text is redacted; `scratch` is overwritten.
[[nodiscard]] model::Event event_of(model::EventKind kind, const model::Exchange& exchange,
                                    std::string& scratch);

// For a connection that was refused (model::is_refusal). tls_handshake_failed: `reason` is the slug
// of io/tls/refusal.h, `detail` the same for people. connection_refused: `reason` is the ending,
// `detail` what is known beyond it.
[[nodiscard]] model::Event event_of(const model::Connection& connection);

// The facts these events show beyond those every record has: a plan that wants the events to be
// complete captures them, whatever its log fields are.
void select_event_fields(model::FieldSelection& captured);

}  // namespace glassgate::telemetry
