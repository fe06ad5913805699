#include "policy/spike_control.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"
#include "policy/pause.h"

namespace glassgate::policy {
namespace {

constexpr const char* kRefused = "429 spike_refused: Too Many Requests";

class SpikeControlTest : public testing::Test {
protected:
    SpikeControlTest() { worker_.env.loop = loop_.get(); }
    void use(std::vector<std::pair<std::string, Node>> settings) {
        Compiled compiled = compile("spike-control", map(std::move(settings)));
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        plan_ = std::move(compiled.plan);
        policy_ = plan_->instantiate(worker_.env);
    }
    std::string first(Call& call) {
        call.request.now_ns = loop_->refresh_now();
        return verdict_text(policy_->on_request(call.request));
    }
    io::Detached run(Call& call, std::string& result) {
        const Verdict verdict = co_await policy_->resume(call.request);
        result = verdict_text(verdict);
        if (--running_ == 0) loop_->stop();
    }
    std::unique_ptr<io::Loop> loop_ = std::move(*io::Loop::create());
    int running_ = 0;
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

TEST_F(SpikeControlTest, RefusesWhenNobodyMayWait) {
    use({{"maximumRequests", scalar("2")},
         {"timePeriodInMilliseconds", scalar("60000")},
         {"exposeHeaders", scalar("true")}});
    Call a, b, c;
    EXPECT_EQ(first(a), "pass");
    EXPECT_EQ(a.header("x-ratelimit-remaining"), "1");
    EXPECT_EQ(first(b), "pass");
    EXPECT_EQ(first(c), kRefused);
    EXPECT_NE(c.header("Retry-After"), "-");
    EXPECT_EQ(c.exchange.quota_limit, 2u);
}

TEST_F(SpikeControlTest, WhoWaitsComesThroughInTheNextWindow) {
    use({{"maximumRequests", scalar("1")},
         {"timePeriodInMilliseconds", scalar("40")},
         {"delayTimeInMillis", scalar("60")},
         {"delayAttempts", scalar("3")},
         {"queuingLimit", scalar("2")}});
    Call a, b, c, d;
    EXPECT_EQ(first(a), "pass");
    std::string b_result, c_result;
    running_ = 2;
    EXPECT_EQ(first(b), "wait");
    run(b, b_result);
    EXPECT_EQ(first(c), "wait");
    run(c, c_result);
    EXPECT_EQ(first(d), kRefused);  // two wait already
    loop_->run();
    EXPECT_EQ(b_result, "pass");
    EXPECT_EQ(c_result, "pass");  // one delay later
}

TEST_F(SpikeControlTest, GivesUpAfterItsAttempts) {
    use({{"maximumRequests", scalar("1")},
         {"timePeriodInMilliseconds", scalar("60000")},
         {"delayTimeInMillis", scalar("5")},
         {"delayAttempts", scalar("2")},
         {"queuingLimit", scalar("1")}});
    Call a, b, c;
    EXPECT_EQ(first(a), "pass");
    EXPECT_EQ(first(b), "wait");
    std::string result;
    running_ = 1;
    run(b, result);
    loop_->run();
    EXPECT_EQ(result, kRefused);
    EXPECT_EQ(b.exchange.quota_current, 4u);
    EXPECT_EQ(first(c), "wait");  // its place is free again
    running_ = 1;
    run(c, result);
    c.request.pause->cancel();
    EXPECT_EQ(result, "pass");  // nobody looks at it any more
}

TEST(SpikeControlSettings, Mistakes) {
    EXPECT_EQ(compile("spike-control", Node{}).mistakes,
              "error: policy spike-control has no key 'maximumRequests'\n");
}

}  // namespace
}  // namespace glassgate::policy
