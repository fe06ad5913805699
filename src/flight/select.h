// Which exchanges are kept, and what is kept of them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "flight/record.h"
#include "flight/settings.h"
#include "model/exchange.h"
#include "telemetry/project/line_format.h"

namespace glassgate::flight {

// Every error, everything answered with 400 or above or not completed, everything slow; of the rest
// a share, by trace id: the gateways a request passes keep the same ones. Nothing: sampled out.
[[nodiscard]] std::optional<Kept> select(const model::Exchange& exchange,
                                         const Selection& selection) noexcept;

// A copy whose texts are what a log line of that plan would show: nothing else of a request ever
// reaches a file. `text` holds the copy's texts; both are overwritten.
void redact_into(const model::Exchange& exchange, const telemetry::LineFormat& line,
                 model::Exchange& copy, std::string& text, std::string& scratch);
[[nodiscard]] model::Event redacted_event(const model::Event& event, std::string& scratch);
[[nodiscard]] model::Connection redacted_connection(const model::Connection& connection,
                                                    std::string& scratch);

// The facts a record shows beyond those every plan captures.
void select_flight_fields(model::FieldSelection& captured);

}  // namespace glassgate::flight
