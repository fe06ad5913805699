#include "policy/ip_filter.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

class IpFilterTest : public testing::Test {
protected:
    void use(std::string_view kind, std::vector<std::pair<std::string, Node>> settings) {
        Compiled compiled = compile(kind, map(std::move(settings)));
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        plan_ = std::move(compiled.plan);
        policy_ = plan_->instantiate(worker_.env);
    }
    std::string from(const std::string& address, const std::vector<std::string>& headers = {}) {
        Call call(with_headers(headers), address);
        return ask(*policy_, call);
    }
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

TEST_F(IpFilterTest, Allowlist) {
    use("ip-allowlist", {{"ips", list({scalar("10.0.0.0/8"), scalar("2001:db8::1")})}});
    EXPECT_EQ(from("10.1.2.3"), "pass");
    EXPECT_EQ(from("2001:db8::1"), "pass");
    EXPECT_EQ(from("11.1.2.3"), "403 address_not_allowed: Forbidden");
    EXPECT_EQ(from("?"), "403 address_unknown: Forbidden");
}

TEST_F(IpFilterTest, Blocklist) {
    use("ip-blocklist", {{"ips", scalar("198.51.100.0/24")}});
    EXPECT_EQ(from("198.51.100.9"), "403 address_blocked: Forbidden");
    EXPECT_EQ(from("198.51.101.9"), "pass");
    EXPECT_EQ(from(""), "403 address_unknown: Forbidden");
}

TEST_F(IpFilterTest, CountsHopsFromTheEnd) {
    use("ip-allowlist", {{"ips", scalar("10.0.0.1")}, {"trustedHops", scalar("2")}});
    EXPECT_EQ(from("9.9.9.9", {"X-Forwarded-For: 10.0.0.1, 192.0.2.1"}), "pass");
    EXPECT_EQ(from("9.9.9.9", {"X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 192.0.2.1"}), "pass");
    // What a client writes itself stands further left, and is not looked at.
    EXPECT_EQ(from("9.9.9.9", {"X-Forwarded-For: 10.0.0.1, 8.8.8.8, 192.0.2.1"}),
              "403 address_not_allowed: Forbidden");
    EXPECT_EQ(from("10.0.0.1", {"X-Forwarded-For: 10.0.0.1"}), "403 address_unknown: Forbidden");
    EXPECT_EQ(from("10.0.0.1"), "403 address_unknown: Forbidden");
}

TEST(IpFilterSettings, Mistakes) {
    EXPECT_EQ(compile("ip-allowlist", map({})).mistakes,
              "error: policy ip-allowlist has no key 'ips'\n");
    EXPECT_EQ(compile("ip-blocklist", map({{"ips", list({scalar("x")})}})).mistakes,
              "error: ips has 'x'; expected an address, a network such as 10.0.0.0/8, or the "
              "beginning of an IPv4 address\n");
    EXPECT_EQ(compile("ip-blocklist", map({{"ips", list({})}})).mistakes,
              "error: ips is empty; expected at least one address or network\n");
}

}  // namespace
}  // namespace glassgate::policy
