#include "io/tls/handshake_limiter.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "io/task.h"

namespace glassgate::io::tls {
namespace {

void work(uint64_t ns) {
    const uint64_t until = mono_now_ns() + ns;
    while (mono_now_ns() < until) {
    }
}

struct Storm {
    std::unique_ptr<Loop> loop = *Loop::create();
    HandshakeLimiter limiter;
    std::vector<int> order;       // who went on
    std::vector<uint64_t> turns;  // and in which turn
    int refused = 0, over = 0, all = 0;

    explicit Storm(uint64_t budget_ns, std::size_t waiting_max = 4096)
        : limiter(*loop, budget_ns, waiting_max) {}

    Detached handshake(int number, uint64_t cost_ns) {
        const bool entered = co_await limiter.enter();
        if (entered) {
            const HandshakeLimiter::Working working(limiter);
            order.push_back(number);
            turns.push_back(loop->now_ns());
            work(cost_ns);
        } else {
            ++refused;
        }
        if (++over == all) loop->stop();
    }
    void run(int count, uint64_t cost_ns) {
        all = count;
        loop->post([this, count, cost_ns] {
            for (int i = 0; i < count; ++i) handshake(i, cost_ns);
        });
        loop->run();
    }
    [[nodiscard]] int most_in_one_turn() const {
        int most = 0, run = 0;
        for (std::size_t i = 0; i < turns.size(); ++i) {
            run = i > 0 && turns[i] == turns[i - 1] ? run + 1 : 1;
            most = std::max(most, run);
        }
        return most;
    }
};

TEST(HandshakeLimiter, SpreadsAStormOverTurnsInOrder) {
    Storm storm(1'000'000);
    storm.run(30, 400'000);
    ASSERT_EQ(storm.order.size(), 30u);
    EXPECT_TRUE(std::is_sorted(storm.order.begin(), storm.order.end()));
    EXPECT_LE(storm.most_in_one_turn(), 3) << "1.0 ms at 0.4 ms each: two, and the one under way";
    EXPECT_EQ(storm.limiter.waiting(), 0u);
}

TEST(HandshakeLimiter, DoesNotHoldUpFew) {
    Storm storm(100'000'000);
    storm.run(5, 1000);
    EXPECT_EQ(storm.most_in_one_turn(), 5);
}

TEST(HandshakeLimiter, OneATurnGoesOnHoweverDear) {
    Storm storm(1);
    storm.run(5, 100'000);
    ASSERT_EQ(storm.order.size(), 5u);
    EXPECT_EQ(storm.most_in_one_turn(), 1);
}

TEST(HandshakeLimiter, RefusesWhenTooManyWait) {
    Storm storm(1, 3);
    storm.run(10, 100'000);
    EXPECT_EQ(storm.order.size(), 4u) << "one at once, three that waited";
    EXPECT_EQ(storm.refused, 6);
}

}  // namespace
}  // namespace glassgate::io::tls
