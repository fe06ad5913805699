#include "io/timer.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/ids.h"

namespace glassgate::io {
namespace {

constexpr uint64_t kMs = 1'000'000;

struct Fired {
    uint64_t* now;
    std::vector<uint64_t> at;
    static void hit(void* self) {
        auto* f = static_cast<Fired*>(self);
        f->at.push_back(*f->now);
    }
};

TEST(TimerWheel, FiresOnceAtMostOneTickLate) {
    uint64_t now = 1000 * kMs;
    TimerWheel wheel(now);
    Fired fired{&now, {}};
    Timer timer(&Fired::hit, &fired);
    wheel.arm(timer, now + 50 * kMs);
    for (int i = 0; i < 100; ++i) wheel.advance(now += kMs);
    ASSERT_EQ(fired.at.size(), 1u);
    EXPECT_GE(fired.at[0], 1050 * kMs);
    EXPECT_LE(fired.at[0], 1055 * kMs);
}

TEST(TimerWheel, LaterDeadlineIsHonouredWithoutRelinking) {
    uint64_t now = 0;
    TimerWheel wheel(now);
    Fired fired{&now, {}};
    Timer timer(&Fired::hit, &fired);
    wheel.arm(timer, 10 * kMs);
    wheel.arm(timer, 500 * kMs);
    while (now < 400 * kMs) wheel.advance(now += kMs);
    EXPECT_TRUE(fired.at.empty());
    while (now < 600 * kMs) wheel.advance(now += kMs);
    EXPECT_EQ(fired.at.size(), 1u);
}

TEST(TimerWheel, DisarmedAndDestroyedTimersDoNotFire) {
    uint64_t now = 0;
    TimerWheel wheel(now);
    Fired fired{&now, {}};
    Timer disarmed(&Fired::hit, &fired);
    wheel.arm(disarmed, 20 * kMs);
    disarmed.disarm();
    auto destroyed = std::make_unique<Timer>(&Fired::hit, &fired);
    wheel.arm(*destroyed, 20 * kMs);
    destroyed.reset();
    wheel.advance(100 * kMs);
    EXPECT_TRUE(fired.at.empty());
}

TEST(TimerWheel, RandomDeadlinesOverAllLevelsFireInTime) {
    Random random(7);
    uint64_t now = 123 * kMs;
    TimerWheel wheel(now);
    struct One {
        uint64_t due = 0;
        uint64_t fired_at = 0;
        uint64_t* now = nullptr;
        Timer timer;
    };
    std::vector<std::unique_ptr<One>> all;
    for (int i = 0; i < 500; ++i) {
        auto one = std::make_unique<One>();
        one->now = &now;
        one->due = now + random.below(8'000'000) * kMs / 10;  // up to 800 s
        one->timer.set_callback(
            [](void* p) { static_cast<One*>(p)->fired_at = *static_cast<One*>(p)->now; },
            one.get());
        wheel.arm(one->timer, one->due);
        all.push_back(std::move(one));
    }
    while (wheel.wait_ms(now) >= 0) {
        const int wait = wheel.wait_ms(now);
        now += static_cast<uint64_t>(wait) * kMs;
        wheel.advance(now);
    }
    for (const auto& one : all) {
        EXPECT_GE(one->fired_at, one->due);
        EXPECT_LE(one->fired_at, one->due + 6 * kMs);
    }
}

}  // namespace
}  // namespace glassgate::io
