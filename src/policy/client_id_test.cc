#include "policy/client_id.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

Node all_sources() {
    return list({map({{"header", scalar("client_id")}}), map({{"query", scalar("client_id")}}),
                 map({{"basic", scalar("true")}})});
}

class ClientIdTest : public testing::Test {
protected:
    void use(std::vector<std::pair<std::string, Node>> settings) {
        Compiled compiled = compile("client-id", map(std::move(settings)));
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        plan_ = std::move(compiled.plan);
        policy_ = plan_->instantiate(worker_.env);
    }
    // The id found, or the refusal.
    std::string id_of(const std::string& head) {
        Call call(head);
        const std::string verdict = ask(*policy_, call);
        return verdict == "pass" ? "id=" + std::string(call.request.client_id) : verdict;
    }
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

constexpr const char* kMissing = "401 missing_client_id: Client ID is not present";
constexpr const char* kInvalid = "401 invalid_client_id: Client ID is not valid";
constexpr const char* kAladdin = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

TEST_F(ClientIdTest, TheFirstSourceThatIsPresentWins) {
    use({{"sources", all_sources()}});
    EXPECT_EQ(id_of(with_headers({"Client_Id: mob-4f7a", kAladdin}, "/?client_id=web")),
              "id=mob-4f7a");
    EXPECT_EQ(id_of(with_headers({kAladdin}, "/?client_id=web%2d1")), "id=web-1");
    EXPECT_EQ(id_of(with_headers({kAladdin}, "/?other=1")), "id=Aladdin");
    EXPECT_EQ(id_of(with_headers({"client_id:", kAladdin}, "/?client_id=")),
              "id=Aladdin");  // empty is absent
    EXPECT_EQ(id_of(with_headers({"Authorization: Bearer x"})), "id=");
}

TEST_F(ClientIdTest, DefaultIsTheHeader) {
    use({});
    EXPECT_EQ(id_of(with_headers({"client_id: a"})), "id=a");
    EXPECT_EQ(id_of(with_headers({}, "/?client_id=a")), "id=");
}

TEST_F(ClientIdTest, OtherHeaders) {
    use({{"sources", list({map({{"header", scalar("X-Api-Key")}})})}});
    EXPECT_EQ(id_of(with_headers({"x-api-key: a"})), "id=a");
}

TEST_F(ClientIdTest, RequiredRefusesWhoHasNone) {
    use({{"sources", all_sources()}, {"required", scalar("true")}});
    Call call;
    const Verdict verdict = policy_->on_request(call.request);
    EXPECT_EQ(verdict_text(verdict), kMissing);
    EXPECT_EQ(std::get<Reply>(verdict).ending, model::Ending::auth_failed);
    EXPECT_EQ(call.header("WWW-Authenticate"), "Basic realm=\"test-gateway\"");
    EXPECT_EQ(id_of(with_headers({"client_id: a"})), "id=a");
}

TEST_F(ClientIdTest, ChallengeWithoutBasic) {
    use({{"required", scalar("true")}});
    Call call;
    EXPECT_EQ(ask(*policy_, call), kMissing);
    EXPECT_EQ(call.header("WWW-Authenticate"), "Client-ID-Enforcement");
}

TEST_F(ClientIdTest, MalformedIdsAreRefused) {
    use({{"sources", all_sources()}});
    const std::string longest(256, 'x');
    EXPECT_EQ(id_of(with_headers({"client_id: " + longest})), "id=" + longest);
    EXPECT_EQ(id_of(with_headers({"client_id: " + longest + "x"})), kInvalid);
    EXPECT_EQ(id_of(with_headers({"client_id: a\tb"})), kInvalid);
    EXPECT_EQ(id_of(with_headers({"client_id: caf\xE9"})), kInvalid);
    EXPECT_EQ(id_of(with_headers({}, "/?client_id=a%0Ab")), kInvalid);
    EXPECT_EQ(id_of(with_headers({}, "/?client_id=a%zz")), kInvalid);
    EXPECT_EQ(id_of(with_headers({}, "/?client_id=%00")), kInvalid);
    EXPECT_EQ(id_of(with_headers({"Authorization: Basic !"})), kInvalid);
    EXPECT_EQ(id_of(with_headers({}, "/?client_id=caf%C3%A9")), "id=caf\xC3\xA9");
    Call call(with_headers({"client_id: a\tb"}));
    EXPECT_EQ(ask(*policy_, call), kInvalid);
    EXPECT_EQ(call.header("WWW-Authenticate"), "Basic realm=\"test-gateway\"");
    EXPECT_EQ(call.request.client_id, "");
}

TEST_F(ClientIdTest, NameHeader) {
    use({{"nameHeader", scalar("user-agent")}});
    Call call(with_headers({"User-Agent: mobile-app v3.2"}));
    EXPECT_EQ(ask(*policy_, call), "pass");
    EXPECT_EQ(call.request.client_name, "mobile-app v3.2");
    Call lengthy(with_headers({"User-Agent: " + std::string(255, 'x') + "\xC3\xA9"}));
    EXPECT_EQ(ask(*policy_, lengthy), "pass");
    EXPECT_EQ(lengthy.request.client_name, std::string(255, 'x'));
}

TEST(ClientIdSettings, Mistakes) {
    const auto mistakes = [](Node sources) {
        return compile("client-id", map({{"sources", std::move(sources)}})).mistakes;
    };
    EXPECT_EQ(mistakes(scalar("header")),
              "error: sources is not a list of sources; expected a list of 'header: NAME', 'query: "
              "NAME' or "
              "'basic: true'\n");
    EXPECT_EQ(mistakes(list({})),
              "error: sources is not a list of sources; expected a list of 'header: NAME', 'query: "
              "NAME' or "
              "'basic: true'\n");
    EXPECT_EQ(mistakes(list({map({{"headr", scalar("x")}})})),
              "error: a source that is not one of the three kinds; expected 'header: NAME', "
              "'query: NAME' or "
              "'basic: true'\n"
              "error: unknown key 'headr' in a source of client-id (did you mean 'header'?); "
              "expected header, query "
              "or basic\n");
    EXPECT_EQ(mistakes(list({map({{"header", scalar("a")}, {"query", scalar("b")}})})),
              "error: a source that is not one of the three kinds; expected 'header: NAME', "
              "'query: NAME' or "
              "'basic: true'\n");
    EXPECT_EQ(mistakes(list({map({{"header", scalar("a b")}})})),
              "error: header is 'a b'; expected the name of a header\n");
    EXPECT_EQ(mistakes(list({map({{"query", scalar("")}})})),
              "error: query is empty; expected the name of a query parameter\n");
    EXPECT_EQ(mistakes(list({map({{"basic", scalar("false")}})})),
              "error: sources names no source; expected 'header: NAME', 'query: NAME' or 'basic: "
              "true'\n");
    EXPECT_EQ(mistakes(list({map({{"basic", scalar("maybe")}}), scalar("x")})),
              "error: basic is 'maybe'; expected true or false\n"
              "error: a source of client-id is 'x'; expected a map of keys and values\n");
    EXPECT_EQ(compile("client-id", map({{"required", scalar("1")}, {"nameHeader", scalar("a:")}}))
                  .mistakes,
              "error: required is '1'; expected true or false\n"
              "error: header is 'a:'; expected the name of a header\n");
}

}  // namespace
}  // namespace glassgate::policy
