// jwt-validation-flex -> jwt-validation.
#include "base/text.h"
#include "config/flex/nodes.h"
#include "config/flex/translate.h"

namespace glassgate::config::flex {
namespace {

constexpr int64_t kMaxMinutes = 1440;

// signingMethod and signingKeyLength: RS256.
std::string algorithm_of(Fields& fields) {
    constexpr std::string_view kFamilies[] = {"RS", "HS", "ES", ""};
    const std::size_t method = fields.choice("signingMethod", {"rsa", "hmac", "es", "none"}, 0);
    const Node* const length = fields.child("signingKeyLength");
    const int64_t bits = fields.integer("signingKeyLength", 256, 256, 512);
    if (bits != 256 && bits != 384 && bits != 512)
        fields.mistake(length->position, "signingKeyLength is " + quote(length->scalar),
                       "256, 384 or 512");
    if (method == 3) {
        fields.mistake(fields.child("signingMethod")->position,
                       "signingMethod none: anybody could make such a token", "rsa, es or hmac");
        return {};
    }
    return std::string(kFamilies[method]) + std::to_string(bits);
}

void put_keys(Fields& fields, const Position& at, bool hmac, Node& out) {
    const bool by_url = fields.choice("jwtKeyOrigin", {"text", "jwks"}, 0) == 1;
    const Node* const text = fields.child("textKey");
    const Node* const url = fields.child("jwksUrl");
    const int64_t minutes = fields.integer("jwksServiceTimeToLive", 60, 1, kMaxMinutes);
    const int64_t timeout_ms = fields.integer("jwksServiceConnectionTimeout", 10'000, 100, 60'000);
    if (by_url) {
        if (url == nullptr) {
            fields.mistake(at, "jwtKeyOrigin jwks without jwksUrl", "jwksUrl: https://...");
            return;
        }
        put(out, "jwksUrl", *url);
        put(out, "jwksRefreshSeconds",
            number_at(static_cast<uint64_t>(minutes) * 60, url->position));
        put(out, "jwksTimeoutMs", number_at(static_cast<uint64_t>(timeout_ms), url->position));
        return;
    }
    if (text == nullptr) {
        fields.mistake(at, "jwtKeyOrigin text without textKey", "textKey: the key in PEM");
        return;
    }
    Node key = map_at(text->position);
    put(key, hmac ? "secret" : "pem", *text);
    Node keys = list_at(text->position);
    keys.items.push_back(std::move(key));
    put(out, "keys", std::move(keys));
}

void put_token(Fields& fields, Node& out) {
    const bool bearer =
        fields.choice("jwtOrigin", {"httpBearerAuthenticationHeader", "customExpression"}, 0) == 0;
    const Node* const expression = fields.child("jwtExpression");
    if (bearer || expression == nullptr) return;
    Node token = map_at(expression->position);
    put(token, "expression", *expression);
    put(out, "token", std::move(token));
}

// "a, b" or a list.
void put_audience(Fields& fields, const Position& at, Node& out) {
    const bool wanted = fields.boolean("validateAudClaim", false);
    const Node* const written = fields.child("supportedAudiences");
    const std::vector<std::string> texts = fields.texts("supportedAudiences");
    if (!wanted) return;
    Node list = list_at(written != nullptr ? written->position : at);
    for (const std::string& text : texts) {
        std::string_view rest = text;
        while (!rest.empty()) {
            const std::size_t comma = rest.find(',');
            const std::string_view name = trim_ows(rest.substr(0, comma));
            if (!name.empty()) list.items.push_back(scalar_at(std::string(name), list.position));
            rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
        }
    }
    if (list.items.empty())
        fields.mistake(list.position, "validateAudClaim without supportedAudiences",
                       "supportedAudiences: the names this API answers to");
    put(out, "audience", std::move(list));
}

void put_required(Fields& fields, const Position& at, Node& out) {
    Node list = list_at(at);
    const auto require = [&](std::string_view key, std::string claim) {
        if (fields.boolean(key, false)) list.items.push_back(scalar_at(std::move(claim), at));
    };
    require("mandatoryAudClaim", "aud");
    require("mandatoryExpClaim", "exp");
    require("mandatoryNbfClaim", "nbf");
    put(out, "requiredClaims", std::move(list));
}

// [{key, value}], values as they stand; an expression that is one quoted text is that text.
void put_custom(Fields& fields, Node& out) {
    const bool wanted = fields.boolean("validateCustomClaim", false);
    const Node* const mandatory = fields.child("mandatoryCustomClaims");
    const Node* const optional = fields.child("nonMandatoryCustomClaims");
    if (!wanted) return;
    if (optional != nullptr && !optional->items.empty())
        fields.mistake(optional->position, "nonMandatoryCustomClaims is not supported",
                       "mandatoryCustomClaims");
    if (mandatory == nullptr) return;
    Node claims = map_at(mandatory->position);
    for (const Node& item : items_of(mandatory, "mandatoryCustomClaims", fields.diagnostics())) {
        Fields claim(item, fields.diagnostics(), "a custom claim");
        const Node* const key = claim.require("key");
        const Node* const value = claim.require("value");
        std::string text = claim.text("value");
        if (key == nullptr || value == nullptr) continue;
        const bool quoted = text.size() > 5 && text.starts_with("#['") && text.ends_with("']");
        if (quoted) text = text.substr(3, text.size() - 5);
        if (text.starts_with("#["))
            claim.mistake(value->position, "the value of a claim is an expression",
                          "a text, or #['text']");
        put(claims, claim.text("key"), scalar_at(std::move(text), value->position));
    }
    put(out, "expectedClaims", std::move(claims));
}

// The claim whose value is the client: #[vars.claimSet.client_id].
void put_client(Fields& fields, const Position& at, Node& out) {
    const Node* const expression = fields.child("clientIdExpression");
    const bool skipped = fields.boolean("skipClientIdValidation", false);
    std::string claim = "client_id";
    if (expression != nullptr) {
        const auto selector = parse_selector(fields.text("clientIdExpression"));
        if (selector && selector->kind == Selector::Kind::claim)
            claim = selector->name;
        else if (!skipped)
            fields.mistake(expression->position, "clientIdExpression is not a claim",
                           "#[vars.claimSet.client_id]");
    }
    put(out, "clientId", scalar_at(claim, expression != nullptr ? expression->position : at));
    if (!skipped)
        fields.diagnostics().warning(at,
                                     "the client a token names is not looked for among contracts",
                                     "skipClientIdValidation: true, if that is meant");
}

}  // namespace

std::vector<NativePolicy> translate_jwt_validation(const Node& config, const Position& at,
                                                   Diagnostics& diagnostics) {
    Fields fields(config, diagnostics, "config of jwt-validation");
    Node out = map_at(fields.position());
    const std::string algorithm = algorithm_of(fields);
    Node algorithms = list_at(at);
    algorithms.items.push_back(scalar_at(algorithm, at));
    if (!algorithm.empty()) put(out, "algorithms", std::move(algorithms));
    put_keys(fields, at, algorithm.starts_with("HS"), out);
    put_token(fields, out);
    put_audience(fields, at, out);
    put_required(fields, at, out);
    put_custom(fields, out);
    put_client(fields, at, out);
    std::vector<NativePolicy> policies;
    if (algorithm.empty()) return policies;
    policies.push_back({"jwt-validation", at, std::move(out)});
    return policies;
}

}  // namespace glassgate::config::flex
