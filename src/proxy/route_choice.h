// Which route of a plan takes a request: the one answer, for traffic and for whoever asks about it.
#pragma once

#include <string_view>

#include "proxy/plan.h"

namespace glassgate::proxy {

struct RouteChoice {
    RouteMatch match;
    Captures captures;  // of an API's route, of the path below its base
};

// `path`: normalised. An API owns what is below its base; the router takes the rest; an API without
// a base takes what is left.
[[nodiscard]] RouteChoice choose_route(const Plan& plan, uint32_t listener, std::string_view path,
                                       const http::RequestHead& head) noexcept;

// Whether a policy of the route runs for the request; it may be bound to some requests only.
[[nodiscard]] bool is_meant(const RoutePlan& route, const RoutePolicyPlan& policy,
                            std::string_view path, const http::RequestHead& head) noexcept;

}  // namespace glassgate::proxy
