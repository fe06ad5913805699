// Which route takes the request, and for a route of an API, where it goes.
#include "http/path.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

// Normalised.
std::string_view ExchangeRun::path() const noexcept {
    return state_.path.empty() ? state_.request.path : std::string_view(state_.path);
}

// An API owns what is below its base; the router takes the rest; an API without a base takes what
// is left. May end the exchange.
RouteMatch ExchangeRun::choose_route() {
    const ApiTable& apis = plan().apis;
    const ApiTable::Api* const api =
        apis.empty() ? nullptr : apis.find(record_.listener, path());
    RouteMatch out;
    if (!listener().only_apis && (api == nullptr || !ApiTable::has_base(*api))) {
        std::string_view host = state_.request.authority;
        // The port does not take part in routing; an IPv6 literal keeps its brackets.
        if (const std::size_t colon = host.rfind(':');
            colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos)
            host = host.substr(0, colon);
        out = plan().router.match(record_.listener, host, path(), state_.request.method);
        if (out.found() || api == nullptr) return out;
    }
    if (api == nullptr) return out;
    const ApiTable::Match match = ApiTable::match(*api, path(), state_.request);
    if (!match.found()) return out;
    if (!take_api_route(match)) return {};
    return {match.route, match.pattern, 0};
}

// Chooses the destination by its weight and writes the path that goes there. False: there is none,
// and the exchange has ended.
bool ExchangeRun::take_api_route(const ApiTable::Match& match) {
    const ApiRoutePlan& api = *plan().routes[match.route].api;
    const DestinationPlan* destination = &api.destinations.front();
    if (api.destinations.size() > 1) {
        auto ticket = static_cast<uint32_t>(worker_.random().unit() * api.weights);
        for (const DestinationPlan& candidate : api.destinations) {
            destination = &candidate;
            if (ticket < candidate.weight) break;
            ticket -= candidate.weight;
        }
    }
    upstream_index_ = destination->upstream;
    state_.destination.clear();
    append_destination(state_.destination, destination->path, below_base(path(), api.base),
                       match.captures);
    // Pieces put together may say what the whole did not: "/." and "./x".
    if (state_.destination.find("/.") == std::string::npos) return true;
    std::string normal;
    if (http::normalize_path(state_.destination, normal)) {
        if (!normal.empty()) state_.destination = std::move(normal);
        return true;
    }
    record_.detail = state_.keep("the rewritten path leaves the root or is not a path");
    end(model::Ending::malformed_request);
    return false;
}

// A policy may be bound to some requests of its route only.
bool ExchangeRun::policy_is_meant(std::size_t index) noexcept {
    const RoutePlan& chosen = route();
    const auto& only = chosen.policies[index].only;
    if (!only) return true;
    const std::string_view base = chosen.api ? std::string_view(chosen.api->base) : "";
    if (any_takes(*only, below_base(path(), base), state_.request)) return true;
    state_.policies_skipped |= 1u << index;
    return false;
}

}  // namespace glassgate::proxy
