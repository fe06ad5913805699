// api-key: who is calling, by a secret of their own.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& api_key_kind() noexcept;

}  // namespace glassgate::policy
