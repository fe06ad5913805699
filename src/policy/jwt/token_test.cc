#include "policy/jwt/token.h"

#include <gtest/gtest.h>

#include "policy/jwt/claims.h"
#include "policy/jwt/sign_test.h"
#include "policy/jwt/token_cache.h"

namespace glassgate::policy::jwt {
namespace {

std::string fault_of(const std::string& text) {
    const auto token = parse_token(text);
    if (token) return "none";
    return token.error() == TokenFault::malformed   ? "malformed"
           : token.error() == TokenFault::algorithm ? "algorithm"
                                                    : "critical";
}
std::string with_header(std::string_view header) { return fault_of(token_of("{}", header)); }

TEST(JwtToken, TakesApart) {
    const std::string text =
        token_of(R"({"sub":"u"})", R"({"alg":"HS256","kid":"k1","typ":"JWT"})");
    const auto token = parse_token(text);
    ASSERT_TRUE(token);
    EXPECT_EQ(token->algorithm, Algorithm::hs256);
    EXPECT_EQ(token->key_id, "k1");
    EXPECT_EQ(token->claims["sub"], "u");
    EXPECT_EQ(token->signature, hs256(token->signed_part));
}

TEST(JwtToken, RefusesWhatProvesNothing) {
    EXPECT_EQ(with_header(R"({"alg":"none"})"), "algorithm");
    EXPECT_EQ(with_header(R"({"alg":"None"})"), "algorithm");
    EXPECT_EQ(with_header(R"({"alg":"hs256"})"), "algorithm");
    EXPECT_EQ(with_header(R"({"alg":""})"), "algorithm");
    EXPECT_EQ(with_header(R"({"alg":"HS256","crit":["exp"]})"), "critical");
    EXPECT_EQ(with_header(R"({"alg":"HS256","crit":[]})"), "critical");
    EXPECT_EQ(with_header(R"({"alg":["HS256"]})"), "malformed");
    EXPECT_EQ(with_header(R"({"alg":"HS256","kid":7})"), "malformed");
    EXPECT_EQ(with_header(R"({})"), "malformed");
    EXPECT_EQ(with_header(R"([])"), "malformed");
    EXPECT_EQ(with_header("{\"alg\":\"HS256\",\"kid\":\"\xff\"}"), "malformed");
}

TEST(JwtToken, RefusesWhatIsNone) {
    const std::string good = token_of("{}");
    EXPECT_EQ(fault_of(good), "none");
    for (const std::string& text :
         {std::string(), std::string("a"), std::string("a.b"), std::string(".."), good + ".",
          good + ".x.y", good + "=", "=" + good, good + "\n", " " + good})
        EXPECT_EQ(fault_of(text), "malformed") << text;
    EXPECT_EQ(fault_of(token_of("[]")), "malformed");
    EXPECT_EQ(fault_of(token_of("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}")),
              "malformed");
    EXPECT_EQ(fault_of(token_of("{\"a\":\"" + std::string(kMaxTokenBytes, 'x') + "\"}")),
              "malformed");
}

// ---- claims

std::string check(std::string_view claims, const ClaimRules& rules, uint64_t wall_s = 1000) {
    constexpr const char* kNames[] = {"none",   "malformed", "expired", "not_yet_valid",
                                      "issuer", "audience",  "missing", "unexpected"};
    return kNames[static_cast<std::size_t>(check_claims(parse_object(claims), rules, wall_s))];
}

TEST(JwtClaims, Times) {
    ClaimRules rules;
    EXPECT_EQ(check(R"({"exp":1001})", rules), "none");
    EXPECT_EQ(check(R"({"exp":1000})", rules), "expired");
    EXPECT_EQ(check(R"({"exp":1000.5})", rules), "none");
    EXPECT_EQ(check(R"({"nbf":1000})", rules), "none");
    EXPECT_EQ(check(R"({"nbf":1001})", rules), "not_yet_valid");
    EXPECT_EQ(check(R"({"exp":"1001"})", rules), "malformed");
    EXPECT_EQ(check(R"({"exp":null})", rules), "malformed");
    EXPECT_EQ(check(R"({"exp":1e300})", rules), "none");
    EXPECT_EQ(check(R"({"exp":-1e300})", rules), "expired");
    rules.clock_skew_s = 30;
    EXPECT_EQ(check(R"({"exp":971})", rules), "none");
    EXPECT_EQ(check(R"({"exp":970})", rules), "expired");
    EXPECT_EQ(check(R"({"nbf":1030})", rules), "none");
    EXPECT_EQ(check(R"({"nbf":1031})", rules), "not_yet_valid");
    EXPECT_EQ(good_until_s(parse_object(R"({"exp":971})"), rules), 1001u);
    EXPECT_EQ(good_until_s(parse_object("{}"), rules), std::nullopt);
}

TEST(JwtClaims, IssuerAndAudience) {
    ClaimRules rules;
    rules.issuers = {"a", "b"};
    rules.audiences = {"x"};
    EXPECT_EQ(check(R"({"iss":"b","aud":"x"})", rules), "none");
    EXPECT_EQ(check(R"({"iss":"b","aud":["y","x"]})", rules), "none");
    EXPECT_EQ(check(R"({"iss":"c","aud":"x"})", rules), "issuer");
    EXPECT_EQ(check(R"({"iss":["a"],"aud":"x"})", rules), "issuer");
    EXPECT_EQ(check(R"({"aud":"x"})", rules), "issuer");
    EXPECT_EQ(check(R"({"iss":"a","aud":[]})", rules), "audience");
    EXPECT_EQ(check(R"({"iss":"a","aud":{"x":1}})", rules), "audience");
    EXPECT_EQ(check(R"({"iss":"a"})", rules), "audience");
}

TEST(JwtClaims, RequiredAndExpected) {
    ClaimRules rules;
    rules.required = {"org_id"};
    rules.expected = {{"realm.roles", {"admin", "user"}, false}, {"level", {"3"}, true}};
    EXPECT_EQ(check(R"({"org_id":1,"realm":{"roles":["x","user"]}})", rules), "none");
    EXPECT_EQ(check(R"({"org_id":1,"realm.roles":"admin","level":3})", rules), "none");
    EXPECT_EQ(check(R"({"org_id":null,"realm":{"roles":"user"}})", rules), "missing");
    EXPECT_EQ(check(R"({"org_id":1,"realm":"user"})", rules), "missing");
    EXPECT_EQ(check(R"({"org_id":1,"realm":{"roles":["x"]}})", rules), "unexpected");
    EXPECT_EQ(check(R"({"org_id":1,"realm":{"roles":"user"},"level":4})", rules), "unexpected");
}

TEST(JwtClaims, AsText) {
    const auto texts = claim_texts(parse_object(
        R"({"sub":"u","n":7,"b":true,"aud":["x","y"],"o":{"p":{"q":"deep"}},"z":null,"m":[[1]]})"));
    std::string all;
    for (const auto& [name, value] : texts) all += name + "=" + value + ";";
    EXPECT_EQ(all, "aud=x y;b=true;n=7;o.p.q=deep;sub=u;");
    std::string many = "{";
    for (int i = 0; i < 100; ++i) many += (i ? ",\"" : "\"") + std::to_string(i) + "\":1";
    EXPECT_EQ(claim_texts(parse_object(many + "}")).size(), 64u);
    EXPECT_TRUE(claim_texts(parse_object("{\"a\":\"" + std::string(5000, 'x') + "\"}")).empty());
}

// ---- the cache

Verified verified(std::string token, uint64_t until = UINT64_MAX) {
    return {std::move(token), until, {{"sub", "u"}}};
}

TEST(TokenCache, RemembersUntilTheTokenIsOver) {
    TokenCache cache(100);
    EXPECT_EQ(cache.find("a", 0), nullptr);
    EXPECT_EQ(cache.put(verified("a", 100))->claims[0].second, "u");
    ASSERT_NE(cache.find("a", 99), nullptr);
    EXPECT_EQ(cache.find("b", 99), nullptr);
    EXPECT_EQ(cache.find("a", 100), nullptr);
    EXPECT_EQ(cache.find("a", 99), nullptr);  // gone for good
    cache.put(verified("c"));
    cache.clear();
    EXPECT_EQ(cache.find("c", 0), nullptr);
}

TEST(TokenCache, IsBoundedAndKeepsWhatIsUsed) {
    TokenCache cache(4);  // one set
    for (const char* const name : {"a", "b", "c", "d"}) cache.put(verified(name));
    EXPECT_NE(cache.find("a", 0), nullptr);
    cache.put(verified("e"));
    EXPECT_NE(cache.find("a", 0), nullptr);
    EXPECT_EQ(cache.find("b", 0), nullptr);
    EXPECT_NE(cache.find("e", 0), nullptr);
}

TEST(TokenCache, OfNothingKeepsNothing) {
    TokenCache cache(0);
    EXPECT_EQ(cache.put(verified("a"))->token, "a");
    EXPECT_EQ(cache.find("a", 0), nullptr);
}

}  // namespace
}  // namespace glassgate::policy::jwt
