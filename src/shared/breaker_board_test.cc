#include "shared/breaker_board.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace glassgate::shared {
namespace {

using Admission = Breaker::Admission;
constexpr uint32_t kFailures = 5;
constexpr uint32_t kOpenMs = 500;

class BreakerTest : public testing::Test {
protected:
    Breaker::Admitted admit(uint64_t now, uint32_t probes = 1) {
        return breaker_.admit(now, probes);
    }
    uint32_t fail(const Breaker::Admitted& a, uint64_t now) {
        return breaker_.failed(a.ticket, now, kFailures, kOpenMs);
    }
    bool succeed(const Breaker::Admitted& a, uint64_t now, uint32_t probes = 1) {
        return breaker_.succeeded(a.ticket, now, probes);
    }
    void open_at(uint64_t now) {
        for (uint32_t i = 1; i < kFailures; ++i) EXPECT_EQ(fail(admit(now), now), 0u);
        EXPECT_EQ(fail(admit(now), now), kFailures);
        EXPECT_EQ(breaker_.state(), BreakerState::open);
    }
    Breaker breaker_;
};

TEST_F(BreakerTest, OpensAfterFailuresInARow) {
    for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(admit(1000), 1000), 0u);
    EXPECT_FALSE(succeed(admit(1001), 1001));  // the row is broken
    open_at(1002);
    const auto refused = admit(1100);
    EXPECT_EQ(refused.admission, Admission::refuse);
    EXPECT_EQ(refused.wait_ms, 402u);
    EXPECT_EQ(admit(1501).admission, Admission::refuse);
}

TEST_F(BreakerTest, OneProbeThenClosed) {
    open_at(1000);
    const auto probe = admit(1500);
    EXPECT_EQ(probe.admission, Admission::probe);
    EXPECT_TRUE(probe.became_half_open);
    EXPECT_EQ(breaker_.state(), BreakerState::half_open);
    EXPECT_EQ(admit(1500).admission, Admission::refuse);
    EXPECT_TRUE(succeed(probe, 1510));
    EXPECT_EQ(breaker_.state(), BreakerState::closed);
    EXPECT_EQ(admit(1511).admission, Admission::pass);
    open_at(1512);  // counts from nothing
}

TEST_F(BreakerTest, AFailedProbeOpensAgainAndTheRowGoesOn) {
    open_at(1000);
    EXPECT_EQ(fail(admit(1500), 1600), kFailures + 1);
    EXPECT_EQ(breaker_.state(), BreakerState::open);
    EXPECT_EQ(admit(2099).admission, Admission::refuse);
    EXPECT_EQ(fail(admit(2100), 2100), kFailures + 2);
    EXPECT_TRUE(succeed(admit(2600), 2600));
    open_at(2601);
}

TEST_F(BreakerTest, SeveralProbesMustAllSucceed) {
    open_at(1000);
    const auto a = admit(1500, 3);
    const auto b = admit(1500, 3);
    const auto c = admit(1500, 3);
    EXPECT_TRUE(a.became_half_open);
    EXPECT_FALSE(b.became_half_open);
    EXPECT_EQ(c.admission, Admission::probe);
    EXPECT_EQ(admit(1500, 3).admission, Admission::refuse);
    EXPECT_FALSE(succeed(a, 1501, 3));
    EXPECT_FALSE(succeed(b, 1501, 3));
    EXPECT_EQ(admit(1502, 3).admission, Admission::refuse);  // three in all, not three at a time
    EXPECT_TRUE(succeed(c, 1503, 3));
    EXPECT_EQ(breaker_.state(), BreakerState::closed);
}

TEST_F(BreakerTest, OneFailedProbeOfSeveralOpens) {
    open_at(1000);
    const auto a = admit(1500, 3);
    const auto b = admit(1500, 3);
    const auto c = admit(1500, 3);
    EXPECT_FALSE(succeed(a, 1501, 3));
    EXPECT_EQ(fail(b, 1502), kFailures + 1);
    EXPECT_EQ(fail(c, 1503), 0u);  // decided already
    EXPECT_EQ(admit(2001, 3).admission, Admission::refuse);
    EXPECT_EQ(admit(2002, 3).admission, Admission::probe);
    EXPECT_FALSE(succeed(c, 2003, 3));  // of another spell
    EXPECT_EQ(breaker_.state(), BreakerState::half_open);
}

TEST_F(BreakerTest, AnAbandonedProbeMakesRoomForAnother) {
    open_at(1000);
    const auto probe = admit(1500);
    breaker_.abandoned(probe.ticket);
    const auto next = admit(1501);
    EXPECT_EQ(next.admission, Admission::probe);
    EXPECT_FALSE(next.became_half_open);
    EXPECT_TRUE(succeed(next, 1502));
}

