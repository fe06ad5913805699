// Rule files by pattern.
#pragma once

#include <string>
#include <vector>

namespace glassgate::alert {

// The files a pattern names, sorted; a pattern without wildcards is the file itself, there or not.
// A relative pattern starts at `folder` (empty: where the process is).
[[nodiscard]] std::vector<std::string> expand_glob(const std::string& pattern,
                                                   const std::string& folder);

}  // namespace glassgate::alert
