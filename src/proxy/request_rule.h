// RequestRule: which requests a route of an API, or a policy bound with rules, is for. Every part
// that is written must match, as a whole; rules of one list are alternatives.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/method.h"
#include "http/h1.h"
#include "http/message.h"
#include "proxy/path_pattern.h"

namespace glassgate::proxy {

struct RequestRule {
    PathPattern path;     // of the path below the API's base
    PathPattern methods;  // of the method's name
    PathPattern host;     // of the Host header without its port, or with it; case does not matter
    std::vector<std::pair<std::string, PathPattern>> headers;  // one value of each must match

    MethodSet method_set = kAllMethods;  // of those known by name that `methods` takes
    uint32_t pattern = 0;                // of a route's rule: which of RoutePlan::paths

    // Fills method_set.
    void compile_methods();
    // All but the path.
    [[nodiscard]] bool takes(const http::RequestHead& head) const noexcept;
};

// The part of `path` below `base` ("" or "/shop"), which it begins with: at least "/".
[[nodiscard]] std::string_view below_base(std::string_view path, std::string_view base) noexcept;

// Whether any of the rules takes the request; `path` as seen below the base.
[[nodiscard]] bool any_takes(const std::vector<RequestRule>& rules, std::string_view path,
                             const http::RequestHead& head) noexcept;

// Where a request goes upstream: `prefix` (an API's destinationPath), then what the groups of the
// pattern captured, one after the other, or the whole path where it has none. Begins with one '/'.
void append_destination(std::string& out, std::string_view prefix, std::string_view path,
                        const Captures& captures);

}  // namespace glassgate::proxy
