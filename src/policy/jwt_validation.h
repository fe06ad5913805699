// jwt-validation: who is calling, proven by a signed token (RFC 7519, RFC 8725).
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& jwt_validation_kind() noexcept;

}  // namespace glassgate::policy
