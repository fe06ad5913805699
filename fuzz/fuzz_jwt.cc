// Tokens and key sets from strangers. The first byte says which.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/jwt/claims.h"
#include "policy/jwt/key_set.h"
#include "policy/jwt/token.h"

using namespace glassgate::policy::jwt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] == 'k') {
        if (const auto keys = parse_key_set(text);
            keys && (keys->empty() || keys->size() > kMaxKeys))
            std::abort();
        return 0;
    }
    if (data[0] == 'c') {  // claims alone
        const nlohmann::json claims = parse_object(text);
        if (claims.is_discarded()) return 0;
        const ClaimRules rules{{"a"}, {"b"}, {"c", "d.e"}, {{"f", {"1"}, false}}, 30};
        (void)check_claims(claims, rules, 1'700'000'000);
        (void)good_until_s(claims, rules);
        std::size_t bytes = 0;
        for (const auto& [name, value] : claim_texts(claims)) bytes += name.size() + value.size();
        if (bytes > 4096) std::abort();
        return 0;
    }
    const auto token = parse_token(text);
    if (!token) return 0;
    if (!text.starts_with(token->signed_part) || !token->claims.is_object()) std::abort();
    static const std::vector<Key> keys = [] {
        std::vector<Key> all;
        all.push_back(std::move(*Key::from_secret("0123456789abcdef0123456789abcdef")));
        return all;
    }();
    // Whoever does not know the secret cannot make a token of it.
    if (prove(*token, keys) == Proof::good && token->algorithm != Algorithm::hs256) std::abort();
    return 0;
}
