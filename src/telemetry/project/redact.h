// Redaction: lives in base/redact.h, since the audit log needs it, too.
#pragma once

#include "base/redact.h"

namespace glassgate::telemetry {

using glassgate::is_secret_header;
using glassgate::is_secret_name;
using glassgate::kRedacted;
using glassgate::redact_query_values;
using glassgate::redact_secret_values;
using glassgate::redact_text;
using glassgate::redacted;

}  // namespace glassgate::telemetry
