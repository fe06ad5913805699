// Router: host, listener, path, method -> route. Compiled once per plan, read by all workers, and
// matches without allocating.
//
// Precedence, highest first, independent of the order in the file:
//   1. host: exact, then "*.suffix" (longest suffix first), then any;
//   2. path, segment by segment from the left: literal, then :param, then trailing *;
//   3. a route that names the listener before one that takes all;
//   4. the order in the file.
// The method is looked at last: when the best path matches but not the method, less specific paths
// are tried; if none takes the method, the answer is 405 with the methods that exist. A GET route
// does not take HEAD unless it lists it. CONNECT has no route: it asks for a tunnel, which a
// gateway in front of its own upstreams does not give; it is 405 wherever there are routes at all.
//
// Paths are compared byte by byte, case-sensitively: "/a" and "/a/" differ, a :param takes one
// segment that is not empty. A host may end in one dot (the absolute form of a name).
//
// Cost: every pattern tree is a tree of segments and a search enters each of its nodes at most
// once, because there is one way from the root to a node. So a match looks at no more nodes than
// the patterns of one host have segments, however they are made up; usually at one per path
// segment.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/method.h"

namespace glassgate::proxy {

struct RoutePlan;

struct RouteMatch {
    uint32_t route = 0xffffffffu;  // kNone: no match
    uint32_t pattern = 0;          // which of RoutePlan::paths
    MethodSet allowed = 0;         // when no route takes the method: those that exist (405)
    [[nodiscard]] bool found() const noexcept { return route != 0xffffffffu; }
};

class Router {
public:
    Router();
    ~Router();
    Router(Router&&) noexcept;
    Router& operator=(Router&&) noexcept;

    // Patterns: "/a/b", "/a/:id", "/a/{id}", "/a/*" (also matches "/a/" and "/a"; "*" alone or "/*"
    // takes everything, OPTIONS * too). Call check_pattern first; `routes` is copied from as
    // needed.
    static Router compile(const std::vector<RoutePlan>& routes);

    // `host` without port, any case; `path` normalised, starting with '/' (or "*").
    [[nodiscard]] RouteMatch match(uint32_t listener, std::string_view host, std::string_view path,
                                   Method method) const noexcept;

    // Empty if well formed, else what is wrong with it.
    [[nodiscard]] static std::string check_pattern(std::string_view pattern);

private:
    struct Tables;
    std::unique_ptr<Tables> tables_;
};

}  // namespace glassgate::proxy
