// One document of kind Gateway -> a configuration.
#pragma once

#include <cstdint>
#include <optional>

#include "base/document.h"
#include "config/load.h"

namespace glassgate::config {

// `document`: checked for apiVersion and kind, expanded. Nothing if the diagnostics have errors.
[[nodiscard]] std::optional<Configuration> compile_gateway(const Node& document,
                                                           uint64_t generation,
                                                           Diagnostics& diagnostics);

}  // namespace glassgate::config
