// spec.routes -> RoutePlan.
#include "base/text.h"
#include "config/draft.h"
#include "config/policy_step.h"
#include "config/tls.h"

namespace glassgate::config {
namespace {

using proxy::RoutePlan;

constexpr uint64_t kMaxBodyBytes = uint64_t{1} << 40;
constexpr std::string_view kNoRoute = "none";  // the label of requests that match nothing

void read_id(Fields& fields, Draft& draft, RoutePlan& route) {
    const Node* const node = fields.require("id");
    route.id = read_name(fields, "id", {});
    if (node == nullptr || route.id.empty()) return;
    if (route.id == kNoRoute)
        fields.mistake(node->position,
                       "'none' cannot be the id of a route: it is the label of "
                       "requests that match no route",
                       "another id");
    if (const auto before = index_of(draft.plan.routes, &RoutePlan::id, route.id))
        fields.mistake(node->position, "route " + quote(route.id) + " is defined twice, first in " +
                                           place(draft.route_at[*before]));
}

void read_methods(Fields& fields, RoutePlan& route) {
    if (!fields.has("methods")) return;
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i + 1 < kMethodCount; ++i)
        names.push_back(to_text(static_cast<Method>(i)));
    MethodSet methods = 0;
    each_text(fields, "methods", [&](const std::string& text, const Position& at) {
        const Method method = parse_method(text);
        if (method == Method::other)
            fields.diagnostics().error(
                at, "unknown method " + quote(text),
                "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, CONNECT or TRACE",
                std::string(nearest_name(text, names)));
        else
            methods |= method_bit(method);
    });
    if (methods != 0) route.methods = methods;
}

// Empty if well formed, else what is wrong with it.
std::string check_host(std::string_view host) {
    if (host == "*") return {};
    std::string_view rest = host.starts_with("*.") ? host.substr(2) : host;
    if (rest.empty() || rest.size() > 253) return "is not a host";
    if (rest.starts_with('[') && rest.ends_with(']')) return {};
    for (const char c : rest) {
        if (c == ':') return "has a port: a route takes all ports of its listeners";
        if (c == '*') return "has a '*' that does not stand for the first labels";
        const bool allowed =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (!allowed) return "is not a host";
    }
    return {};
}

void read_hosts(Fields& fields, RoutePlan& route) {
    each_text(fields, "hosts", [&](std::string host, const Position& at) {
        std::transform(host.begin(), host.end(), host.begin(), to_lower);
        if (const std::string wrong = check_host(host); !wrong.empty())
            fields.mistake(at, "host " + quote(host) + " " + wrong,
                           "a host such as api.example.com, *.example.com or *");
        else
            route.hosts.push_back(std::move(host));
    });
}

void read_paths(Fields& fields, Draft& draft, RoutePlan& route) {
    std::vector<Position>& positions = draft.pattern_at.emplace_back();
    if (!fields.has("path")) {
        route.paths.emplace_back("/*");
        positions.push_back(fields.position());
        return;
    }
    each_text(fields, "path", [&](const std::string& pattern, const Position& at) {
        std::string wrong = proxy::Router::check_pattern(pattern);
        const auto control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; };
        if (std::any_of(pattern.begin(), pattern.end(), control)) wrong = "a control character";
        if (!wrong.empty()) {
            fields.mistake(at, "path " + quote(pattern) + ": " + wrong,
                           "a path such as /api/products/:id or /api/*");
            return;
        }
        route.paths.push_back(pattern);
        positions.push_back(at);
    });
}

void read_route_listeners(Fields& fields, Draft& draft, RoutePlan& route) {
    std::vector<std::string_view> names;
    names.reserve(draft.plan.listeners.size());
    for (const proxy::ListenerPlan& listener : draft.plan.listeners) names.push_back(listener.name);
    each_text(fields, "listeners", [&](const std::string& name, const Position& at) {
        const auto index = index_of(draft.plan.listeners, &proxy::ListenerPlan::name, name);
        if (index)
            route.listeners.push_back(static_cast<uint32_t>(*index));
        else
            draft.diagnostics.error(at, "unknown listener " + quote(name),
                                    "the name of one of spec.listeners",
                                    std::string(nearest_name(name, names)));
    });
    std::sort(route.listeners.begin(), route.listeners.end());
    route.listeners.erase(std::unique(route.listeners.begin(), route.listeners.end()),
                          route.listeners.end());
}

