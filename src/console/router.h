// Router: which route a path and a method lead to. Immutable; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "console/request.h"

namespace glassgate::console {

class Router {
public:
    // Error: a pattern that is none, or two for the same requests.
    [[nodiscard]] static Result<Router> create(std::vector<Route> routes);

    struct Match {
        const Route* route = nullptr;  // null: no pattern fits, or not for this method
        std::string allow;             // the methods the path has: "GET, HEAD"; empty: no such path
        bool cors = false;             // of any route of the path
        Parameters captured;
    };
    // HEAD is looked up as GET.
    [[nodiscard]] Match find(Method method, std::string_view path) const;

private:
    struct Pattern {
        std::vector<std::string> segments;  // literal; "{}" a parameter
        std::vector<std::string> names;     // of the parameters
        bool any_rest = false;
        std::vector<Route> routes;  // one per method
    };
    [[nodiscard]] static Result<Pattern> parse(const std::string& pattern);
    [[nodiscard]] static bool fits(const Pattern& pattern,
                                   const std::vector<std::string_view>& segments,
                                   Parameters& captured);
    std::vector<Pattern> patterns_;  // the more literal first
};

}  // namespace glassgate::console
