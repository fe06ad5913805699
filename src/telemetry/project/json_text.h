// JSON text: lives in base/json_text.h, since the audit log needs it, too.
#pragma once

#include "base/json_text.h"

namespace glassgate::telemetry {

using glassgate::append_json_escaped;
using glassgate::append_json_string;
using glassgate::append_ms;

}  // namespace glassgate::telemetry
