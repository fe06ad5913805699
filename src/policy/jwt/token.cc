#include "policy/jwt/token.h"

#include "http/base64.h"

namespace glassgate::policy::jwt {
namespace {

using Json = nlohmann::json;

// Brackets open at a time, outside strings. Broken JSON gets some number; the parser tells.
unsigned depth_of(std::string_view text) noexcept {
    unsigned depth = 0, most = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            most = ++depth > most ? depth : most;
        } else if ((c == '}' || c == ']') && depth > 0) {
            --depth;
        }
    }
    return most;
}

// A part of the token as an object.
Json decode_object(std::string_view part) {
    std::string text;
    if (part.empty() || !http::decode_base64url(part, text)) return Json(Json::value_t::discarded);
    return parse_object(text);
}

}  // namespace

Json parse_object(std::string_view text) {
    if (depth_of(text) > kMaxJsonDepth) return Json(Json::value_t::discarded);
    Json parsed = Json::parse(text.begin(), text.end(), nullptr, false);
    if (!parsed.is_object()) return Json(Json::value_t::discarded);
    return parsed;
}

std::expected<Token, TokenFault> parse_token(std::string_view text) {
    const auto fault = [](TokenFault f) { return std::unexpected(f); };
    if (text.size() > kMaxTokenBytes) return fault(TokenFault::malformed);
    const std::size_t first = text.find('.');
    if (first == std::string_view::npos) return fault(TokenFault::malformed);
    const std::size_t second = text.find('.', first + 1);
    // Five parts would be an encrypted token (RFC 7516).
    if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos)
        return fault(TokenFault::malformed);

    const Json header = decode_object(text.substr(0, first));
    if (header.is_discarded()) return fault(TokenFault::malformed);
    const auto alg = header.find("alg");
    if (alg == header.end() || !alg->is_string()) return fault(TokenFault::malformed);
    const auto algorithm = parse_algorithm(alg->get_ref<const std::string&>());
    if (!algorithm) return fault(TokenFault::algorithm);
    if (header.contains("crit")) return fault(TokenFault::critical);

    Token token;
    token.algorithm = *algorithm;
    if (const auto kid = header.find("kid"); kid != header.end()) {
        if (!kid->is_string()) return fault(TokenFault::malformed);
        token.key_id = kid->get_ref<const std::string&>();
    }
    token.signed_part = text.substr(0, second);
    if (!http::decode_base64url(text.substr(second + 1), token.signature))
        return fault(TokenFault::malformed);
    token.claims = decode_object(text.substr(first + 1, second - first - 1));
    if (token.claims.is_discarded()) return fault(TokenFault::malformed);
    return token;
}

}  // namespace glassgate::policy::jwt
