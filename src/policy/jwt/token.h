// JSON Web Tokens in the compact form (RFC 7515 §7.1, RFC 7519), taken apart. Nothing is verified
// here. Pure functions.
#pragma once

#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "policy/jwt/algorithm.h"

namespace glassgate::policy::jwt {

inline constexpr std::size_t kMaxTokenBytes = 16 * 1024;
inline constexpr unsigned kMaxJsonDepth = 32;

struct Token {
    Algorithm algorithm = Algorithm::rs256;
    std::string key_id;            // kid; empty when absent
    std::string_view signed_part;  // header "." payload, as sent
    std::string signature;         // bytes
    nlohmann::json claims;         // an object
};

enum class TokenFault : uint8_t {
    malformed,  // not three parts of base64url with JSON objects in the first two, or too long
    algorithm,  // "none", or one that is unknown
    critical,   // crit (RFC 7515 §4.1.11): extensions nobody here understands
};

// `text` must outlive the token. Of two members of one name the last counts (RFC 7519 §4).
[[nodiscard]] std::expected<Token, TokenFault> parse_token(std::string_view text);

// The text as a JSON object that is not nested deeper than kMaxJsonDepth; discarded otherwise.
[[nodiscard]] nlohmann::json parse_object(std::string_view text);

}  // namespace glassgate::policy::jwt
