#include "policy/rate_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

std::unique_ptr<PolicyPlan> plan(std::vector<std::pair<std::string, Node>> settings, int nth = 1) {
    Compiled compiled = compile("rate-limit", map(std::move(settings)), "catalog", "products", nth);
    EXPECT_TRUE(compiled.plan) << compiled.mistakes;
    return std::move(compiled.plan);
}

class RateLimitTest : public testing::Test {
protected:
    void use(std::vector<std::pair<std::string, Node>> settings) {
        plan_ = plan(std::move(settings));
        policy_ = plan_->instantiate(worker_.env);
    }
    std::string ask_as(std::string_view client_id, uint64_t now_ms = 0) {
        Call call;
        call.request.client_id = client_id;
        return ask(*policy_, call, now_ms);
    }
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

constexpr const char* kRefused = "429 rate_limited: Too Many Requests";

TEST_F(RateLimitTest, RefusesAboveTheLimitAndRecordsIt) {
    use({{"limit", scalar("100/min")}});
    EXPECT_EQ(plan_->summary(), "100/min");
    for (int i = 0; i < 100; ++i) EXPECT_EQ(ask_as("mob-4f7a", 1000), "pass");
    Call call;
    call.request.client_id = "mob-4f7a";
    call.request.now_ns = 31'500 * kNsPerMs;
    const Verdict verdict = policy_->on_request(call.request);
    EXPECT_EQ(verdict_text(verdict), kRefused);
    EXPECT_EQ(std::get<Reply>(verdict).ending, model::Ending::rate_limited);
    EXPECT_EQ(call.exchange.quota_limit, 100u);
    EXPECT_EQ(call.exchange.quota_current, 101u);
    EXPECT_EQ(call.exchange.quota_period_s, 60u);
    EXPECT_EQ(call.header("Retry-After"), "30");  // 29.5 s, rounded up
    EXPECT_EQ(call.header("x-ratelimit-limit"), "100");
    EXPECT_EQ(call.header("x-ratelimit-remaining"), "0");
    EXPECT_EQ(call.header("x-ratelimit-reset"), "29500");
    EXPECT_EQ(ask_as("other", 31'500), "pass");
    EXPECT_EQ(ask_as("mob-4f7a", 61'000), "pass");
}

TEST_F(RateLimitTest, SeveralWindowsMustAllAdmit) {
    use({{"limits", list({scalar("5/min"), scalar("2/s")})}});
    EXPECT_EQ(plan_->summary(), "2/s, 5/min");
    const auto seen = [&](uint64_t now_ms) {
        Call call;
        call.request.client_id = "c";
        const std::string verdict = ask(*policy_, call, now_ms);
        return (verdict == "pass"     ? "pass "
                : verdict == kRefused ? "no "
                                      : "? ") +
               call.header("x-ratelimit-limit") + " " + call.header("x-ratelimit-remaining") + " " +
               call.header("Retry-After");
    };
    EXPECT_EQ(seen(0), "pass 2 1 -");
    EXPECT_EQ(seen(0), "pass 2 0 -");
    // Refused by the short window: the long one is not charged for it.
    for (int i = 0; i < 10; ++i) EXPECT_EQ(seen(500), "no 2 0 1");
    EXPECT_EQ(seen(1000), "pass 2 1 -");
    EXPECT_EQ(seen(1000), "pass 2 0 -");
    EXPECT_EQ(seen(2000), "pass 5 0 -");
    EXPECT_EQ(seen(3000), "no 5 0 57");
    EXPECT_EQ(seen(60'000), "pass 2 1 -");
}

TEST_F(RateLimitTest, KeyByExpression) {
    use({{"limit", scalar("1/min")},
         {"key", scalar("#[lower(attributes.headers['X-A']) ++ '-' ++ attributes.method]")}});
    const auto ask_with = [&](const std::string& line) {
        Call call(with_headers({line}));
        return ask(*policy_, call);
    };
    EXPECT_EQ(ask_with("x-a: ONE"), "pass");
    EXPECT_EQ(ask_with("x-a: one"), kRefused);
    EXPECT_EQ(ask_with("x-a: two"), "pass");
}

TEST_F(RateLimitTest, HeadersOnAdmittedRequests) {
    use({{"limit", scalar("100/min")}});
    Call call;
    EXPECT_EQ(ask(*policy_, call, 5), "pass");
    EXPECT_EQ(call.header("x-ratelimit-limit"), "100");
    EXPECT_EQ(call.header("x-ratelimit-remaining"), "99");
    EXPECT_EQ(call.header("x-ratelimit-reset"), "60000");
    EXPECT_EQ(call.header("Retry-After"), "-");
    EXPECT_EQ(call.exchange.quota_limit, 0u);  // only refusals are recorded
}

TEST_F(RateLimitTest, HeadersCanBeHiddenButRetryAfterStays) {
    use({{"limit", scalar("1/s")}, {"exposeHeaders", scalar("false")}});
    Call first, second;
    EXPECT_EQ(ask(*policy_, first, 0), "pass");
    EXPECT_TRUE(first.request.response_edits.empty());
    EXPECT_EQ(ask(*policy_, second, 999), kRefused);
    EXPECT_EQ(second.header("Retry-After"), "1");
    EXPECT_EQ(second.header("x-ratelimit-limit"), "-");
}

TEST_F(RateLimitTest, PeriodInMs) {
    use({{"limit", map({{"requests", scalar("2")}, {"periodMs", scalar("1500")}})}});
    EXPECT_EQ(plan_->summary(), "2/1500ms");
    EXPECT_EQ(ask_as("x", 0), "pass");
    EXPECT_EQ(ask_as("x", 1499), "pass");
    Call call;
    call.request.client_id = "x";
    EXPECT_EQ(ask(*policy_, call, 1499), kRefused);
    EXPECT_EQ(call.exchange.quota_period_s, 2u);
    EXPECT_EQ(ask_as("x", 1500), "pass");
}

// Two requests with equal keys: the second is refused; with different ones: both pass.
void expect_told_apart(const Node& key, const std::string& a, const std::string& b) {
    FakeWorker worker;
    const auto compiled = plan({{"key", key}, {"limit", scalar("1/min")}});
    const auto policy = compiled->instantiate(worker.env);
    Call first(a), other(b), again(a);
    EXPECT_EQ(ask(*policy, first), "pass") << key.scalar;
    EXPECT_EQ(ask(*policy, other), "pass") << key.scalar;
    EXPECT_EQ(ask(*policy, again), kRefused) << key.scalar;
}

TEST_F(RateLimitTest, KeyFromAHeader) {
    expect_told_apart(scalar("header:X-Tenant"), with_headers({"x-tenant: a"}),
                      with_headers({"x-tenant: b"}));
    expect_told_apart(scalar("header:user-agent"), with_headers({"User-Agent: a"}),
                      with_headers({"User-Agent: b"}));
    // Without it: by address, in a space of its own.
    expect_told_apart(scalar("header:x-tenant"), with_headers({"x-tenant: 192.0.2.7"}),
                      with_headers({}));
    // Long values count in full.
    const std::string lengthy(3000, 'k');
    expect_told_apart(scalar("header:x-tenant"), with_headers({"x-tenant: " + lengthy + "1"}),
                      with_headers({"x-tenant: " + lengthy + "2"}));
}

TEST_F(RateLimitTest, KeyFromTheAddress) {
    use({{"key", scalar("address")}, {"limit", scalar("1/min")}});
    Call a(with_headers({}), "192.0.2.1"), b(with_headers({}), "2001:db8::1"),
        again(with_headers({}), "192.0.2.1");
    EXPECT_EQ(ask(*policy_, a), "pass");
    EXPECT_EQ(ask(*policy_, b), "pass");
    EXPECT_EQ(ask(*policy_, again), kRefused);
}

TEST_F(RateLimitTest, KeyFromAClaim) {
    use({{"key", scalar("jwt.org_id")}, {"limit", scalar("1/min")}});
    const auto ask_for = [&](std::string_view org) {
        Call call;
        call.request.set_claim("org_id", org);
        return ask(*policy_, call);
    };
    EXPECT_EQ(ask_for("a"), "pass");
    EXPECT_EQ(ask_for("b"), "pass");
    EXPECT_EQ(ask_for("a"), kRefused);
}

TEST_F(RateLimitTest, OneKeyForTheRoute) {
    use({{"key", scalar("route")}, {"limit", scalar("2/min")}});
    EXPECT_EQ(ask_as("a"), "pass");
    EXPECT_EQ(ask_as("b"), "pass");
    EXPECT_EQ(ask_as("c"), kRefused);
}

// A client that calls itself by somebody's address does not use up that somebody's requests.
TEST_F(RateLimitTest, WithoutIdTheAddressCountsApart) {
    use({{"limit", scalar("1/min")}});
    EXPECT_EQ(ask_as("192.0.2.7"), "pass");
    EXPECT_EQ(ask_as(""), "pass");
    EXPECT_EQ(ask_as(""), kRefused);
    EXPECT_EQ(ask_as("192.0.2.7"), kRefused);
}

TEST_F(RateLimitTest, AReloadKeepsCountsAndChangesTheLimit) {
    use({{"limit", scalar("100/min")}});
    for (int i = 0; i < 60; ++i) EXPECT_EQ(ask_as("mob-4f7a"), "pass");
    const auto hotfix = plan({{"limit", scalar("50/min")}});
    policy_ = hotfix->instantiate(worker_.env);
    EXPECT_EQ(hotfix->summary(), "50/min");
    EXPECT_EQ(ask_as("mob-4f7a"), kRefused);
    EXPECT_EQ(ask_as("other"), "pass");
}

TEST_F(RateLimitTest, TwoLimitsOfARouteCountApart) {
    const auto burst = plan({{"limit", scalar("1/s")}}, 1);
    const auto daily = plan({{"limit", scalar("3/day")}}, 2);
    const auto a = burst->instantiate(worker_.env);
    const auto b = daily->instantiate(worker_.env);
    for (uint64_t i = 0; i < 3; ++i) {
        Call call;
        EXPECT_EQ(ask(*a, call, i * 1000), "pass");
        EXPECT_EQ(ask(*b, call, i * 1000), "pass");
        EXPECT_EQ(call.header("x-ratelimit-limit"), "3");
    }
    Call call;
    EXPECT_EQ(ask(*a, call, 3000), "pass");
    EXPECT_EQ(ask(*b, call, 3000), kRefused);
}

TEST_F(RateLimitTest, MadeUpKeysShareOneWindow) {
    use({{"limit", scalar("5/min")}, {"maxKeys", scalar("100")}});
    for (int i = 0; i < 100; ++i) EXPECT_EQ(ask_as("known-" + std::to_string(i)), "pass");
    int admitted = 0;
    for (int i = 0; i < 1000; ++i) admitted += ask_as("made-up-" + std::to_string(i)) == "pass";
    EXPECT_EQ(admitted, 5);
    EXPECT_EQ(ask_as("known-7"), "pass");
}

// As the workers do: an instance each, one ledger.
TEST_F(RateLimitTest, ExactOverWorkers) {
    const auto compiled = plan({{"limit", scalar("1000/min")}});
    std::atomic<int> admitted{0};
    std::vector<std::unique_ptr<Policy>> instances;
    std::vector<std::thread> workers;
    for (int w = 0; w < 4; ++w) instances.push_back(compiled->instantiate(worker_.env));
    for (const auto& policy : instances)
        workers.emplace_back([&admitted, &policy] {
            for (int i = 0; i < 1000; ++i) {
                Call call;
                call.request.client_id = "mob-4f7a";
                admitted += ask(*policy, call, static_cast<uint64_t>(i)) == "pass";
            }
        });
    for (std::thread& worker : workers) worker.join();
    EXPECT_EQ(admitted, 1000);
}

TEST(RateLimitSettings, Mistakes) {
    const auto mistakes = [](std::vector<std::pair<std::string, Node>> settings) {
        return compile("rate-limit", map(std::move(settings))).mistakes;
    };
    const std::string form = std::string(
        "a rate such as 100/min (N/s, N/sec, N/second, N/min, N/minute, N/h, N/hour or N/day), or "
        "{requests: N, periodMs: M}\n");
    EXPECT_EQ(mistakes({}), "error: policy rate-limit has no key 'limit'; expected " + form);
    EXPECT_EQ(mistakes({{"limit", scalar("100/fortnight")}}),
              "error: limit is '100/fortnight'; expected " + form);
    EXPECT_EQ(mistakes({{"limit", scalar("100")}}), "error: limit is '100'; expected " + form);
    EXPECT_EQ(mistakes({{"limit", list({})}}), "error: limit is a list; expected " + form);
    EXPECT_EQ(mistakes({{"limit", scalar("0/min")}}),
              "error: limit is '0/min'; expected 1 to 60000000 requests\n");
    EXPECT_EQ(mistakes({{"limit", map({{"requests", scalar("1")}})}}),
              "error: limit has no key 'periodMs'\n");
    EXPECT_EQ(mistakes({{"limit", map({{"requests", scalar("1")}, {"periodMs", scalar("1")}})}}),
              "error: periodMs is '1'; expected an integer from 10 to 2678400000\n");
    EXPECT_EQ(mistakes({{"limit", scalar("1/s")}, {"key", scalar("client_id")}}),
              "error: key is 'client_id' (did you mean 'client.id'?); expected client.id, address, "
              "route, header:NAME, jwt.CLAIM or an expression #[...]\n");
    EXPECT_EQ(mistakes({{"limit", scalar("1/s")}, {"key", scalar("#[attributes.metod]")}}),
              "error: attributes has no 'metod' here; expected method\n");
    for (const char* key : {"header:", "header:a b", "jwt.", "", "ip"})
        EXPECT_NE(mistakes({{"limit", scalar("1/s")}, {"key", scalar(key)}}), "") << key;
    EXPECT_EQ(mistakes({{"limit", scalar("1/s")}, {"maxKeys", scalar("0")}}),
              "error: maxKeys is '0'; expected an integer from 1 to 10000000\n");
    EXPECT_EQ(mistakes({{"limits", scalar("1/s")}}),
              "error: limits is not a list of 1 to 8 rates; expected [10/s, 1000/hour]\n");
    EXPECT_EQ(mistakes({{"limits", list({scalar("1/s"), scalar("2/s")})}}),
              "error: two limits for the same period\n");
    EXPECT_EQ(mistakes({{"limits", list({scalar("1/s")})}, {"limit", scalar("1/s")}}),
              "error: limit and limits; expected one of them\n");
    EXPECT_EQ(mistakes({{"limitz", scalar("1/s")}, {"exposeHeaders", scalar("yes")}}),
              "error: policy rate-limit has no key 'limit'; expected " + form +
                  "error: exposeHeaders is 'yes'; expected true or false\n"
                  "error: unknown key 'limitz' in policy rate-limit (did you mean 'limit'?); "
                  "expected key, limit, limits, "
                  "exposeHeaders or maxKeys\n");
}

}  // namespace
}  // namespace glassgate::policy
