// One document of kind Gateway -> a configuration.
#pragma once

#include <cstdint>
#include <optional>

#include "base/document.h"
#include "config/load.h"
#include "config/named_files.h"

namespace glassgate::config {

// `document`: checked for apiVersion and kind, expanded. `files`: gets those that it names. Nothing
// if the diagnostics have errors.
[[nodiscard]] std::optional<Configuration> compile_gateway(const Node& document,
                                                           uint64_t generation, NamedFiles& files,
                                                           Diagnostics& diagnostics);

}  // namespace glassgate::config
