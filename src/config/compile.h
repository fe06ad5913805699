// The documents -> a configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/document.h"
#include "config/load.h"
#include "config/named_files.h"

namespace glassgate::config {

// All checked for apiVersion and kind, and expanded.
struct InputDocuments {
    std::optional<Node> gateway;  // of kind Gateway
    std::vector<Node> flex;       // of Flex Gateway's kinds
};

// At least one document. Nothing if the diagnostics have errors.
[[nodiscard]] std::optional<Configuration> compile(const InputDocuments& documents,
                                                   uint64_t generation,
                                                   const Environment& environment,
                                                   NamedFiles& files, Diagnostics& diagnostics);

}  // namespace glassgate::config
