#include "policy/cors.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

std::string preflight(const std::string& origin, const std::string& method,
                      const std::string& headers = {}) {
    std::string text = "OPTIONS /x HTTP/1.1\r\nHost: shop\r\nOrigin: " + origin +
                       "\r\nAccess-Control-Request-Method: " + method + "\r\n";
    if (!headers.empty()) text += "Access-Control-Request-Headers: " + headers + "\r\n";
    return text + "\r\n";
}

class CorsTest : public testing::Test {
protected:
    void use(std::vector<std::pair<std::string, Node>> settings) {
        Compiled compiled = compile("cors", map(std::move(settings)));
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        plan_ = std::move(compiled.plan);
        policy_ = plan_->instantiate(worker_.env);
    }
    // What a preflight is told: origin, methods, headers.
    std::string told(const std::string& text) {
        Call call(text);
        EXPECT_EQ(ask(*policy_, call), "204 preflight: ");
        policy_->on_response(call.request, {204, nullptr});
        EXPECT_NE(call.header("Vary").find("Origin"), std::string::npos);
        return call.header("Access-Control-Allow-Origin") + "; " +
               call.header("Access-Control-Allow-Methods") + "; " +
               call.header("Access-Control-Allow-Headers");
    }
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

TEST_F(CorsTest, Preflights) {
    use({{"origins", list({scalar("https://shop.example"), scalar("https://*.example.org")})},
         {"methods", list({scalar("GET"), scalar("PUT")})},
         {"headers", list({scalar("Content-Type"), scalar("X-A")})}});
    EXPECT_EQ(told(preflight("https://shop.example", "PUT")), "https://shop.example; GET, PUT; -");
    EXPECT_EQ(told(preflight("https://a.b.example.org", "GET", "x-a, content-type")),
              "https://a.b.example.org; GET, PUT; Content-Type, X-A");
    constexpr const char* kNothing = "-; -; -";
    for (const std::string& refused :
         {preflight("https://shop.example.evil", "GET"), preflight("http://shop.example", "GET"),
          preflight("https://example.org", "GET"), preflight("https://.example.org", "GET"),
          preflight("https://shop.example", "DELETE"), preflight("https://shop.example", "put"),
          preflight("https://shop.example", "GET", "x-a, x-b")})
        EXPECT_EQ(told(refused), kNothing) << refused;
}

TEST_F(CorsTest, OtherRequestsPass) {
    use({{"origins", scalar("https://shop.example")}, {"exposedHeaders", scalar("X-Total")}});
    Call call("OPTIONS / HTTP/1.1\r\nHost: shop\r\nOrigin: https://shop.example\r\n\r\n");
    EXPECT_EQ(ask(*policy_, call), "pass");
    policy_->on_response(call.request, {200, nullptr});
    EXPECT_EQ(call.header("Access-Control-Allow-Origin"), "https://shop.example");
    EXPECT_EQ(call.header("Access-Control-Expose-Headers"), "X-Total");
    EXPECT_EQ(call.header("Vary"), "Origin");
    Call stranger(with_headers({"Origin: https://evil.example"}));
    EXPECT_EQ(ask(*policy_, stranger), "pass");
    policy_->on_response(stranger.request, {200, nullptr});
    EXPECT_EQ(stranger.header("Access-Control-Allow-Origin"), "");  // the upstream's is taken away
    EXPECT_EQ(stranger.header("Vary"), "Origin");
}

TEST_F(CorsTest, KeepsWhatTheUpstreamVariesBy) {
    use({});
    const auto vary = [&](const std::string& line) {
        Call call(with_headers({"Origin: https://a.example"}));
        EXPECT_EQ(ask(*policy_, call), "pass");
        http::ResponseHead head;
        head.headers.push_back({"Vary", line, http::KnownHeader::other});
        policy_->on_response(call.request, {200, &head});
        EXPECT_EQ(call.header("Access-Control-Allow-Origin"), "*");
        return call.header("Vary");
    };
    EXPECT_EQ(vary("Accept, Accept-Encoding"), "Accept, Accept-Encoding, Origin");
    EXPECT_EQ(vary("accept, origin"), "-");
    EXPECT_EQ(vary("*"), "-");
}

TEST_F(CorsTest, Credentials) {
    use({{"supportCredentials", scalar("true")},
         {"originGroups",
          list({map({{"origins", scalar("https://a.example")}, {"headers", scalar("*")}}),
                map({{"origins", scalar("https://b.example")},
                     {"methods", scalar("DELETE")},
                     {"accessControlMaxAge", scalar("600")}})})}});
    EXPECT_EQ(told(preflight("https://a.example", "POST", "authorization")),
              "https://a.example; GET, HEAD, POST; authorization");
    Call call(preflight("https://b.example", "DELETE"));
    EXPECT_EQ(ask(*policy_, call), "204 preflight: ");
    EXPECT_EQ(call.header("Access-Control-Max-Age"), "600");
    EXPECT_EQ(call.header("Access-Control-Allow-Credentials"), "true");
}

TEST(CorsSettings, Mistakes) {
    EXPECT_EQ(
        compile("cors",
                map({{"origins", list({scalar("shop.example"), scalar("https://a.example/")})}}))
            .mistakes,
        "error: origins has 'shop.example'; expected https://shop.example.com, "
        "https://*.example.com or *\n"
        "error: origins has 'https://a.example/'; expected https://shop.example.com, "
        "https://*.example.com or *\n");
    EXPECT_EQ(compile("cors", map({{"supportCredentials", scalar("true")}})).mistakes,
              "error: supportCredentials for any origin would let every page act as its visitor; "
              "expected the origins that may, by name\n");
    EXPECT_EQ(
        compile("cors", map({{"methods", scalar("G T")}, {"originGroups", list({})}})).mistakes,
        "error: methods has 'G T'; expected a name\n"
        "error: methods beside originGroups; expected it within each group\n"
        "error: originGroups is not a list of groups; expected a list of maps with origins\n");
}

}  // namespace
}  // namespace glassgate::policy
