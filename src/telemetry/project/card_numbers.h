// Card numbers: lives in base/card_numbers.h, since the audit log needs it, too.
#pragma once

#include "base/card_numbers.h"

namespace glassgate::telemetry {

using glassgate::kCardDigitsMin;
using glassgate::mask_card_numbers;

}  // namespace glassgate::telemetry
