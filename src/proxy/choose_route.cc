// Where a request of an API's route goes, and which of its policies it meets.
#include "http/path.h"
#include "proxy/exchange_run.h"
#include "proxy/route_choice.h"

namespace glassgate::proxy {

// Normalised.
std::string_view ExchangeRun::path() const noexcept {
    return state_.path.empty() ? state_.request.path : std::string_view(state_.path);
}

// May end the exchange.
RouteMatch ExchangeRun::choose_route() {
    const RouteChoice choice =
        proxy::choose_route(plan(), record_.listener, path(), state_.request);
    if (!choice.match.found()) return choice.match;
    const RoutePlan& chosen = plan().routes[choice.match.route];
    if (!chosen.api)
        upstream_index_ = chosen.upstream;
    else if (!take_destination(*chosen.api, choice.captures))
        return {};
    return choice.match;
}

// Chooses the destination by its weight and writes the path that goes there. False: there is none,
// and the exchange has ended.
bool ExchangeRun::take_destination(const ApiRoutePlan& api, const Captures& captures) {
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
                       captures);
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

bool ExchangeRun::policy_is_meant(std::size_t index) noexcept {
    if (is_meant(route(), route().policies[index], path(), state_.request)) return true;
    state_.policies_skipped |= 1u << index;
    return false;
}

}  // namespace glassgate::proxy
