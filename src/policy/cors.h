// cors: what pages of other origins may do with the answers (WHATWG Fetch, "CORS protocol").
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& cors_kind() noexcept;

}  // namespace glassgate::policy
