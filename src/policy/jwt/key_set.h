// Keys to choose from: those of the configuration, or of a JWK set (RFC 7517).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/jwt/key.h"
#include "policy/jwt/token.h"

namespace glassgate::policy::jwt {

inline constexpr std::size_t kMaxKeys = 100;

// A JWK set's keys for signatures. Those of another use, of an unknown kind or that are no keys are
// left out (RFC 7517 §5), and so are secrets (kty oct): a set that is fetched is public. An error
// when nothing is left.
[[nodiscard]] Result<std::vector<Key>> parse_key_set(std::string_view json);

enum class Proof : uint8_t {
    good,
    bad,          // a key that fits, but the signature is not its own
    unknown_key,  // no key has this id, or fits
};
// Tries the keys of the token's id, or those without an id; a token without an id may be of any key
// that fits. At most kMaxTries signatures are computed.
inline constexpr unsigned kMaxTries = 4;
[[nodiscard]] Proof prove(const Token& token, const std::vector<Key>& keys);

}  // namespace glassgate::policy::jwt
