// basic-auth: who is calling, by name and password (RFC 7617).
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& basic_auth_kind() noexcept;

}  // namespace glassgate::policy
