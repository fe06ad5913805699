// ip-allowlist and ip-blocklist: who may ask, by address.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& ip_allowlist_kind() noexcept;
[[nodiscard]] const PolicyKind& ip_blocklist_kind() noexcept;

}  // namespace glassgate::policy
