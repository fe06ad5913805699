#include "policy/access_block.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

TEST(AccessBlock, RefusesEverything) {
    FakeWorker worker;
    const Compiled plain = compile("access-block", Node{});
    ASSERT_TRUE(plain.plan);
    Call call;
    EXPECT_EQ(ask(*plain.plan->instantiate(worker.env), call), "403 access_blocked: Forbidden");
    const Compiled closed = compile(
        "access-block", map({{"status", scalar("503")}, {"message", scalar("Back at six")}}));
    ASSERT_TRUE(closed.plan);
    EXPECT_EQ(ask(*closed.plan->instantiate(worker.env), call), "503 access_blocked: Back at six");
    EXPECT_EQ(compile("access-block", map({{"status", scalar("200")}})).mistakes,
              "error: status is '200'; expected an integer from 400 to 599\n");
}

}  // namespace
}  // namespace glassgate::policy