bool begins_with_path(std::string_view pattern, std::string_view prefix) {
    return pattern.starts_with(prefix) &&
           (pattern.size() == prefix.size() || pattern[prefix.size()] == '/');
}

// A route that lets in holders of certificates must be where clients are asked for them.
void check_asked(const Node& node, const Draft& draft, const RoutePlan& route) {
    const std::vector<char>& asks = draft.asks_for_certificates;
    const bool asked = route.listeners.empty()
                           ? std::find(asks.begin(), asks.end(), 1) != asks.end()
                           : std::any_of(route.listeners.begin(), route.listeners.end(),
                                         [&](uint32_t listener) { return asks[listener] != 0; });
    if (!asked)
        draft.diagnostics.error(
            node.position, "clientCertificates on a route none of whose listeners asks for one",
            "a listener with tls: {clientCertificates: {trustedCa: ...}}");
}

void read_strip_prefix(Fields& fields, Draft& draft, RoutePlan& route) {
    const Node* const node = fields.child("stripPrefix");
    std::string prefix = fields.text("stripPrefix");
    if (node == nullptr || prefix.empty()) return;
    if (!prefix.starts_with('/') || prefix.find_first_of("?#* ") != std::string::npos) {
        fields.mistake(node->position, "stripPrefix is " + quote(prefix), "a path such as /api");
        return;
    }
    while (prefix.ends_with('/')) prefix.pop_back();
    for (const std::string& pattern : route.paths)
        if (!begins_with_path(pattern, prefix))
            draft.diagnostics.warning(node->position, "nothing to strip: path " + quote(pattern) +
                                                          " does not begin with " + quote(prefix));
    route.strip_prefix = std::move(prefix);
}

void read_route_upstream(Fields& fields, Draft& draft, RoutePlan& route) {
    const Node* const node = fields.require("upstream");
    if (node == nullptr) return;
    if (const std::optional<uint32_t> index = resolve_upstream(*node, draft))
        route.upstream = *index;
}

model::RouteName name_of(const RoutePlan& route, std::string api, std::size_t upstreams) {
    model::RouteName name;
    name.id = route.id;
    name.api = std::move(api);
    name.patterns = route.paths;
    name.methods = route.methods;
    for (const proxy::RoutePolicyPlan& policy : route.policies)
        name.policies.push_back(policy.name_index);
    if (route.upstream < upstreams) name.upstream = route.upstream;
    return name;
}

void compile_route(const Node& node, Draft& draft) {
    RoutePlan route;
    Fields fields(node, draft.diagnostics, "route");
    read_id(fields, draft, route);
    const std::string api = read_name(fields, "api", draft.gateway());
    read_hosts(fields, route);
    read_paths(fields, draft, route);
    read_methods(fields, route);
    read_route_listeners(fields, draft, route);
    read_strip_prefix(fields, draft, route);
    if (const Node* const certificates = fields.child("clientCertificates")) {
        read_client_certificates(*certificates, draft, route);
        check_asked(*certificates, draft, route);
    }
    if (fields.has("bodyBytes"))
        route.body_bytes = read_unsigned<uint64_t>(fields, "bodyBytes", 0, 0, kMaxBodyBytes);
    read_route_upstream(fields, draft, route);
    compile_policies(fields.child("policies"), draft, route);
    fields.finish();
    add_named_route(std::move(route), api, node.position, draft);
}

void warn_of_unused_upstreams(Draft& draft) {
    if (draft.diagnostics.has_errors()) return;  // the route that uses it may be the mistaken one
    for (std::size_t i = 0; i < draft.named_upstreams; ++i)
        if (!draft.upstream_used[i])
            draft.diagnostics.warning(
                draft.upstream_at[i],
                "no route uses upstream " + quote(draft.plan.upstreams[i].name));
}

}  // namespace

void add_named_route(RoutePlan&& route, std::string api, const Position& at, Draft& draft) {
    draft.names.routes.push_back(name_of(route, std::move(api), draft.plan.upstreams.size()));
    draft.plan.routes.push_back(std::move(route));
    draft.route_at.push_back(at);
    draft.pattern_at.resize(draft.plan.routes.size());
}

void compile_routes(const Node* routes, Draft& draft) {
    for (const Node& item : items_of(routes, "routes", draft.diagnostics))
        compile_route(item, draft);
    warn_of_unused_upstreams(draft);
}

}  // namespace glassgate::config
