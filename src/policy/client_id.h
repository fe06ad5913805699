// client-id: who is calling, in the caller's own words (no proof is asked for).
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& client_id_kind() noexcept;

}  // namespace glassgate::policy
