// client-id-enforcement-flex -> client-id.
#include "config/flex/nodes.h"
#include "config/flex/translate.h"

namespace glassgate::config::flex {
namespace {

constexpr std::string_view kBasic = "httpBasicAuthenticationHeader";
constexpr std::string_view kExpression = "customExpression";

Node source_node(std::string_view kind, std::string text, const Position& at) {
    Node source = map_at(at);
    put(source, kind, scalar_at(std::move(text), at));
    return source;
}

// A source of client-id; nothing: not expressible, and reported.
std::optional<Node> source_of(const Node& node, Diagnostics& diagnostics) {
    const auto selector = parse_selector(node.scalar);
    if (selector && selector->kind == Selector::Kind::header)
        return source_node("header", selector->name, node.position);
    if (selector && selector->kind == Selector::Kind::query)
        return source_node("query", selector->name, node.position);
    diagnostics.error(node.position,
                      "clientIdExpression " + quote(node.scalar) + " is not supported",
                      "#[attributes.headers['client_id']] or #[attributes.queryParams['id']]");
    return std::nullopt;
}

}  // namespace

std::vector<NativePolicy> translate_client_id_enforcement(const Node& config, const Position& at,
                                                          Diagnostics& diagnostics) {
    Fields fields(config, diagnostics, "config of client-id-enforcement");
    constexpr std::string_view kOrigin = "credentialsOriginHasHttpBasicAuthenticationHeader";
    const bool basic = fields.choice(kOrigin, {kExpression, kBasic}, 0) == 1;
    const Node* const expression = fields.child("clientIdExpression");
    (void)fields.text("clientSecretExpression");
    std::optional<Node> source;
    if (basic)
        source = source_node("basic", "true", at);
    else if (expression != nullptr && expression->kind == Node::Kind::scalar)
        source = source_of(*expression, diagnostics);
    else
        source = source_node("header", "client_id", at);
    if (!source) return {};
    diagnostics.warning(at,
                        "client-id-enforcement asks for an id, and does not look for it or its "
                        "secret among contracts",
                        "a policy that verifies callers, such as jwt-validation");
    Node sources = list_at(at);
    sources.items.push_back(std::move(*source));
    Node settings = map_at(at);
    put(settings, "sources", std::move(sources));
    put(settings, "required", scalar_at("true", at));
    std::vector<NativePolicy> out;
    out.push_back({"client-id", at, std::move(settings)});
    return out;
}

}  // namespace glassgate::config::flex
