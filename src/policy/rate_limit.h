// rate-limit: so many requests per period and key, exact over all workers (shared/quota_space.h).
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& rate_limit_kind() noexcept;

}  // namespace glassgate::policy
