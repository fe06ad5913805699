// The path as routing sees it.
#pragma once

#include <string>
#include <string_view>

namespace glassgate::http {

// Decodes escapes of unreserved characters, resolves dot segments (RFC 3986 §5.2.4, §6.2.2), keeps
// everything else (encoded slashes stay encoded). `out` stays empty when `raw` already is normal.
// False: the path leaves the root.
[[nodiscard]] bool normalize_path(std::string_view raw, std::string& out);

}  // namespace glassgate::http
