#include "shared/load_board.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace glassgate::shared {
namespace {

TEST(LoadBoard, NeverMoreThanTheLimitHoldAPlace) {
    constexpr uint32_t kLimit = 3;
    LoadBoard board;
    std::atomic<uint32_t> inside{0}, most{0}, entered{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            const std::shared_ptr<Load> load = board.find("u");
            for (int i = 0; i < 20'000; ++i) {
                if (!load->requests.take(kLimit)) continue;
                const uint32_t now = inside.fetch_add(1) + 1;
                uint32_t seen = most.load();
                while (now > seen && !most.compare_exchange_weak(seen, now)) {
                }
                entered.fetch_add(1);
                inside.fetch_sub(1);
                load->requests.give();
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(most.load(), kLimit);
    EXPECT_GT(entered.load(), 0u);
}

TEST(LoadBoard, ALoadIsSharedByNameAndForgottenWithItsLastHolder) {
    LoadBoard board;
    std::shared_ptr<Load> a = board.find("a");
    EXPECT_EQ(board.find("a"), a);
    EXPECT_NE(board.find("b"), a);
    EXPECT_TRUE(a->retries.take(1));
    EXPECT_FALSE(a->retries.take(1));
    EXPECT_EQ(board.find("a")->retries.count(), 1u);
    a.reset();
    EXPECT_EQ(board.find("a")->retries.count(), 0u);
}

}  // namespace
}  // namespace glassgate::shared
