// stream-idle-timeout: how long a response may stall.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& stream_idle_timeout_kind() noexcept;

}  // namespace glassgate::policy
