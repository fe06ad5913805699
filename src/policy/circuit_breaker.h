// circuit-breaker: stops asking an upstream that keeps failing (shared/breaker_board.h).
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& circuit_breaker_kind() noexcept;

}  // namespace glassgate::policy
