#include "policy/stream_idle_timeout.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

TEST(StreamIdleTimeout, SetsTheRequestsTimeout) {
    FakeWorker worker;
    const auto compiled = compile("stream-idle-timeout", map({{"timeoutMs", scalar("5000")}}));
    ASSERT_TRUE(compiled.plan) << compiled.mistakes;
    EXPECT_EQ(compiled.plan->summary(), "5000 ms");
    const auto policy = compiled.plan->instantiate(worker.env);
    Call call;
    EXPECT_EQ(ask(*policy, call), "pass");
    EXPECT_EQ(call.request.stream_idle_timeout_ms, 5000u);
}

TEST(StreamIdleTimeout, Mistakes) {
    EXPECT_EQ(compile("stream-idle-timeout", Node{}).mistakes,
              "error: policy stream-idle-timeout has no key 'timeoutMs'\n");
    EXPECT_EQ(compile("stream-idle-timeout", map({{"timeoutMs", scalar("0")}})).mistakes,
              "error: timeoutMs is '0'; expected an integer from 1 to 3600000\n");
    EXPECT_EQ(
        compile("stream-idle-timeout", map({{"timeoutMs", scalar("1")}, {"timeout", scalar("1")}}))
            .mistakes,
        "error: unknown key 'timeout' in policy stream-idle-timeout (did you mean 'timeoutMs'?); "
        "expected timeoutMs\n");
}

}  // namespace
}  // namespace glassgate::policy
