#include "policy/jwt/claims.h"

#include <algorithm>
#include <cmath>

namespace glassgate::policy::jwt {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxClaims = 64;
constexpr std::size_t kMaxClaimBytes = 4096;
constexpr unsigned kMaxNesting = 4;
constexpr double kFarFuture = 1e12;  // the year 33658: seconds stay exact, sums cannot overflow

// NumericDate (RFC 7519 §2): seconds, perhaps with a fraction, which is given to the bearer.
std::optional<double> date_of(const Json& value) {
    if (!value.is_number()) return std::nullopt;
    const double seconds = value.get<double>();
    if (!std::isfinite(seconds)) return std::nullopt;
    return std::clamp(seconds, -kFarFuture, kFarFuture);
}

std::string text_of(const Json& value) {
    if (const auto* const text = value.get_ptr<const std::string*>()) return *text;
    return value.dump();
}

bool is_simple(const Json& value) {
    return value.is_string() || value.is_number() || value.is_boolean();
}

bool any_of(const Json& value, const std::vector<std::string>& wanted) {
    const auto is_wanted = [&](const Json& v) {
        return is_simple(v) && std::find(wanted.begin(), wanted.end(), text_of(v)) != wanted.end();
    };
    return value.is_array() ? std::any_of(value.begin(), value.end(), is_wanted) : is_wanted(value);
}

ClaimFault check_times(const Json& claims, uint64_t skew_s, uint64_t wall_s) {
    const auto skew = static_cast<double>(skew_s);
    const auto now = static_cast<double>(wall_s);
    if (const auto exp = claims.find("exp"); exp != claims.end()) {
        const auto at = date_of(*exp);
        if (!at) return ClaimFault::malformed;
        if (now >= *at + skew) return ClaimFault::expired;
    }
    if (const auto nbf = claims.find("nbf"); nbf != claims.end()) {
        const auto at = date_of(*nbf);
        if (!at) return ClaimFault::malformed;
        if (now + skew < *at) return ClaimFault::not_yet_valid;
    }
    return ClaimFault::none;
}

struct Texts {
    std::vector<std::pair<std::string, std::string>> all;
    std::size_t bytes = 0;

    void add(const std::string& name, std::string value) {
        bytes += name.size() + value.size();
        if (bytes <= kMaxClaimBytes && all.size() < kMaxClaims)
            all.emplace_back(name, std::move(value));
    }
    void walk(const Json& object, const std::string& prefix, unsigned depth) {
        for (const auto& [name, value] : object.items()) {
            if (all.size() == kMaxClaims || bytes > kMaxClaimBytes) return;
            if (is_simple(value)) {
                add(prefix + name, text_of(value));
            } else if (value.is_object() && depth < kMaxNesting) {
                walk(value, prefix + name + ".", depth + 1);
            } else if (value.is_array() && std::all_of(value.begin(), value.end(), is_simple)) {
                std::string joined;
                for (const Json& item : value)
                    joined += (joined.empty() ? "" : " ") + text_of(item);
                add(prefix + name, std::move(joined));
            }
        }
    }
};

}  // namespace

const Json* find_claim(const Json& claims, std::string_view name) {
    const Json* here = &claims;
    while (true) {
        if (!here->is_object()) return nullptr;
        if (const auto found = here->find(name); found != here->end())
            return found->is_null() ? nullptr : &*found;
        const std::size_t dot = name.find('.');
        if (dot == std::string_view::npos) return nullptr;
        const auto found = here->find(name.substr(0, dot));
        if (found == here->end()) return nullptr;
        here = &*found;
        name.remove_prefix(dot + 1);
    }
}

ClaimFault check_claims(const Json& claims, const ClaimRules& rules, uint64_t wall_s) {
    if (const ClaimFault fault = check_times(claims, rules.clock_skew_s, wall_s);
        fault != ClaimFault::none)
        return fault;
    if (!rules.issuers.empty()) {
        const Json* const issuer = find_claim(claims, "iss");
        if (issuer == nullptr || !issuer->is_string() || !any_of(*issuer, rules.issuers))
            return ClaimFault::issuer;
    }
    if (!rules.audiences.empty()) {
        const Json* const audience = find_claim(claims, "aud");
        if (audience == nullptr || !any_of(*audience, rules.audiences)) return ClaimFault::audience;
    }
    for (const std::string& name : rules.required)
        if (find_claim(claims, name) == nullptr) return ClaimFault::missing;
    for (const ClaimRules::Expected& expected : rules.expected) {
        const Json* const value = find_claim(claims, expected.name);
        if (value == nullptr && expected.if_present) continue;
        if (value == nullptr) return ClaimFault::missing;
        if (!any_of(*value, expected.values)) return ClaimFault::unexpected;
    }
    return ClaimFault::none;
}

std::optional<uint64_t> good_until_s(const Json& claims, const ClaimRules& rules) {
    const auto exp = claims.find("exp");
    if (exp == claims.end()) return std::nullopt;
    const auto at = date_of(*exp);
    if (!at) return 0;
    return static_cast<uint64_t>(
        std::ceil(std::max(0.0, *at + static_cast<double>(rules.clock_skew_s))));
}

std::vector<std::pair<std::string, std::string>> claim_texts(const Json& claims) {
    Texts texts;
    texts.walk(claims, {}, 1);
    return std::move(texts.all);
}

}  // namespace glassgate::policy::jwt
