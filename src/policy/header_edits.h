// header-injection and header-removal: fields added to and taken from requests and responses.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& header_injection_kind() noexcept;
[[nodiscard]] const PolicyKind& header_removal_kind() noexcept;

}  // namespace glassgate::policy
