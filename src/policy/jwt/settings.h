// What jwt-validation is told: in the native spelling, or in Flex's.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/document.h"
#include "http/message.h"
#include "policy/expression.h"
#include "policy/jwt/claims.h"
#include "policy/jwt/jwks.h"

namespace glassgate::policy::jwt {

// Where the token stands.
struct TokenSource {
    enum class Kind : uint8_t { bearer, header, query, expression };
    Kind kind = Kind::bearer;
    std::string name = "Authorization";  // of the header or the query parameter
    http::KnownHeader known = http::KnownHeader::authorization;
    std::optional<Expression> expression = std::nullopt;
};

struct Settings {
    TokenSource token;
    AlgorithmSet algorithms = kAllAlgorithms;
    Keys keys = std::make_shared<const std::vector<Key>>();
    std::optional<JwksSettings> jwks;
    ClaimRules rules;
    std::string client_id_claim;                               // empty: none
    std::vector<std::pair<std::string, std::string>> headers;  // claim -> upstream header
    bool forward_token = true;
    std::size_t cached_tokens = 1000;
};

// Every mistake goes to `diagnostics`.
[[nodiscard]] Settings read_settings(const Node& node, Diagnostics& diagnostics);

}  // namespace glassgate::policy::jwt
