#include "proxy/route_choice.h"

namespace glassgate::proxy {
namespace {

// The port does not take part in routing; an IPv6 literal keeps its brackets.
std::string_view without_port(std::string_view host) noexcept {
    const std::size_t colon = host.rfind(':');
    const bool port =
        colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos;
    return port ? host.substr(0, colon) : host;
}

}  // namespace

RouteChoice choose_route(const Plan& plan, uint32_t listener, std::string_view path,
                         const http::RequestHead& head) noexcept {
    const ApiTable::Api* const api = plan.apis.empty() ? nullptr : plan.apis.find(listener, path);
    RouteChoice out;
    if (!plan.listeners[listener].only_apis && (api == nullptr || !ApiTable::has_base(*api))) {
        out.match = plan.router.match(listener, without_port(head.authority), path, head.method);
        if (out.match.found()) return out;
    }
    if (api == nullptr) return out;
    const ApiTable::Match match = ApiTable::match(*api, path, head);
    if (match.found()) out = {{match.route, match.pattern, 0}, match.captures};
    return out;
}

bool is_meant(const RoutePlan& route, const RoutePolicyPlan& policy, std::string_view path,
              const http::RequestHead& head) noexcept {
    if (!policy.only) return true;
    const std::string_view base = route.api ? std::string_view(route.api->base) : "";
    return any_takes(*policy.only, below_base(path, base), head);
}

}  // namespace glassgate::proxy
