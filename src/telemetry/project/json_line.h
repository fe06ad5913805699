// Projection to one JSON object a line (https://jsonlines.org). Pure; on the collector thread.
//
// An exchange has exactly the keys the plan's `fields` select, in that order; what a record does
// not have is null. An interim record has "interim":true behind them. An event has timestamp,
// level, event, its attributes, and count when the line stands for more than one.
#pragma once

#include <string>

#include "model/event.h"
#include "model/exchange.h"
#include "telemetry/project/line_format.h"

namespace glassgate::telemetry {

// Both append a whole line with its '\n'. `scratch` is overwritten; kept, nothing is allocated in
// steady state.
void append_json_line(const model::Exchange& exchange, const LineFormat& format,
                      std::string& scratch, std::string& out);
void append_json_line(const model::Event& event, std::string& scratch, std::string& out);

}  // namespace glassgate::telemetry
