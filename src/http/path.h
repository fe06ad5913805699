// The path as routing sees it, so that the gateway and what stands behind it mean the same
// resource.
#pragma once

#include <string>
#include <string_view>

namespace glassgate::http {

// Every '%' begins an escape of two hex digits, and none is a NUL.
[[nodiscard]] bool valid_escapes(std::string_view path) noexcept;

// RFC 3986 §6.2.2: decodes escapes of unreserved characters, writes the other escapes in upper
// case, resolves dot segments. Everything else stays as it is: an escaped slash remains escaped,
// empty segments ("//") remain. `out` stays empty when `raw` already is normal; it allocates only
// when its capacity is too small for a path that is not normal. Normalising twice changes nothing
// more.
//
// False for what is not a path, or one that servers would resolve differently:
//   - broken escapes and %00;
//   - ".." above the root;
//   - dot segments with parameters ("/..;x/"), which some servers resolve and others do not;
//   - dot segments between escaped separators ("/..%2fadmin", "/a%5c..").
[[nodiscard]] bool normalize_path(std::string_view raw, std::string& out);

}  // namespace glassgate::http
