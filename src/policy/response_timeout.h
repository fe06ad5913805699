// response-timeout: how long the upstream may take to begin its response, for one route.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& response_timeout_kind() noexcept;

}  // namespace glassgate::policy
