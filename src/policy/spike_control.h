// spike-control: bursts are smoothed by letting requests wait a little, and cut where they are too
// high.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& spike_control_kind() noexcept;

}  // namespace glassgate::policy
