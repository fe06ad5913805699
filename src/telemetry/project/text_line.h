// Projection to a line for people:
//   09:14:22 ERROR rate_limit_exceeded · client_id=mob-4f7a · path=/api/products · limit=100/min
//   09:14:22 INFO GET /api/products 200 4.213ms · route.id=product-catalog · client.id=mob-4f7a
// Times are UTC. What comes from outside cannot break a line or forge a part of one: control
// characters are escaped, and a value with blanks, quotes or a middle dot is in quotes.
#pragma once

#include <string>

#include "model/event.h"
#include "model/exchange.h"
#include "telemetry/project/line_format.h"

namespace glassgate::telemetry {

// Method, path, status and duration, then the other fields the plan selects, as far as the record
// has them. Both append a whole line with its '\n'.
void append_text_line(const model::Exchange& exchange, const LineFormat& format,
                      std::string& scratch, std::string& out);
void append_text_line(const model::Event& event, std::string& scratch, std::string& out);

}  // namespace glassgate::telemetry
