// What a token must say besides being signed: who issued it, for whom, for how long, and what else.
// Pure functions over the verified claims.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace glassgate::policy::jwt {

struct ClaimRules {
    std::vector<std::string> issuers;    // one of them; none: any
    std::vector<std::string> audiences;  // one of them; none: any
    std::vector<std::string> required;   // present and not null
    struct Expected {
        std::string name;
        std::vector<std::string> values;  // one of them
        bool if_present = false;
    };
    std::vector<Expected> expected;
    uint64_t clock_skew_s = 0;
};

enum class ClaimFault : uint8_t {
    none,
    malformed,  // exp or nbf is no number
    expired,
    not_yet_valid,
    issuer,
    audience,
    missing,
    unexpected,
};
[[nodiscard]] ClaimFault check_claims(const nlohmann::json& claims, const ClaimRules& rules,
                                      uint64_t wall_s);

// Until when the token is good (exp and the clock skew), Unix seconds; nothing without exp.
[[nodiscard]] std::optional<uint64_t> good_until_s(const nlohmann::json& claims,
                                                   const ClaimRules& rules);

// A claim by name; a dotted name that is none leads into objects ("realm_access.roles"). Null when
// absent.
[[nodiscard]] const nlohmann::json* find_claim(const nlohmann::json& claims, std::string_view name);

// All claims as text: strings as they are, numbers and booleans as JSON writes them, lists of such
// joined by spaces, members of objects under dotted names. At most 64 of them and 4 KiB.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> claim_texts(
    const nlohmann::json& claims);

}  // namespace glassgate::policy::jwt
