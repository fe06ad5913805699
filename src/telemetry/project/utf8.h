// UTF-8: lives in base/utf8.h, since the audit log needs it, too.
#pragma once

#include "base/utf8.h"

namespace glassgate::telemetry {

using glassgate::front_sequence;
using glassgate::kReplacementCharacter;
using glassgate::Utf8Sequence;

}  // namespace glassgate::telemetry
