// json-threat-protection: request bodies that are JSON stay within limits.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& json_threat_protection_kind() noexcept;

}  // namespace glassgate::policy
