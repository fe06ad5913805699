#include "io/loop.h"

#include <atomic>
#include <thread>
#include <vector>

#include "io/test_sockets.h"

namespace glassgate::io {
namespace {

class LoopTest : public SocketFixture {};

TEST_F(LoopTest, RunsWhatOtherThreadsPostInTheirOrder) {
    constexpr int kThreads = 4, kEach = 5000;
    std::vector<int> last(kThreads, -1);
    int in_order = 0, total = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i)
                loop_->post([&, t, i] {
                    in_order += last[t] == i - 1;
                    last[t] = i;
                    if (++total == kThreads * kEach) loop_->stop();
                });
        });
    loop_->run();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(total, kThreads * kEach);
    EXPECT_EQ(in_order, total);
}

TEST_F(LoopTest, PostedWorkMayPostAndRunsAfterIt) {
    std::string order;
    loop_->post([&] {
        order += "a";
        loop_->post([&] {
            order += "c";
            loop_->stop();
        });
        order += "b";
    });
    loop_->run();
    EXPECT_EQ(order, "abc");
}

TEST_F(LoopTest, RunsAgainAfterAStop) {
    for (int i = 0; i < 3; ++i) {
        bool ran = false;
        loop_->post([&] { ran = true; });
        loop_->stop();
        loop_->run();
        EXPECT_TRUE(ran) << i;
    }
}

TEST_F(LoopTest, SleepersWakeInTimeAndInOrder) {
    run([](LoopTest* self) -> Task<void> {
        const uint64_t since = mono_now_ns();
        co_await Sleep(*self->loop_, self->in_ms(30));
        EXPECT_GE(mono_now_ns() - since, 30 * kNsPerMs);
        EXPECT_LT(mono_now_ns() - since, 5 * kNsPerSecond);
    }(this));
}

TEST_F(LoopTest, WorkThatIsNeverRunIsFreedWithTheLoop) {
    const auto alive = std::make_shared<int>(1);
    loop_->post([alive] {});
    loop_.reset();
    EXPECT_EQ(alive.use_count(), 1);
}

// States of closed sockets are kept for reuse; with their timers they must not disturb later ones,
// nor outlive the loop.
TEST_F(LoopTest, ManySocketsComeAndGo) {
    run([](LoopTest* self) -> Task<void> {
        for (int i = 0; i < 300; ++i) {
            Pair pair = self->make_pair();
            char byte;
            if (i % 3 == 0) {
                EXPECT_EQ((co_await pair.socket.read(&byte, 1, self->in_ms(1))).status,
                          IoStatus::timeout);
            } else {
                pair.peer.send("x");
                EXPECT_TRUE((co_await pair.socket.read(&byte, 1, self->in_ms(5000))).ok());
            }
        }
    }(this));
    loop_.reset();
}

}  // namespace
}  // namespace glassgate::io
