#include "policy/jwt_validation.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"
#include "policy/jwt/sign_test.h"

namespace glassgate::policy {
namespace {

using jwt::token_of;

constexpr uint64_t kNowS = 1'700'000'000;
constexpr const char* kInvalid = "Invalid token.";

Node secret_key() { return list({map({{"secret", scalar(std::string(jwt::kSecret))}})}); }

class JwtValidationTest : public testing::Test {
protected:
    void use(std::vector<std::pair<std::string, Node>> settings) {
        settings.emplace_back("keys", secret_key());
        Compiled compiled = compile("jwt-validation", map(std::move(settings)));
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        plan_ = std::move(compiled.plan);
        policy_ = plan_->instantiate(worker_.env);
    }
    std::string ask_at(Call& call, uint64_t wall_s = kNowS) {
        call.exchange.opened_wall_ns = wall_s * kNsPerSecond;
        return ask(*policy_, call);
    }
    std::string verdict(const std::string& token, uint64_t wall_s = kNowS) {
        Call call(with_headers({"Authorization: Bearer " + token}));
        return ask_at(call, wall_s);
    }
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

std::string until(uint64_t exp_s, const std::string& more = {}) {
    return token_of("{\"exp\":" + std::to_string(exp_s) + more + "}");
}
std::string refused(const std::string& reason) { return "401 " + reason + ": " + kInvalid; }

TEST_F(JwtValidationTest, AdmitsAGoodTokenAndTellsItsClaims) {
    use({{"clientId", scalar("azp")},
         {"claimHeaders", map({{"sub", scalar("X-User")}, {"tenant", scalar("X-Tenant")}})}});
    for (int round = 0; round < 2; ++round) {  // the second from memory
        Call call(with_headers({"authorization: bearer " +
                                until(kNowS + 60, R"(,"sub":"u1","org_id":7,"azp":"app")")}));
        EXPECT_EQ(ask_at(call), "pass");
        EXPECT_EQ(call.request.claim("sub"), "u1");
        EXPECT_EQ(call.request.claim("org_id"), "7");
        EXPECT_EQ(call.request.client_id, "app");
        ASSERT_EQ(call.request.upstream_edits.size(), 2u);
        EXPECT_EQ(call.request.upstream_edits[0].value, "u1");
        EXPECT_TRUE(call.request.upstream_edits[1].remove);
    }
}

TEST_F(JwtValidationTest, RefusalsSayNoMoreThanTheyMust) {
    use({});
    Call none;
    EXPECT_EQ(ask_at(none), "400 missing_token: JWT Token is required.");
    EXPECT_EQ(none.header("WWW-Authenticate"), "Bearer");
    Call basic(with_headers({"Authorization: Basic QTpC"}));
    EXPECT_EQ(ask_at(basic), "400 missing_token: JWT Token is required.");
    Call two(with_headers({"Authorization: Bearer " + until(kNowS + 60),
                           "Authorization: Bearer " + until(kNowS + 60)}));
    EXPECT_EQ(ask_at(two), refused("malformed_token"));
    EXPECT_EQ(verdict("x"), refused("malformed_token"));
    EXPECT_EQ(verdict(until(kNowS + 60) + "!"), refused("malformed_token"));
    EXPECT_EQ(verdict(until(kNowS + 60) + "x"), refused("bad_signature"));
    EXPECT_EQ(verdict(token_of("{}", R"({"alg":"none"})")), refused("algorithm_refused"));
    EXPECT_EQ(verdict(token_of("{}", R"({"alg":"HS256","crit":["b64"]})")),
              refused("critical_header"));
    EXPECT_EQ(verdict(token_of("{}", R"({"alg":"HS256"})", std::string(32, 'x'))),
              refused("bad_signature"));
    // Signed with the public key as a secret: there is no secret, whatever the header says.
    EXPECT_EQ(verdict(token_of("{}", R"({"alg":"RS256"})")), refused("unknown_key"));
    EXPECT_EQ(verdict(token_of("{}")), refused("missing_claim"));
    Call call(with_headers({"Authorization: Bearer x"}));
    call.request.now_ns = 0;
    const Verdict bad = policy_->on_request(call.request);
    EXPECT_EQ(std::get<Reply>(bad).ending, model::Ending::auth_failed);
}

TEST_F(JwtValidationTest, ForgetsATokenThatIsOver) {
    use({{"clockSkewSeconds", scalar("10")}});
    const std::string token = until(kNowS + 60);
    EXPECT_EQ(verdict(token), "pass");
    EXPECT_EQ(verdict(token, kNowS + 69), "pass");
    EXPECT_EQ(verdict(token, kNowS + 70), refused("token_expired"));
    EXPECT_EQ(verdict(until(kNowS + 60, ",\"nbf\":" + std::to_string(kNowS + 11))),
              refused("token_not_yet_valid"));
}

TEST_F(JwtValidationTest, ChecksClaims) {
    use({{"issuer", scalar("me")},
         {"audience", list({scalar("a"), scalar("b")})},
         {"requiredClaims", list({scalar("sub")})},
         {"expectedClaims", map({{"org_id", list({scalar("1"), scalar("2")})}})}});
    const auto say = [&](const std::string& claims) { return verdict(token_of(claims)); };
    EXPECT_EQ(say(R"({"iss":"me","aud":"b","sub":"u","org_id":2})"), "pass");
    EXPECT_EQ(say(R"({"iss":"you","aud":"b","sub":"u","org_id":2})"), refused("wrong_issuer"));
    EXPECT_EQ(say(R"({"iss":"me","aud":"c","sub":"u","org_id":2})"), refused("wrong_audience"));
    EXPECT_EQ(say(R"({"iss":"me","aud":"b","org_id":2})"), refused("missing_claim"));
    EXPECT_EQ(say(R"({"iss":"me","aud":"b","sub":"u","org_id":3})"), refused("wrong_claim"));
}

TEST_F(JwtValidationTest, OtherPlacesForTheToken) {
    use({{"token", map({{"header", scalar("X-Token")}})}, {"forwardToken", scalar("false")}});
    Call call(with_headers({"X-Token: " + until(kNowS + 60)}));
    EXPECT_EQ(ask_at(call), "pass");
    ASSERT_EQ(call.request.upstream_edits.size(), 1u);
    EXPECT_EQ(call.request.upstream_edits[0].name, "X-Token");
    EXPECT_TRUE(call.request.upstream_edits[0].remove);
}

TEST_F(JwtValidationTest, TokenInTheQuery) {
    use({{"token", map({{"query", scalar("t")}})}});
    Call call(with_headers({}, "/?a=1&t=" + until(kNowS + 60)));
    EXPECT_EQ(ask_at(call), "pass");
}

TEST_F(JwtValidationTest, TokenByExpression) {
    use({{"token", map({{"expression", scalar("#[(attributes.headers['x'] splitBy '/')[1]]")}})}});
    Call call(with_headers({"X: a/" + until(kNowS + 60) + "/b"}));
    EXPECT_EQ(ask_at(call), "pass");
    Call none(with_headers({"X: a"}));
    EXPECT_EQ(ask_at(none), "400 missing_token: JWT Token is required.");
}

TEST_F(JwtValidationTest, AllowsOnlyTheAlgorithmsNamed) {
    use({{"algorithms", list({scalar("HS256")})}});
    EXPECT_EQ(verdict(token_of("{}", R"({"alg":"HS384"})")), refused("algorithm_refused"));
    EXPECT_EQ(verdict(until(kNowS + 60)), "pass");
}

std::string mistakes(std::vector<std::pair<std::string, Node>> settings) {
    return compile("jwt-validation", map(std::move(settings))).mistakes;
}

TEST(JwtSettings, Mistakes) {
    EXPECT_EQ(mistakes({}), "error: policy jwt-validation has neither keys nor jwksUrl\n");
    EXPECT_EQ(mistakes({{"keys", list({map({{"secret", scalar("short")}})})}}),
              "error: a key that fits none of the algorithms; expected for HS256 a secret of at "
              "least 32 bytes, for HS384 48, for HS512 64\n");
    EXPECT_EQ(mistakes({{"keys", list({map({{"pem", scalar("x")}, {"jwks", scalar("y")}})})}}),
              "error: a key that is not one of the four kinds; expected one of pem, secret, "
              "secretBase64 or jwks\n");
    EXPECT_EQ(mistakes({{"keys", list({map({{"pem", scalar("x")}})})}}),
              "error: not a public key or certificate in PEM\n");
    EXPECT_EQ(mistakes({{"keys", list({map({{"secretBase64", scalar("!")}})})}}),
              "error: secretBase64 is not base64\n");
    EXPECT_EQ(mistakes({{"keys", secret_key()}, {"algorithms", list({scalar("RS265")})}}),
              "error: unknown algorithm 'RS265' (did you mean 'RS256'?); expected some of RS256, "
              "RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, "
              "HS512\n");
    EXPECT_EQ(mistakes({{"keys", secret_key()},
                        {"algorithms", list({scalar("RS256"), scalar("HS256")})}}),
              "error: no key fits RS256\n");
    EXPECT_EQ(mistakes({{"jwksUrl", scalar("ftp://x")}}),
              "error: jwksUrl is 'ftp://x'; expected an http or https URL\n");
    EXPECT_EQ(mistakes({{"keys", secret_key()}, {"jwksTimeoutMs", scalar("500")}}),
              "error: jwksTimeoutMs without jwksUrl\n");
    EXPECT_EQ(mistakes({{"keys", secret_key()}, {"token", map({{"header", scalar("a b")}})}}),
              "error: token says not where it stands; expected 'bearer: true', 'header: NAME', "
              "'query: NAME' or 'expression: #[...]'\n");
    EXPECT_EQ(mistakes({{"keys", secret_key()}, {"expectedClaims", map({{"a", list({})}})}}),
              "error: claim 'a' has no value to compare; expected a text, or a list of texts\n");
    EXPECT_EQ(mistakes({{"keys", secret_key()}, {"claimHeaders", map({{"a", scalar("")}})}}),
              "error: claim 'a' has no header; expected the name of a header\n");
}

}  // namespace
}  // namespace glassgate::policy
