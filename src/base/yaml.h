// YAML text -> format-neutral documents. What yaml-cpp throws ends here; what it does not bound
// (aliases that multiply, depth, size) is bounded here.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"

namespace glassgate {

inline constexpr std::size_t kMaxSourceBytes = 4u << 20;
inline constexpr std::size_t kMaxYamlDepth = 64;
inline constexpr std::size_t kMaxYamlNodes = 200'000;        // of one source, aliases written out
inline constexpr std::size_t kMaxYamlTextBytes = 16u << 20;  // likewise

// The documents of one source, empty ones left out. Everything wrong is reported, also a key that
// stands twice in one map; after a syntax error the documents before it are returned. Aliases are
// written out and merge keys (<<) applied. Tags other than !!str, !!map, !!seq are refused.
[[nodiscard]] std::vector<Node> read_yaml(const std::shared_ptr<const std::string>& file,
                                          std::string_view text, Diagnostics& diagnostics);

}  // namespace glassgate
