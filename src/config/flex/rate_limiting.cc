// rate-limiting-flex -> rate-limit.
#include "config/flex/nodes.h"
#include "config/flex/translate.h"

namespace glassgate::config::flex {
namespace {

// What rate-limit calls the key: simple selections have names, the rest stays an expression.
std::string key_of(const std::string& expression) {
    if (expression.empty()) return "route";
    const auto selector = parse_selector(expression);
    if (!selector) return expression;
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
            return expression;
    }
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
    const Node* const selector = fields.child("keySelector");
    const std::string key = key_of(fields.text("keySelector"));
    const bool expose = fields.boolean("exposeHeaders", false);
    (void)fields.boolean("clusterizable", true);        // this gateway counts for itself
    (void)fields.boolean("blockOnUnknownQuota", true);  // no quota is ever unknown here
    const auto& items = items_of(limits, "rateLimits", diagnostics);
    if (limits != nullptr && limits->kind == Node::Kind::list && items.empty())
        fields.mistake(limits->position, "rateLimits is empty", "at least one limit");
    Node list = list_at(limits != nullptr ? limits->position : at);
    for (const Node& item : items)
        if (std::optional<Node> limit = read_limit(item, diagnostics))
            list.items.push_back(std::move(*limit));
    std::vector<NativePolicy> out;
    if (list.items.empty()) return out;
    Node settings = map_at(list.position);
    if (list.items.size() == 1)
        put(settings, "limit", std::move(list.items.front()));
    else
        put(settings, "limits", std::move(list));
    put(settings, "key", scalar_at(key, selector != nullptr ? selector->position : at));
    put(settings, "exposeHeaders", scalar_at(expose ? "true" : "false", at));
    out.push_back({"rate-limit", at, std::move(settings)});
    return out;
}

}  // namespace glassgate::config::flex
