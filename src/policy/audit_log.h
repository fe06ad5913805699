// audit-log: every request of the route gets its records in the audit log, or is not served.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace glassgate::policy {

[[nodiscard]] const PolicyKind& audit_log_kind() noexcept;

// The destinations a compiled audit-log names, as URLs; none for other policies.
[[nodiscard]] std::vector<std::string> audit_destinations(const PolicyPlan& plan);

// What is wrong with the URL of a destination; empty if nothing.
[[nodiscard]] std::string audit_destination_mistake(std::string_view url);

}  // namespace glassgate::policy