TEST_F(BreakerTest, AProbeThatNeverReportsIsGivenUp) {
    open_at(1000);
    const auto lost = admit(1500);
    EXPECT_EQ(admit(1500 + Breaker::kProbePatienceMs - 1).admission, Admission::refuse);
    const uint64_t later = 1500 + Breaker::kProbePatienceMs;
    const auto next = admit(later);
    EXPECT_EQ(next.admission, Admission::probe);
    EXPECT_FALSE(next.became_half_open);
    EXPECT_EQ(admit(later).admission, Admission::refuse);
    // The lost one turns up: it neither frees a place nor decides.
    breaker_.abandoned(lost.ticket);
    EXPECT_EQ(fail(lost, later + 1), 0u);
    EXPECT_FALSE(succeed(lost, later + 1));
    EXPECT_EQ(admit(later + 1).admission, Admission::refuse);
    EXPECT_TRUE(succeed(next, later + 2));
}

// Requests that were under way when it opened time out long after it has closed again.
TEST_F(BreakerTest, OldOutcomesDoNotCount) {
    std::vector<Breaker::Admitted> old;
    for (int i = 0; i < 100; ++i) old.push_back(admit(1000));
    open_at(1001);
    EXPECT_EQ(fail(old[0], 1002), 0u);  // open
    const auto probe = admit(1501);
    EXPECT_EQ(fail(old[1], 1502), 0u);  // half open
    EXPECT_FALSE(succeed(old[2], 1502));
    EXPECT_EQ(breaker_.state(), BreakerState::half_open);
    EXPECT_TRUE(succeed(probe, 1503));
    for (const auto& a : old) EXPECT_EQ(fail(a, 6000), 0u);
    EXPECT_EQ(breaker_.state(), BreakerState::closed);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(admit(6001), 6001), 0u);
    EXPECT_FALSE(succeed(old[3], 6001));  // nor do old successes break the row
    EXPECT_EQ(fail(admit(6001), 6001), kFailures);
}

TEST_F(BreakerTest, TimeWraps) {
    const uint64_t wrap = uint64_t{1} << 40;
    for (const uint64_t years : {wrap / 3, wrap / 3 * 2}) {  // a circuit that fails now and then
        open_at(years);
        EXPECT_TRUE(succeed(admit(years + 500), years + 501));
    }
    open_at(wrap - 100);
    EXPECT_EQ(admit(wrap + 399).admission, Admission::refuse);
    const auto probe = admit(wrap + 400);
    EXPECT_EQ(probe.admission, Admission::probe);
    EXPECT_TRUE(succeed(probe, wrap + 401));
    open_at(wrap + 402);
}

template <typename Body>
void in_threads(Body body) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back(body);
    for (std::thread& thread : threads) thread.join();
}

TEST_F(BreakerTest, EveryTransitionHasOneWinner) {
    uint64_t now = 1000;
    for (int round = 0; round < 200; ++round) {
        std::atomic<int> opened{0}, probes{0}, half_open{0}, closed{0};
        in_threads([&] {
            for (int i = 0; i < 20; ++i) opened += fail(admit(now), now) != 0;
        });
        ASSERT_EQ(opened, 1);
        now += kOpenMs;
        in_threads([&] {
            for (int i = 0; i < 20; ++i) {
                const auto admitted = admit(now, 2);
                probes += admitted.admission == Admission::probe;
                half_open += admitted.became_half_open;
                if (admitted.admission == Admission::probe) closed += succeed(admitted, now, 2);
            }
        });
        ASSERT_EQ(probes, 2);
        ASSERT_EQ(half_open, 1);
        ASSERT_EQ(closed, 1);
        now += 1;
    }
}

TEST(BreakerBoard, OneBreakerPerRouteAndUpstreamWhileItIsUsed) {
    BreakerBoard board;
    auto a = board.find("catalog", "products");
    EXPECT_EQ(board.find("catalog", "products"), a);
    EXPECT_NE(board.find("catalog", "reviews"), a);
    int alive = 0;
    board.for_each([&](const std::string& route, const std::string& upstream, const Breaker& b) {
        EXPECT_EQ(route, "catalog");
        EXPECT_EQ(upstream, "products");
        EXPECT_EQ(b.state(), BreakerState::closed);
        ++alive;
    });
    EXPECT_EQ(alive, 1);
    a.reset();
    alive = 0;
    board.for_each([&](const std::string&, const std::string&, const Breaker&) { ++alive; });
    EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace glassgate::shared
