// access-block: nobody gets through.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& access_block_kind() noexcept;

}  // namespace glassgate::policy
