#include "proxy/ticket_rotation.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace glassgate::proxy {
namespace {

using io::tls::TicketKey;
using io::tls::TicketKeys;

class TicketRotationTest : public testing::Test {
protected:
    void SetUp() override { loop_ = std::move(*io::Loop::create()); }
    void run_for(uint64_t ms) {
        io::Timer end([](void* loop) { static_cast<io::Loop*>(loop)->stop(); }, loop_.get());
        loop_->timers().arm(end, loop_->refresh_now() + ms * kNsPerMs);
        loop_->run();
    }
    // Runs until `keys` has another newest key than `old`.
    [[nodiscard]] bool runs_until_newer(const TicketKeys& keys, const TicketKey& old) {
        const uint64_t deadline_ns = mono_now_ns() + 20 * kNsPerSecond;
        while (keys.newest().name == old.name && mono_now_ns() < deadline_ns) run_for(5);
        return keys.newest().name != old.name;
    }
    [[nodiscard]] static bool opens(const TicketKeys& keys, const TicketKey& key) {
        unsigned char name[16];
        std::copy(key.name.begin(), key.name.end(), name);
        return keys.find(name).has_value();
    }
    std::unique_ptr<io::Loop> loop_;
};

TEST_F(TicketRotationTest, EachKeySealsForItsTimeAndOpensForTheStatedOverlap) {
    TicketRotation rotation(*loop_);
    const auto keys = TicketKeys::make(std::chrono::seconds(1), 3);
    const auto slow = TicketKeys::make(std::chrono::hours(1), 3);
    const TicketKey first = keys->newest(), of_slow = slow->newest();
    const uint64_t began_ns = mono_now_ns();
    rotation.follow({slow, keys});
    ASSERT_TRUE(runs_until_newer(*keys, first));
    EXPECT_GE(mono_now_ns() - began_ns, 999 * kNsPerMs);
    EXPECT_TRUE(opens(*keys, first));
    ASSERT_TRUE(runs_until_newer(*keys, keys->newest()));
    EXPECT_TRUE(opens(*keys, first));
    ASSERT_TRUE(runs_until_newer(*keys, keys->newest()));
    EXPECT_FALSE(opens(*keys, first));
    EXPECT_EQ(slow->newest().name, of_slow.name);
    rotation.follow({});
}

// A reload that names the same keys again does not put their rotation off.
TEST_F(TicketRotationTest, GoesOnInItsTimeOverReloads) {
    TicketRotation rotation(*loop_);
    const auto keys = TicketKeys::make(std::chrono::seconds(1), 3);
    const TicketKey first = keys->newest();
    const uint64_t deadline_ns = mono_now_ns() + 20 * kNsPerSecond;
    while (keys->newest().name == first.name && mono_now_ns() < deadline_ns) {
        rotation.follow({keys});
        run_for(100);
    }
    EXPECT_NE(keys->newest().name, first.name);
    rotation.follow({});
}

}  // namespace
}  // namespace glassgate::proxy
