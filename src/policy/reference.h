// The reference page of all policies, generated from the catalogue so that it cannot be stale.
#pragma once

#include <string>

namespace glassgate::policy {

// Markdown; docs/reference/policies.md is this text.
[[nodiscard]] std::string policies_reference_markdown();

}  // namespace glassgate::policy
