// How the configuration writes down a password or a token without knowing it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glassgate::config {

inline constexpr std::size_t kPasswordHashBytes = 32;

// scrypt:LOG2N:R:P:SALT:HASH (RFC 7914), salt and hash in base 64.
struct ScryptHash {
    uint64_t log2_n = 14, r = 8, p = 1;
    std::string salt, hash;
};
// Nothing: not such a text, or with parameters that are too weak to be of use or too costly.
[[nodiscard]] std::optional<ScryptHash> parse_password_hash(std::string_view text);

// Empty: good. Else what is wrong with a hash in the configuration.
[[nodiscard]] std::string problem_with_password_hash(std::string_view text);
[[nodiscard]] std::string problem_with_token_hash(std::string_view text);  // sha256:HEX

}  // namespace glassgate::config
