// The signature algorithms of RFC 7518 §3.1 and RFC 8037 §3.1. "none" is not among them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace glassgate::policy::jwt {

enum class Algorithm : uint8_t {
    rs256,
    rs384,
    rs512,
    ps256,
    ps384,
    ps512,
    es256,
    es384,
    es512,
    eddsa,
    hs256,
    hs384,
    hs512,
};
inline constexpr std::array<std::string_view, 13> kAlgorithmNames{
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"};

[[nodiscard]] constexpr std::string_view to_text(Algorithm algorithm) noexcept {
    return kAlgorithmNames[static_cast<std::size_t>(algorithm)];
}
// Case-sensitive, as the RFC has it.
[[nodiscard]] constexpr std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept {
    for (std::size_t i = 0; i < kAlgorithmNames.size(); ++i)
        if (kAlgorithmNames[i] == name) return static_cast<Algorithm>(i);
    return std::nullopt;
}

enum class Family : uint8_t { rsa, rsa_pss, ec, edwards, hmac };
[[nodiscard]] constexpr Family family_of(Algorithm algorithm) noexcept {
    using enum Algorithm;
    if (algorithm <= rs512) return Family::rsa;
    if (algorithm <= ps512) return Family::rsa_pss;
    if (algorithm <= es512) return Family::ec;
    return algorithm == eddsa ? Family::edwards : Family::hmac;
}
// Of its hash; 0 for EdDSA, which brings its own.
[[nodiscard]] constexpr unsigned hash_bits(Algorithm algorithm) noexcept {
    constexpr unsigned kBits[] = {256, 384, 512, 256, 384, 512, 256, 384, 512, 0, 256, 384, 512};
    return kBits[static_cast<std::size_t>(algorithm)];
}

using AlgorithmSet = uint16_t;
[[nodiscard]] constexpr AlgorithmSet algorithm_bit(Algorithm algorithm) noexcept {
    return static_cast<AlgorithmSet>(1u << static_cast<unsigned>(algorithm));
}
[[nodiscard]] constexpr bool contains(AlgorithmSet set, Algorithm algorithm) noexcept {
    return (set & algorithm_bit(algorithm)) != 0;
}
inline constexpr AlgorithmSet kAllAlgorithms = (1u << kAlgorithmNames.size()) - 1;

}  // namespace glassgate::policy::jwt
