#include "config/password_hash.h"

#include <array>

#include "base/text.h"
#include "http/base64.h"

namespace glassgate::config {

std::optional<ScryptHash> parse_password_hash(std::string_view text) {
    if (!text.starts_with("scrypt:")) return std::nullopt;
    std::array<std::string_view, 6> parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::size_t colon = text.find(':');
        if ((colon == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
        parts[i] = text.substr(0, colon);
        text.remove_prefix(colon == std::string_view::npos ? text.size() : colon + 1);
    }
    ScryptHash hash;
    const auto log2_n = parse_u64(parts[1]), r = parse_u64(parts[2]), p = parse_u64(parts[3]);
    // Bounded: 1 GiB at most, and not so weak as to be pointless.
    if (!log2_n || !r || !p || *log2_n < 10 || *log2_n > 20 || *r < 1 || *r > 8 || *p < 1 ||
        *p > 16 || !http::decode_base64(parts[4], hash.salt) ||
        !http::decode_base64(parts[5], hash.hash) || hash.salt.size() < 8 ||
        hash.hash.size() != kPasswordHashBytes)
        return std::nullopt;
    hash.log2_n = *log2_n;
    hash.r = *r;
    hash.p = *p;
    return hash;
}

std::string problem_with_password_hash(std::string_view text) {
    return parse_password_hash(text) ? "" : "not a hash as `glassgate password` prints it";
}

std::string problem_with_token_hash(std::string_view text) {
    const bool good =
        text.starts_with("sha256:") && text.size() == 7 + std::size_t{2} * kPasswordHashBytes &&
        text.substr(7).find_first_not_of("0123456789abcdef") == std::string_view::npos;
    return good ? "" : "not a hash as `glassgate password --token` prints it";
}

}  // namespace glassgate::config
