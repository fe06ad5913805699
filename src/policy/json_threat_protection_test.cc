#include "policy/json_threat_protection.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

std::string post(const std::string& type) {
    return "POST / HTTP/1.1\r\nHost: shop\r\nContent-Type: " + type +
           "\r\nContent-Length: 100\r\n\r\n";
}

class JsonThreatTest : public testing::Test {
protected:
    void use(std::vector<std::pair<std::string, Node>> settings) {
        Compiled compiled = compile("json-threat-protection", map(std::move(settings)));
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        plan_ = std::move(compiled.plan);
        policy_ = plan_->instantiate(worker_.env);
    }
    std::string body(const std::vector<std::string>& pieces,
                     const std::string& type = "application/json") {
        Call call(post(type));
        EXPECT_EQ(ask(*policy_, call), "pass");
        std::string result = "pass";
        for (std::size_t i = 0; i < pieces.size() && result == "pass"; ++i)
            if (const auto reply =
                    policy_->on_request_body(call.request, pieces[i], i + 1 == pieces.size()))
                result = verdict_text(*reply);
        policy_->on_finished(call.request, call.exchange);
        return result;
    }
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

TEST_F(JsonThreatTest, LooksAtJsonOnly) {
    use({{"maxContainerDepth", scalar("1")}});
    EXPECT_TRUE(policy_->reads_request_body());
    EXPECT_EQ(body({"[1,", "2]"}), "pass");
    EXPECT_EQ(body({"[1,", "[2]]"}), "400 too_deep: Bad Request");
    EXPECT_EQ(body({"[1,"}), "400 malformed_json: Bad Request");
    EXPECT_EQ(body({""}), "400 malformed_json: Bad Request");
    for (const char* const type :
         {"Application/JSON; charset=utf-8", "application/problem+json", "text/json"})
        EXPECT_EQ(body({"[[]]"}, type), "400 too_deep: Bad Request") << type;
    for (const char* const type : {"text/plain", "application/jsonx", "json", "application/+jso"})
        EXPECT_EQ(body({"[[]]"}, type), "pass") << type;
    Call without;
    EXPECT_EQ(ask(*policy_, without), "pass");
}

TEST_F(JsonThreatTest, AnyTypeAndEachLimit) {
    use({{"anyContentType", scalar("true")},
         {"maxObjectEntryCount", scalar("1")},
         {"maxObjectEntryNameLength", scalar("2")},
         {"maxArrayElementCount", scalar("2")},
         {"maxStringValueLength", scalar("3")}});
    EXPECT_EQ(body({R"({"a":["xyz",1]})"}, "text/plain"), "pass");
    EXPECT_EQ(body({R"({"a":1,"b":2})"}, "x/y"), "400 too_many_entries: Bad Request");
    EXPECT_EQ(body({R"({"abc":1})"}, "x/y"), "400 name_too_long: Bad Request");
    EXPECT_EQ(body({"[1,2,3]"}, "x/y"), "400 too_many_elements: Bad Request");
    EXPECT_EQ(body({R"(["wxyz"])"}, "x/y"), "400 string_too_long: Bad Request");
}

TEST_F(JsonThreatTest, RequestsAreToldApart) {
    use({});
    Call a(post("application/json")), b(post("application/json"));
    EXPECT_EQ(ask(*policy_, a), "pass");
    EXPECT_EQ(ask(*policy_, b), "pass");
    EXPECT_FALSE(policy_->on_request_body(a.request, "[1,", false));
    EXPECT_FALSE(policy_->on_request_body(b.request, "{}", true));
    EXPECT_FALSE(policy_->on_request_body(a.request, "2]", true));
    policy_->on_finished(b.request, b.exchange);
    policy_->on_finished(a.request, a.exchange);
}

TEST(JsonThreatSettings, Mistakes) {
    EXPECT_EQ(
        compile("json-threat-protection", map({{"maxContainerDepth", scalar("-2")}})).mistakes,
        "error: maxContainerDepth is '-2'; expected an integer from -1 to 1000000000\n");
}

}  // namespace
}  // namespace glassgate::policy
