// docs/reference/fields.md, generated from the catalogues of fields and of events.
#pragma once

#include <string>

namespace glassgate::telemetry {

[[nodiscard]] std::string fields_reference_markdown();

}  // namespace glassgate::telemetry
