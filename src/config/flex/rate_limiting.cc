// rate-limiting-flex -> rate-limit, one for each of its limits: all must pass.
#include "config/flex/nodes.h"
#include "config/flex/translate.h"

namespace glassgate::config::flex {
namespace {

// What rate-limit calls the key; nothing: not expressible, and reported.
std::optional<std::string> key_of(const Node& node, Diagnostics& diagnostics) {
    if (node.scalar.empty()) return "route";
    if (const auto selector = parse_selector(node.scalar)) {
        switch (selector->kind) {
            case Selector::Kind::header:
                return "header:" + selector->name;
            case Selector::Kind::address:
                return "address";
            case Selector::Kind::client_id:
                return "client.id";
            case Selector::Kind::claim:
                return "jwt." + selector->name;
            default:
                break;
        }
    }
    diagnostics.error(node.position, "keySelector " + quote(node.scalar) + " is not supported",
                      "#[attributes.headers['name']], #[attributes.remoteAddress], "
                      "#[authentication.clientId] or #[vars.claimSet.name]");
    return std::nullopt;
}

std::optional<Node> read_limit(const Node& item, Diagnostics& diagnostics) {
    Fields fields(item, diagnostics, "rateLimits");
    const Node* const requests = fields.require("maximumRequests");
    const Node* const period = fields.require("timePeriodInMilliseconds");
    // Field configurations put these a level too deep, where Flex Gateway reads them not.
    for (const std::string_view key : {"keySelector", "exposeHeaders", "clusterizable"})
        if (const Node* const misplaced = fields.child(key))
            fields.mistake(misplaced->position,
                           std::string(key) + " in an item of rateLimits has no effect",
                           std::string(key) + " beside rateLimits");
    if (requests == nullptr || period == nullptr) return std::nullopt;
    Node limit = map_at(item.position);
    put(limit, "requests", *requests);
    put(limit, "periodMs", *period);
    return limit;
}

}  // namespace

std::vector<NativePolicy> translate_rate_limiting(const Node& config, const Position& at,
                                                  Diagnostics& diagnostics) {
    Fields fields(config, diagnostics, "config of rate-limiting");
    const Node* const limits = fields.require("rateLimits");
    std::optional<std::string> key = "route";
    const Node* const selector = fields.child("keySelector");
    if (selector != nullptr && !fields.text("keySelector").empty())
        key = key_of(*selector, diagnostics);
    const bool expose = fields.boolean("exposeHeaders", false);
    (void)fields.boolean("clusterizable", true);      // this gateway counts for itself
    (void)fields.boolean("blockOnUnknownQuota", true);  // no quota is ever unknown here
    std::vector<NativePolicy> out;
    const auto& items = items_of(limits, "rateLimits", diagnostics);
    if (limits != nullptr && limits->kind == Node::Kind::list && items.empty())
        fields.mistake(limits->position, "rateLimits is empty", "at least one limit");
    for (const Node& item : items) {
        std::optional<Node> limit = read_limit(item, diagnostics);
        if (!limit || !key) continue;
        Node settings = map_at(item.position);
        put(settings, "limit", std::move(*limit));
        put(settings, "key", scalar_at(*key, selector != nullptr ? selector->position : at));
        put(settings, "exposeHeaders", scalar_at(expose ? "true" : "false", item.position));
        out.push_back({"rate-limit", at, std::move(settings)});
    }
    return out;
}

}  // namespace glassgate::config::flex
