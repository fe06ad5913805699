#include "policy/jwt/settings.h"

#include <algorithm>

#include "http/base64.h"
#include "http/chars.h"
#include "policy/settings.h"

namespace glassgate::policy::jwt {
namespace {

constexpr std::string_view kKeyForm = "one of pem, secret, secretBase64 or jwks";

std::string names_of_algorithms() {
    std::string all;
    for (const std::string_view name : kAlgorithmNames)
        all.append(all.empty() ? "" : ", ").append(name);
    return all;
}

AlgorithmSet read_algorithms(Fields& fields) {
    const Node* const node = fields.child("algorithms");
    if (node == nullptr) return kAllAlgorithms;
    AlgorithmSet set = 0;
    for (const std::string& name : fields.texts("algorithms")) {
        if (const auto algorithm = parse_algorithm(name)) {
            set |= algorithm_bit(*algorithm);
            continue;
        }
        const std::vector<std::string_view> known(kAlgorithmNames.begin(), kAlgorithmNames.end());
        fields.diagnostics().error(node->position, "unknown algorithm " + quote(name),
                                   "some of " + names_of_algorithms(),
                                   std::string(nearest_name(name, known)));
    }
    return set;
}

// One item of `keys`: a key, or the keys of a set.
void read_key(const Node& item, Diagnostics& diagnostics, std::vector<Key>& keys) {
    Fields fields(item, diagnostics, "a key of jwt-validation");
    const Node* const pem = fields.child("pem");
    const Node* const secret = fields.child("secret");
    const Node* const base64 = fields.child("secretBase64");
    const Node* const set = fields.child("jwks");
    const std::string id = fields.text("id");
    if ((pem != nullptr) + (secret != nullptr) + (base64 != nullptr) + (set != nullptr) != 1) {
        if (item.kind == Node::Kind::map)
            fields.mistake(item.position, "a key that is not one of the four kinds",
                           std::string(kKeyForm));
        return;
    }
    if (set != nullptr) {
        Result<std::vector<Key>> several = parse_key_set(fields.text("jwks"));
        if (!several) {
            fields.mistake(set->position, "jwks: " + several.error().message,
                           "a JSON Web Key Set with public keys for signatures");
            return;
        }
        for (Key& key : *several) keys.push_back(std::move(key));
        return;
    }
    const Node* const at = pem != nullptr ? pem : secret != nullptr ? secret : base64;
    std::string bytes = fields.text("secret");
    if (base64 != nullptr && !http::decode_base64(fields.text("secretBase64"), bytes)) {
        fields.mistake(at->position, "secretBase64 is not base64");
        return;
    }
    Result<Key> key = pem != nullptr ? Key::from_pem(fields.text("pem")) : Key::from_secret(bytes);
    if (!key) {
        fields.mistake(at->position, key.error().message);
        return;
    }
    key->id = id;
    keys.push_back(std::move(*key));
}

// Every key has an algorithm it can be used with, and every algorithm asked for has a key.
void check_fit(const Settings& settings, Fields& fields) {
    const Node* const algorithms = fields.child("algorithms");
    const Node* const keys = fields.child("keys");
    const auto used = [&](const Key& key) {
        for (std::size_t i = 0; i < kAlgorithmNames.size(); ++i) {
            const auto algorithm = static_cast<Algorithm>(i);
            if (contains(settings.algorithms, algorithm) && key.fits(algorithm)) return true;
        }
        return false;
    };
    for (const Key& key : *settings.keys)
        if (!used(key))
            fields.mistake(keys->position,
                           "a key that fits none of the algorithms" +
                               (key.id.empty() ? std::string() : ": " + quote(key.id)),
                           "for HS256 a secret of at least 32 bytes, for HS384 48, for HS512 64");
    if (algorithms == nullptr) return;
    for (std::size_t i = 0; i < kAlgorithmNames.size(); ++i) {
        const auto algorithm = static_cast<Algorithm>(i);
        if (!contains(settings.algorithms, algorithm)) continue;
        const bool fetched = settings.jwks && family_of(algorithm) != Family::hmac;
        if (fetched || std::any_of(settings.keys->begin(), settings.keys->end(),
                                   [&](const Key& key) { return key.fits(algorithm); }))
            continue;
        fields.mistake(algorithms->position, "no key fits " + std::string(to_text(algorithm)));
    }
}

std::optional<JwksSettings> read_jwks(Fields& fields) {
    const Node* const url = fields.child("jwksUrl");
    JwksSettings jwks;
    jwks.refresh_ms =
        static_cast<uint32_t>(fields.integer("jwksRefreshSeconds", 300, 10, 86'400) * 1000);
    jwks.timeout_ms = static_cast<uint32_t>(fields.integer("jwksTimeoutMs", 10'000, 100, 60'000));
    jwks.trusted_ca = fields.text("jwksCa");
    if (url == nullptr) {
        for (const std::string_view name : {"jwksRefreshSeconds", "jwksTimeoutMs", "jwksCa"})
            if (const Node* const node = fields.child(name))
                fields.mistake(node->position, std::string(name) + " without jwksUrl");
        return std::nullopt;
    }
    jwks.url = fields.text("jwksUrl");
    if (!jwks.url.starts_with("http://") && !jwks.url.starts_with("https://")) {
        fields.mistake(url->position, "jwksUrl is " + quote(jwks.url), "an http or https URL");
        return std::nullopt;
    }
    if (!jwks.trusted_ca.empty() && jwks.trusted_ca.find("BEGIN CERTIFICATE") == std::string::npos)
        fields.mistake(fields.child("jwksCa")->position, "jwksCa is not PEM",
                       "certificates in PEM");
    return jwks;
}

bool is_header_name(std::string_view name) {
    return !name.empty() && http::all(name, http::kToken);
}

TokenSource read_source(Fields& outer) {
    const Node* const node = outer.child("token");
    if (node == nullptr) return {};
    Fields fields(*node, outer.diagnostics(), "token");
    const Node* const header = fields.child("header");
    const Node* const query = fields.child("query");
    const Node* const expression = fields.child("expression");
    const bool bearer = fields.boolean("bearer", false);
    const std::string name = fields.text(header != nullptr ? "header" : "query");
    const bool one =
        (header != nullptr) + (query != nullptr) + (expression != nullptr) + bearer == 1;
    if (one && bearer) return {};
    if (one && expression != nullptr && !fields.text("expression").empty())
        return {TokenSource::Kind::expression,
                {},
                {},
                read_expression(*expression, outer.diagnostics())};
    if (one && query != nullptr && !name.empty()) return {TokenSource::Kind::query, name, {}};
    if (one && header != nullptr && is_header_name(name))
        return {TokenSource::Kind::header, name, http::known_header(name)};
    if (node->kind == Node::Kind::map)
        fields.mistake(node->position, "token says not where it stands",
                       "'bearer: true', 'header: NAME', 'query: NAME' or 'expression: #[...]'");
    return {};
}

template <typename Use>  // use(claim, value node)
void for_each_claim(Fields& fields, std::string_view key, Use&& use) {
    const Node* const node = fields.child(key);
    if (node == nullptr) return;
    if (node->kind != Node::Kind::map) {
        fields.mistake(node->position, std::string(key) + " is not a map", "claim: value");
        return;
    }
    for (const auto& [claim, value] : node->entries) use(claim, value);
}

void read_expected(Fields& fields, ClaimRules& rules) {
    for_each_claim(fields, "expectedClaims", [&](const std::string& claim, const Node& value) {
        ClaimRules::Expected expected{claim, {}, false};
        if (value.kind == Node::Kind::scalar) expected.values.push_back(value.scalar);
        for (const Node& item : value.items)
            if (item.kind == Node::Kind::scalar) expected.values.push_back(item.scalar);
        const std::size_t given = value.kind == Node::Kind::scalar ? 1 : value.items.size();
        if (expected.values.empty() || expected.values.size() != given)
            fields.mistake(value.position, "claim " + quote(claim) + " has no value to compare",
                           "a text, or a list of texts");
        rules.expected.push_back(std::move(expected));
    });
}

void read_headers(Fields& fields, Settings& settings) {
    for_each_claim(fields, "claimHeaders", [&](const std::string& claim, const Node& value) {
        if (value.kind == Node::Kind::scalar && is_header_name(value.scalar))
            settings.headers.emplace_back(claim, value.scalar);
        else
            fields.mistake(value.position, "claim " + quote(claim) + " has no header",
                           "the name of a header");
    });
}

}  // namespace

Settings read_settings(const Node& node, Diagnostics& diagnostics) {
    const Mistakes mistakes(diagnostics);
    Fields fields(node, diagnostics, "policy jwt-validation");
    Settings settings;
    settings.token = read_source(fields);
    settings.algorithms = read_algorithms(fields);
    settings.jwks = read_jwks(fields);
    std::vector<Key> keys;
    if (const Node* const list = fields.child("keys")) {
        if (list->kind != Node::Kind::list || list->items.empty())
            fields.mistake(list->position, "keys is not a list of keys",
                           "a list of maps with " + std::string(kKeyForm));
        for (const Node& item : list->items) read_key(item, diagnostics, keys);
    } else if (fields.child("jwksUrl") == nullptr &&
               (node.kind == Node::Kind::map || node.kind == Node::Kind::null)) {
        fields.mistake(fields.position(), "policy jwt-validation has neither keys nor jwksUrl");
    }
    settings.keys = std::make_shared<const std::vector<Key>>(std::move(keys));
    settings.rules.issuers = fields.texts("issuer");
    settings.rules.audiences = fields.texts("audience");
    settings.rules.required = {"exp"};
    if (fields.has("requiredClaims")) settings.rules.required = fields.texts("requiredClaims");
    read_expected(fields, settings.rules);
    settings.rules.clock_skew_s =
        static_cast<uint64_t>(fields.integer("clockSkewSeconds", 30, 0, 600));
    settings.client_id_claim = fields.text("clientId");
    read_headers(fields, settings);
    settings.forward_token = fields.boolean("forwardToken", true);
    settings.cached_tokens =
        static_cast<std::size_t>(fields.integer("cachedTokens", 1000, 0, 100'000));
    if (!mistakes.any()) check_fit(settings, fields);
    fields.finish();
    return settings;
}

}  // namespace glassgate::policy::jwt
