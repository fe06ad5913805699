#include "policy/jwt/key_set.h"

#include "http/base64.h"

namespace glassgate::policy::jwt {
namespace {

using Json = nlohmann::json;

std::string_view text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return {};
    const auto* const text = found->get_ptr<const std::string*>();
    return text != nullptr ? std::string_view(*text) : std::string_view();
}

// Empty when absent or not base64url.
std::string bytes_of(const Json& object, const char* name) {
    std::string bytes;
    if (!http::decode_base64url(text_of(object, name), bytes)) bytes.clear();
    return bytes;
}

bool verifies(const Json& jwk) {
    if (const std::string_view use = text_of(jwk, "use"); !use.empty() && use != "sig")
        return false;
    const auto operations = jwk.find("key_ops");
    if (operations == jwk.end() || !operations->is_array()) return true;
    return std::any_of(operations->begin(), operations->end(),
                       [](const Json& operation) { return operation == "verify"; });
}

Result<Key> key_of(const Json& jwk) {
    const std::string_view type = text_of(jwk, "kty");
    if (type == "RSA") return Key::from_rsa(bytes_of(jwk, "n"), bytes_of(jwk, "e"));
    if (type == "EC")
        return Key::from_ec(text_of(jwk, "crv"), bytes_of(jwk, "x"), bytes_of(jwk, "y"));
    if (type == "OKP") return Key::from_okp(text_of(jwk, "crv"), bytes_of(jwk, "x"));
    return failure("a key of another kind");
}

}  // namespace

Result<std::vector<Key>> parse_key_set(std::string_view json) {
    const Json set = parse_object(json);
    if (set.is_discarded()) return failure("not a JSON object");
    const auto list = set.find("keys");
    if (list == set.end() || !list->is_array()) return failure("no list of keys");
    std::vector<Key> keys;
    for (const Json& jwk : *list) {
        if (keys.size() == kMaxKeys) return failure("more than 100 keys");
        if (!jwk.is_object() || !verifies(jwk)) continue;
        Result<Key> key = key_of(jwk);
        if (!key) continue;
        key->id = text_of(jwk, "kid");
        if (const std::string_view alg = text_of(jwk, "alg"); !alg.empty()) {
            key->only_with = parse_algorithm(alg);
            if (!key->only_with) continue;
        }
        keys.push_back(std::move(*key));
    }
    if (keys.empty()) return failure("no key for signatures");
    return keys;
}

Proof prove(const Token& token, const std::vector<Key>& keys) {
    unsigned tries = 0;
    for (const Key& key : keys) {
        if (!token.key_id.empty() && !key.id.empty() && key.id != token.key_id) continue;
        if (!key.fits(token.algorithm)) continue;
        if (tries++ == kMaxTries) break;
        if (key.verify(token.algorithm, token.signed_part, token.signature)) return Proof::good;
    }
    return tries == 0 ? Proof::unknown_key : Proof::bad;
}

}  // namespace glassgate::policy::jwt
