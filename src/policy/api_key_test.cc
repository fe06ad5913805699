#include "policy/api_key.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

constexpr const char* kMobile = "mobile-key-0123456789";
// printf 'web-key-0123456789abc' | sha256sum
constexpr const char* kWebHash = "a7c9cb52b3412625d9f504ae59bd51b86cb2b6dcb186a565b7e1e8661b4fe992";
constexpr const char* kUnknown = "401 unknown_key: Unauthorized";

Node two_keys() {
    return list(
        {map({{"client", scalar("mobile")}, {"name", scalar("App")}, {"key", scalar(kMobile)}}),
         map({{"client", scalar("web")}, {"sha256", scalar(kWebHash)}})});
}

class ApiKeyTest : public testing::Test {
protected:
    void use(std::vector<std::pair<std::string, Node>> settings) {
        settings.emplace_back("keys", two_keys());
        Compiled compiled = compile("api-key", map(std::move(settings)));
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        plan_ = std::move(compiled.plan);
        policy_ = plan_->instantiate(worker_.env);
    }
    std::string client_of(const std::string& head) {
        Call call(head);
        const std::string verdict = ask(*policy_, call);
        if (verdict != "pass") {
            EXPECT_EQ(call.header("WWW-Authenticate"), "ApiKey");
            return verdict;
        }
        return std::string(call.request.client_id) + "/" + std::string(call.request.client_name);
    }
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

TEST_F(ApiKeyTest, KnowsItsClients) {
    use({});
    EXPECT_EQ(client_of(with_headers({std::string("x-api-key: ") + kMobile})), "mobile/App");
    EXPECT_EQ(client_of(with_headers({"X-Api-Key: web-key-0123456789abc"})), "web/");
    EXPECT_EQ(client_of(with_headers({"X-Api-Key: mobile-key-0123456780"})), kUnknown);
    EXPECT_EQ(client_of(with_headers({std::string("X-Api-Key: ") + kWebHash})), kUnknown);
    EXPECT_EQ(client_of(with_headers({"X-Api-Key:"})), "401 missing_key: Unauthorized");
    EXPECT_EQ(client_of(with_headers({})), "401 missing_key: Unauthorized");
}

TEST_F(ApiKeyTest, KeepsTheKeyToItself) {
    use({});
    Call call(with_headers({std::string("X-API-Key: ") + kMobile}));
    EXPECT_EQ(ask(*policy_, call), "pass");
    ASSERT_EQ(call.request.upstream_edits.size(), 1u);
    EXPECT_TRUE(call.request.upstream_edits[0].remove);
}

TEST_F(ApiKeyTest, InTheQuery) {
    use({{"query", scalar("api_key")}});
    EXPECT_EQ(client_of(with_headers({}, "/?api_key=web%2dkey-0123456789abc")), "web/");
    EXPECT_EQ(client_of(with_headers({}, "/?api_key=%zz")), "401 missing_key: Unauthorized");
}

TEST(ApiKeySettings, Mistakes) {
    const auto mistakes = [](std::vector<Node> keys) {
        return compile("api-key", map({{"keys", list(std::move(keys))}})).mistakes;
    };
    EXPECT_EQ(mistakes({}),
              "error: keys is not a list of keys; expected a list of maps with key or sha256, and "
              "client\n");
    EXPECT_EQ(mistakes({map({{"client", scalar("a")}, {"key", scalar("short")}})}),
              "error: a key of 5 bytes; expected at least 16, so that it cannot be guessed\n");
    EXPECT_EQ(mistakes({map({{"client", scalar("a")}, {"sha256", scalar("xyz")}})}),
              "error: sha256 is not a hash; expected 64 hexadecimal digits\n");
    EXPECT_EQ(mistakes({map({{"client", scalar("a")}})}),
              "error: a key that is not one of the two kinds; expected one of key or sha256\n");
    EXPECT_EQ(mistakes({map({{"client", scalar("a")}, {"key", scalar(kMobile)}}),
                        map({{"client", scalar("b")}, {"key", scalar(kMobile)}})}),
              "error: the same key twice\n");
    EXPECT_EQ(compile("api-key", map({{"keys", two_keys()}, {"header", scalar("a b")}})).mistakes,
              "error: the key's place is 'a b'; expected a name\n");
}

}  // namespace
}  // namespace glassgate::policy
