// The policies of a route: looked up in the catalogue and compiled by themselves.
#include "config/draft.h"
#include "config/policy_step.h"

namespace glassgate::config {
namespace {

using policy::PolicyKind;
using proxy::RoutePlan;

using Item = PolicyItem;

// "- circuit-breaker" or "- rate-limit: {...}".
std::optional<Item> read_item(const Node& node, Diagnostics& diagnostics) {
    if (node.kind == Node::Kind::scalar) {
        Node nothing;
        nothing.position = node.position;
        return Item{node.scalar, node.position, std::move(nothing)};
    }
    if (node.kind == Node::Kind::map && node.entries.size() == 1)
        return Item{node.entries[0].first, node.key_positions[0], node.entries[0].second};
    std::string message = "a policies item that is not one policy";
    if (node.kind == Node::Kind::map && node.entries.size() > 1)
        message = "a policies item with " + std::to_string(node.entries.size()) +
                  " keys: " + quote(node.entries[0].first) + ", " + quote(node.entries[1].first) +
                  (node.entries.size() > 2 ? ", ..." : "") +
                  " (settings stand further in than the policy's name)";
    diagnostics.error(node.position, std::move(message),
                      "one policy per item: '- name: {settings}' or '- name'");
    return std::nullopt;
}

const PolicyKind* find_kind(const Item& item, Diagnostics& diagnostics) {
    if (const PolicyKind* const kind = policy::find_policy(item.name)) return kind;
    std::vector<std::string_view> names;
    std::string expected;
    for (const PolicyKind& kind : policy::catalogue()) {
        expected += names.empty() ? "" : ", ";
        expected += kind.name;
        names.push_back(kind.name);
    }
    diagnostics.error(item.position, "unknown policy " + quote(item.name), "one of " + expected,
                      std::string(nearest_name(item.name, names)));
    return nullptr;
}

uint32_t name_index(const PolicyKind& kind, Draft& draft) {
    std::vector<model::PolicyName>& names = draft.names.policies;
    if (const auto known = index_of(names, &model::PolicyName::kind, std::string(kind.name)))
        return static_cast<uint32_t>(*known);
    names.push_back({std::string(kind.name),
                     std::string(kind.category),
                     {kind.reasons.begin(), kind.reasons.end()}});
    return static_cast<uint32_t>(names.size() - 1);
}

std::string state_key(const std::string& scope, const RoutePlan& route, const PolicyKind& kind) {
    const auto nth = 1 + std::count_if(route.policies.begin(), route.policies.end(),
                                       [&](const auto& p) { return p.kind == &kind; });
    return (scope.empty() ? route.id : scope) + "/" + std::string(kind.name) + "/" +
           std::to_string(nth);
}

}  // namespace

void compile_policy_step(const PolicyItem& item, const PolicyScope& scope, Diagnostics& diagnostics,
                         Draft& draft, RoutePlan& route) {
    const PolicyKind* const kind = find_kind(item, diagnostics);
    if (kind == nullptr) return;
    std::string upstream;
    if (route.upstream < draft.plan.upstreams.size())
        upstream = draft.plan.upstreams[route.upstream].name;
    policy::CompileContext context{diagnostics, draft.gateway(), route.id, std::move(upstream),
                                   state_key(scope.key, route, *kind)};
    const std::size_t mistakes = diagnostics.all().size();
    std::shared_ptr<const policy::PolicyPlan> plan = kind->compile(item.settings, context);
    if (plan == nullptr && diagnostics.all().size() == mistakes)  // nothing runs without a plan
        diagnostics.error(item.position, "policy " + item.name + " cannot use its settings");
    if (plan != nullptr && kind->name.starts_with("rate-limit"))
        draft.rate_limits.push_back({route.id, context.state_key, plan->summary()});
    route.policies.push_back({kind, std::move(plan), name_index(*kind, draft), scope.only});
}

void compile_policies(const Node* policies, Draft& draft, RoutePlan& route) {
    const std::vector<Node>& items = items_of(policies, "policies", draft.diagnostics);
    if (items.size() > model::kMaxPolicySteps)
        draft.diagnostics.error(items[model::kMaxPolicySteps].position, "too many policies",
                                "at most " + std::to_string(model::kMaxPolicySteps) + " per route");
    for (const Node& node : items) {
        const std::optional<Item> item = read_item(node, draft.diagnostics);
        if (item) compile_policy_step(*item, {}, draft.diagnostics, draft, route);
    }
}

}  // namespace glassgate::config
