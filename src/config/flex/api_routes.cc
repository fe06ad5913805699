// What an ApiInstance serves -> routes: its own services, or the route policies bound to it.
#include "config/flex/nodes.h"
#include "config/flex/rules.h"
#include "config/flex/site.h"
#include "config/policy_step.h"

namespace glassgate::config::flex {
namespace {

using proxy::ApiRoutePlan;
using proxy::DestinationPlan;
using proxy::RequestRule;
using proxy::RoutePlan;

// The label: what a request's path looks like, with the base.
std::string pattern_of(const std::string& base, const RequestRule& rule) {
    return base + (rule.path.text() == ".*" ? "/.*" : rule.path.text());
}

// Rules with the same path are one label.
void name_patterns(ApiRoutePlan& api, RoutePlan& route) {
    route.methods = 0;
    for (RequestRule& rule : api.rules) {
        const std::string pattern = pattern_of(api.base, rule);
        const auto known = std::find(route.paths.begin(), route.paths.end(), pattern);
        rule.pattern = static_cast<uint32_t>(known - route.paths.begin());
        if (known == route.paths.end()) route.paths.push_back(pattern);
        route.methods |= rule.method_set;
    }
}

// "" or "/v2": what is put in front of the path.
std::string read_destination_path(Fields& fields) {
    const Node* const node = fields.child("destinationPath");
    std::string path = fields.text("destinationPath");
    if (node == nullptr || path.empty()) return {};
    const auto bad = [](char c) { return c <= ' ' || c == '\x7f' || c == '?' || c == '#'; };
    if (!path.starts_with('/') || std::any_of(path.begin(), path.end(), bad))
        fields.mistake(node->position, "destinationPath is " + quote(path),
                       "a path such as /v2/products");
    while (path.ends_with('/')) path.pop_back();
    return path;
}

void add_policies(const Api& api, Draft& draft, RoutePlan& route, Diagnostics& diagnostics) {
    for (const Binding* const binding : api.policies) {
        PolicyScope scope;
        scope.key = "api " + api.id;
        std::vector<RequestRule> rules = read_rules(binding->rules, api.base, diagnostics);
        if (!rules.empty())
            scope.only = std::make_shared<const std::vector<RequestRule>>(std::move(rules));
        for (NativePolicy& policy :
             binding->policy->translate(*binding->config, binding->at, diagnostics))
            compile_policy_step({std::move(policy.name), policy.at, std::move(policy.settings)},
                                scope, diagnostics, draft, route);
    }
    if (route.policies.size() > model::kMaxPolicySteps)
        diagnostics.error(api.policies.back()->at,
                          "ApiInstance " + quote(api.id) + " has " +
                              std::to_string(route.policies.size()) + " policies",
                          "at most " + std::to_string(model::kMaxPolicySteps));
}

// Policies are the same for all routes of an API: their mistakes are told once, with the first.
void add_route(const Api& api, const std::string& id, const Position& at, ApiRoutePlan&& plan,
               Draft& draft) {
    RoutePlan route;
    route.id = id;
    if (api.listener) route.listeners = {*api.listener};
    plan.weights = 0;
    for (const DestinationPlan& destination : plan.destinations) plan.weights += destination.weight;
    route.upstream = plan.destinations.front().upstream;
    name_patterns(plan, route);
    route.api = std::make_shared<const ApiRoutePlan>(std::move(plan));
    const bool first = std::none_of(draft.names.routes.begin(), draft.names.routes.end(),
                                    [&](const auto& other) { return other.api == api.id; });
    Diagnostics known;
    add_policies(api, draft, route, first ? draft.diagnostics : known);
    add_named_route(std::move(route), api.id, at, draft);
}

std::string route_id(const std::string& api, const std::string& name, std::size_t index) {
    return api + "." + name + (index == 0 ? "" : "#" + std::to_string(index + 1));
}

}  // namespace

void Site::add_routes(Draft& draft) {
    for (Api& api : apis_) {
        const std::size_t before = draft.plan.routes.size();
        if (api.services != nullptr)
            add_service_routes(api, draft);
        else
            add_bound_routes(api, draft);
        if (draft.plan.routes.size() != before || draft.diagnostics.has_errors()) continue;
        draft.diagnostics.warning(
            api.document->at,
            "ApiInstance " + quote(api.id) + " serves nothing: all its requests are answered 404",
            "services, or a PolicyBinding with policyRef: {name: route}");
    }
}

void Site::add_service_routes(Api& api, Draft& draft) {
    for (const auto& [name, service] : api.services->entries) {
        const Node* const routes = service.find("routes");
        const std::vector<Node>& items = items_of(routes, "routes", draft.diagnostics);
        if (items.empty()) {
            Node everything = map_at(service.position);
            add_service_route(api, name, 0, everything, draft);
        }
        for (std::size_t i = 0; i < items.size(); ++i)
            add_service_route(api, name, i, items[i], draft);
    }
}

void Site::add_service_route(Api& api, const std::string& service, std::size_t index,
                             const Node& route, Draft& draft) {
    ApiRoutePlan plan;
    plan.base = api.base;
    Fields fields(route, draft.diagnostics, "a route of service " + quote(service));
    plan.rules = read_rules(fields.child("rules"), api.base, draft.diagnostics);
    if (plan.rules.empty()) plan.rules.emplace_back();
    Fields config(or_empty(fields.child("config")), draft.diagnostics, "config of a route");
    std::string path = read_destination_path(config);
    const auto upstream = upstream_of(inline_upstreams_[{api.document, service}], draft);
    plan.destinations.push_back({upstream.value_or(0), 1, std::move(path)});
    if (!upstream) return;
    add_route(api, route_id(api.id, service, index), route.position, std::move(plan), draft);
}

std::optional<DestinationPlan> Site::destination(const Binding& binding, const Node& node,
                                                 bool weighted, Draft& draft) const {
    DestinationPlan out;
    Fields fields(node, draft.diagnostics,
                  weighted ? "a route of route-weighted" : "config of route");
    out.path = read_destination_path(fields);
    if (weighted) {
        (void)fields.require("weight");
        out.weight = static_cast<uint32_t>(fields.integer("weight", 1, 1, 100));
    }
    const Node* const to = fields.require("destinationRef");
    if (to == nullptr) return std::nullopt;
    Fields ref(*to, draft.diagnostics, "destinationRef");
    (void)ref.choice("kind", {"Service"}, 0);
    const std::optional<Reference> reference = read_reference(ref, binding.space);
    if (!reference) return std::nullopt;
    const Document* const service =
        documents_.find(Kind::service, reference->space, reference->name);
    if (service == nullptr) {
        draft.diagnostics.error(reference->at, "no Service " + quote(reference->text()),
                                "the name of one in namespace " + quote(reference->space),
                                documents_.nearest(Kind::service, reference->name));
        return std::nullopt;
    }
    const auto upstream = upstream_of(service_upstreams_.at(service), draft);
    if (!upstream) return std::nullopt;
    out.upstream = *upstream;
    return out;
}

void Site::add_bound_routes(Api& api, Draft& draft) {
    for (const Binding* const binding : api.routes) {
        ApiRoutePlan plan;
        plan.base = api.base;
        plan.rules = read_rules(binding->rules, api.base, draft.diagnostics);
        if (plan.rules.empty()) plan.rules.emplace_back();
        const bool weighted = binding->policy->name == "route-weighted";
        if (weighted) {
            Fields fields(*binding->config, draft.diagnostics, "config of route-weighted");
            const Node* const routes = fields.require("routes");
            for (const Node& item : items_of(routes, "routes", draft.diagnostics))
                if (auto to = destination(*binding, item, true, draft))
                    plan.destinations.push_back(std::move(*to));
            if (routes != nullptr && routes->kind == Node::Kind::list && routes->items.empty())
                fields.mistake(routes->position, "routes is empty", "at least one destination");
        } else if (auto to = destination(*binding, *binding->config, false, draft)) {
            plan.destinations.push_back(std::move(*to));
        }
        if (plan.destinations.empty()) continue;  // reported
        add_route(api, route_id(api.id, binding->name, 0), binding->at, std::move(plan), draft);
    }
}

}  // namespace glassgate::config::flex
