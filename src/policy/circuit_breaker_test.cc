#include "policy/circuit_breaker.h"

#include <gtest/gtest.h>

#include <memory>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

using model::Ending;
using shared::BreakerState;

class CircuitBreakerTest : public testing::Test {
protected:
    void SetUp() override { use({}); }
    void use(std::vector<std::pair<std::string, Node>> settings) {
        Compiled compiled =
            compile("circuit-breaker", map(std::move(settings)), "product-catalog", "products");
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        auto instance = compiled.plan->instantiate(worker_.env);
        policy_ =
            std::move(instance);  // the old one goes when the new one is there, as in a reload
        plan_ = std::move(compiled.plan);
    }
    void finish(Call& call, Ending ending, uint16_t status, uint64_t now_ms) {
        call.exchange.ending = ending;
        call.exchange.status = status;
        call.exchange.closed_ns = now_ms * kNsPerMs;
        policy_->on_finished(call.request, call.exchange);
    }
    // A whole exchange: asked, answered (if it was let through), finished.
    std::string exchange(Ending ending, uint16_t status, uint64_t now_ms) {
        Call call;
        const std::string verdict = ask(*policy_, call, now_ms);
        if (verdict == "pass")
            finish(call, ending, status, now_ms);
        else
            finish(call, Ending::circuit_open, 503, now_ms);
        return verdict;
    }
    void open_at(uint64_t now_ms) {
        for (int i = 0; i < 5; ++i)
            EXPECT_EQ(exchange(Ending::upstream_timeout, 504, now_ms), "pass");
    }
    void answer(Call& call, uint16_t status) {
        http::ResponseHead head;
        head.status = status;
        policy_->on_response(call.request, Response{status, &head});
    }
    BreakerState state() {
        BreakerState seen{};
        worker_.breakers.for_each(
            [&](const auto&, const auto&, const shared::Breaker& b) { seen = b.state(); });
        return seen;
    }
    std::vector<std::string> events() { return std::exchange(worker_.recorder.events, {}); }

    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

constexpr const char* kRefused = "503 circuit_open: Service Unavailable";
constexpr const char* kOpened =
    "WARN circuit_breaker_open route=product-catalog upstream=products consecutive_failures=5 "
    "open_ms=500";
constexpr const char* kHalfOpen =
    "INFO circuit_breaker_half_open route=product-catalog upstream=products";
constexpr const char* kClosed =
    "INFO circuit_breaker_closed route=product-catalog upstream=products";

TEST_F(CircuitBreakerTest, TheWholeRound) {
    open_at(1000);
    EXPECT_EQ(events(), std::vector<std::string>{kOpened});
    Call refused;
    refused.request.now_ns = 1200 * kNsPerMs;
    const Verdict verdict = policy_->on_request(refused.request);
    EXPECT_EQ(verdict_text(verdict), kRefused);
    EXPECT_EQ(std::get<Reply>(verdict).ending, Ending::circuit_open);
    EXPECT_EQ(refused.header("Retry-After"), "1");
    finish(refused, Ending::circuit_open, 503, 1200);
    EXPECT_TRUE(events().empty());
    EXPECT_EQ(exchange(Ending::completed, 200, 1500), "pass");
    EXPECT_EQ(events(), (std::vector<std::string>{kHalfOpen, kClosed}));
    EXPECT_EQ(state(), BreakerState::closed);
    EXPECT_EQ(exchange(Ending::completed, 200, 1501), "pass");
    EXPECT_TRUE(events().empty());
}

TEST_F(CircuitBreakerTest, RetryAfterInSecondsRoundedUp) {
    use({{"openMs", scalar("30000")}});
    open_at(1000);
    Call call;
    EXPECT_EQ(ask(*policy_, call, 2001), kRefused);
    EXPECT_EQ(call.header("Retry-After"), "29");
}

TEST_F(CircuitBreakerTest, WhatCountsAsFailure) {
    using enum Ending;
    const auto opens = [&](Ending ending, uint16_t status) {
        FakeWorker worker;
        const auto policy = plan_->instantiate(worker.env);
        for (int i = 0; i < 5; ++i) {
            Call call;
            EXPECT_EQ(ask(*policy, call, 1), "pass");
            call.exchange.ending = ending;
            call.exchange.status = status;
            call.exchange.closed_ns = kNsPerMs;
            policy->on_finished(call.request, call.exchange);
        }
        return !worker.recorder.events.empty();
    };
    for (const Ending e : {upstream_dns_failed, upstream_connect_failed, upstream_connect_timeout,
                           upstream_timeout, upstream_reset, upstream_malformed,
                           upstream_body_reset, upstream_body_timeout, no_healthy_upstream})
        EXPECT_TRUE(opens(e, 502)) << to_text(e);
    for (const Ending e :
         {rate_limited, auth_failed, policy_refused, circuit_open, audit_unavailable,
          malformed_request, body_too_large, client_body_timeout, client_write_timeout,
          client_abort, upstream_overflow, shutdown, internal_error, upgraded})
        EXPECT_FALSE(opens(e, 503)) << to_text(e);
    EXPECT_TRUE(opens(completed, 500));
    EXPECT_TRUE(opens(completed, 599));
    EXPECT_FALSE(opens(completed, 499));
    EXPECT_FALSE(opens(completed, 200));
}

TEST_F(CircuitBreakerTest, OnlyCountedStatusesFail) {
    use({{"countStatus", list({scalar("429"), scalar("502-503")})}});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(exchange(Ending::completed, 500, 1), "pass");
    for (int i = 0; i < 4; ++i) EXPECT_EQ(exchange(Ending::completed, 429, 1), "pass");
    EXPECT_EQ(exchange(Ending::completed, 503, 1), "pass");
    EXPECT_EQ(exchange(Ending::completed, 200, 1), kRefused);
}

TEST_F(CircuitBreakerTest, OneSuccessBreaksTheRowButAnAbortDoesNot) {
    for (int i = 0; i < 4; ++i) exchange(Ending::upstream_timeout, 504, 1);
    exchange(Ending::completed, 200, 1);
    for (int i = 0; i < 4; ++i) exchange(Ending::upstream_timeout, 504, 1);
    EXPECT_TRUE(events().empty());
    exchange(Ending::client_abort, 499, 1);
    exchange(Ending::upstream_timeout, 504, 1);
    EXPECT_EQ(events(), std::vector<std::string>{kOpened});
}

TEST_F(CircuitBreakerTest, AFailedProbeOpensAgain) {
    open_at(1000);
    events();
    EXPECT_EQ(exchange(Ending::upstream_timeout, 504, 1600), "pass");
    EXPECT_EQ(events(), (std::vector<std::string>{
                            kHalfOpen,
                            "WARN circuit_breaker_open route=product-catalog upstream=products "
                            "consecutive_failures=6 open_ms=500"}));
    EXPECT_EQ(exchange(Ending::completed, 200, 2099), kRefused);
}

TEST_F(CircuitBreakerTest, AProbeThatSaysNothingMakesRoomForAnother) {
    open_at(1000);
    Call probe, other;
    EXPECT_EQ(ask(*policy_, probe, 1500), "pass");
    EXPECT_EQ(ask(*policy_, other, 1500), kRefused);
    finish(other, Ending::circuit_open, 503, 1500);  // is no probe: frees nothing
    EXPECT_EQ(exchange(Ending::completed, 200, 1500), kRefused);
    finish(probe, Ending::client_abort, 499, 1600);
    EXPECT_EQ(exchange(Ending::completed, 200, 1601), "pass");
    EXPECT_EQ(state(), BreakerState::closed);
}

// A probe that turns into an event stream answers with its head, not hours later.
TEST_F(CircuitBreakerTest, AProbeIsAnsweredByItsResponseHead) {
    open_at(1000);
    events();
    Call probe;
    EXPECT_EQ(ask(*policy_, probe, 1500), "pass");
    policy_->on_response(probe.request, Response{503, nullptr});  // a reply of our own says nothing
    EXPECT_EQ(state(), BreakerState::half_open);
    answer(probe, 200);
    EXPECT_EQ(state(), BreakerState::closed);
    EXPECT_EQ(exchange(Ending::completed, 200, 1501), "pass");
    // Breaking off afterwards is a failure like any other, the first of a row.
    finish(probe, Ending::upstream_body_reset, 200, 1502);
    EXPECT_EQ(events(), (std::vector<std::string>{kHalfOpen, kClosed}));
    for (int i = 0; i < 4; ++i) exchange(Ending::upstream_timeout, 504, 1503);
    EXPECT_EQ(events(), std::vector<std::string>{kOpened});
}

TEST_F(CircuitBreakerTest, AProbeWithABadStatusWaitsForItsEnd) {
    open_at(1000);
    Call probe;
    EXPECT_EQ(ask(*policy_, probe, 1500), "pass");
    answer(probe, 503);
    EXPECT_EQ(state(), BreakerState::half_open);
    finish(probe, Ending::completed, 503, 1501);
    EXPECT_EQ(state(), BreakerState::open);
}

TEST_F(CircuitBreakerTest, SeveralProbes) {
    use({{"halfOpenProbes", scalar("2")}});
    open_at(1000);
    events();
    Call a, b, c;
    EXPECT_EQ(ask(*policy_, a, 1500), "pass");
    EXPECT_EQ(ask(*policy_, b, 1500), "pass");
    EXPECT_EQ(ask(*policy_, c, 1500), kRefused);
    finish(a, Ending::completed, 200, 1501);
    EXPECT_EQ(state(), BreakerState::half_open);
    finish(b, Ending::completed, 200, 1501);
    EXPECT_EQ(events(), (std::vector<std::string>{kHalfOpen, kClosed}));
}

// Many are waiting for the sick upstream when it opens; they time out after it has recovered.
TEST_F(CircuitBreakerTest, LateTimeoutsDoNotOpenItAgain) {
    std::vector<std::unique_ptr<Call>> waiting;
    for (int i = 0; i < 50; ++i) {
        waiting.push_back(std::make_unique<Call>());
        EXPECT_EQ(ask(*policy_, *waiting.back(), 900), "pass");
    }
    open_at(1000);
    EXPECT_EQ(exchange(Ending::completed, 200, 1500), "pass");
    for (const auto& call : waiting) finish(*call, Ending::upstream_timeout, 504, 5900);
    EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(CircuitBreakerTest, WorkersShareOneBreaker) {
    const auto other = plan_->instantiate(worker_.env);
    open_at(1000);
    Call call;
    EXPECT_EQ(ask(*other, call, 1000), kRefused);
}

TEST_F(CircuitBreakerTest, AReloadKeepsTheState) {
    open_at(1000);
    use({{"openMs", scalar("1000")}});
    EXPECT_EQ(exchange(Ending::completed, 200, 1001), kRefused);
}

// A worker that goes takes its probes with it.
TEST_F(CircuitBreakerTest, AnInstanceGivesBackItsProbes) {
    const auto survivor = plan_->instantiate(worker_.env);
    open_at(1000);
    Call probe, next;
    EXPECT_EQ(ask(*policy_, probe, 1500), "pass");
    policy_.reset();
    EXPECT_EQ(ask(*survivor, next, 1501), "pass");
}

TEST(CircuitBreakerSettings, Mistakes) {
    const auto mistakes = [](std::vector<std::pair<std::string, Node>> settings) {
        return compile("circuit-breaker", map(std::move(settings))).mistakes;
    };
    EXPECT_EQ(mistakes({{"consecutiveFailures", scalar("0")}}),
              "error: consecutiveFailures is '0'; expected an integer from 1 to 1000\n");
    EXPECT_EQ(mistakes({{"openMs", scalar("500ms")}}),
              "error: openMs is '500ms'; expected an integer from 10 to 3600000\n");
    EXPECT_EQ(mistakes({{"halfOpenProbes", scalar("101")}}),
              "error: halfOpenProbes is '101'; expected an integer from 1 to 100\n");
    EXPECT_EQ(mistakes({{"countStatus", list({scalar("500-599"), scalar("5xx")})}}),
              "error: countStatus is '5xx'; expected statuses such as 503 or \"500-599\"\n");
    EXPECT_EQ(mistakes({{"countStatuses", scalar("503")}}),
              "error: unknown key 'countStatuses' in policy circuit-breaker (did you mean "
              "'countStatus'?); expected "
              "consecutiveFailures, openMs, halfOpenProbes or countStatus\n");
    EXPECT_EQ(compile("circuit-breaker", Node{}, "cart", "", 2).mistakes,
              "error: a second circuit-breaker on route 'cart'; expected at most one\n");
    EXPECT_EQ(compile("circuit-breaker", Node{}).plan->summary(), "5 failures open it for 500 ms");
}

}  // namespace
}  // namespace glassgate::policy
