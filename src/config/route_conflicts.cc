// Two routes for the same requests: which one would run would depend on the order in the file.
#include <map>

#include "config/draft.h"

namespace glassgate::config {
namespace {

// The pattern as the router sees it: the names of parameters do not matter.
std::string shape_of(const std::string& pattern) {
    if (pattern == "*") return "/*";
    std::string shape;
    std::size_t at = 0;
    while (at < pattern.size()) {
        const std::size_t slash = std::min(pattern.find('/', at + 1), pattern.size());
        const bool parameter = pattern.compare(at, 2, "/:") == 0 ||
                               (pattern.compare(at, 2, "/{") == 0 && pattern[slash - 1] == '}');
        shape += parameter ? "/:" : pattern.substr(at, slash - at);
        at = slash;
    }
    return shape;
}

struct Claim {
    std::size_t route, pattern;
};

bool share_listener(const proxy::RoutePlan& a, const proxy::RoutePlan& b) {
    // One that names its listener comes before one that takes all: that is an order, not a
    // conflict.
    if (a.listeners.empty() || b.listeners.empty())
        return a.listeners.empty() == b.listeners.empty();
    return std::find_first_of(a.listeners.begin(), a.listeners.end(), b.listeners.begin(),
                              b.listeners.end()) != a.listeners.end();
}

std::string methods_text(MethodSet methods) {
    if (methods == kAllMethods) return "every method";
    std::string out;
    for (std::size_t i = 0; i < kMethodCount; ++i) {
        if ((methods & method_bit(static_cast<Method>(i))) == 0) continue;
        if (!out.empty()) out += ", ";
        out += to_text(static_cast<Method>(i));
    }
    return out;
}

void report(Draft& draft, const Claim& first, const Claim& second, const std::string& host) {
    const proxy::RoutePlan& a = draft.plan.routes[first.route];
    const proxy::RoutePlan& b = draft.plan.routes[second.route];
    const Position& at = draft.pattern_at[second.route][second.pattern];
    const std::string& pattern = b.paths[second.pattern];
    if (first.route == second.route) {
        draft.diagnostics.error(at,
                                "path " + quote(pattern) + " stands twice in route " + quote(b.id));
        return;
    }
    const std::string where = host == "*" ? "" : " of host " + quote(host);
    draft.diagnostics.error(at,
                            "routes " + quote(a.id) + " and " + quote(b.id) + " both take " +
                                methods_text(a.methods & b.methods) + " " + quote(pattern) + where +
                                ", first in " + place(draft.pattern_at[first.route][first.pattern]),
                            "routes that differ in host, path, method or listener");
}

}  // namespace

void check_routes(Draft& draft) {
    std::map<std::pair<std::string, std::string>, std::vector<Claim>> claims;  // by host and shape
    const std::vector<std::string> any{"*"};
    for (std::size_t r = 0; r < draft.plan.routes.size(); ++r) {
        const proxy::RoutePlan& route = draft.plan.routes[r];
        if (route.api) continue;  // its rules are tried in order
        for (const std::string& host : route.hosts.empty() ? any : route.hosts) {
            for (std::size_t p = 0; p < route.paths.size(); ++p) {
                std::vector<Claim>& earlier = claims[{host, shape_of(route.paths[p])}];
                const Claim claim{r, p};
                const auto conflict =
                    std::find_if(earlier.begin(), earlier.end(), [&](const Claim& c) {
                        const proxy::RoutePlan& other = draft.plan.routes[c.route];
                        return (other.methods & route.methods) != 0 && share_listener(other, route);
                    });
                if (conflict != earlier.end()) report(draft, *conflict, claim, host);
                earlier.push_back(claim);
            }
        }
    }
}

}  // namespace glassgate::config
