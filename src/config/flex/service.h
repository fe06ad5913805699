// Service documents and the inline services of ApiInstances -> upstreams.
#pragma once

#include "config/flex/binding.h"
#include "config/flex/settings.h"

namespace glassgate::config::flex {

// An upstream as the native form writes it. `name`: unique. `at`: where the service is defined.
// `address`: may be null, which is reported. `bindings`: those bound to it.
[[nodiscard]] Node upstream_node(const std::string& name, const Position& at, const Node* address,
                                 const std::vector<const Binding*>& bindings,
                                 const Documents& documents, const Settings& settings,
                                 Diagnostics& diagnostics);

}  // namespace glassgate::config::flex
