#include "io/resolver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/clock.h"
#include "io/socket.h"
#include "io/test_dns_server.h"

namespace glassgate::io {
namespace {

using Mood = TestDnsServer::Mood;

class ResolverTest : public ::testing::Test {
protected:
    void SetUp() override {
        loop_ = std::move(*Loop::create());
        auto created = Resolver::create(*loop_, dns_.servers());
        ASSERT_TRUE(created) << created.error().message;
        resolver_ = std::move(*created);
    }
    // One resolution, the loop running until it is there.
    Resolution resolve(const std::string& host, uint64_t patience_ms = 8000) {
        Resolution got;
        resolver_->resolve(host, loop_->refresh_now() + patience_ms * kNsPerMs,
                           [&](const Resolution& r) {
                               got = r;
                               loop_->stop();
                           });
        run();
        return got;
    }
    void run() { loop_->run(); }
    static std::set<std::string> texts(const Resolution& resolution) {
        std::set<std::string> all;
        for (const sockaddr_storage& address : resolution.addresses) {
            char text[48];
            uint16_t port = 0;
            format_address(address, text, port);
            all.insert(text);
        }
        return all;
    }

    TestDnsServer dns_;
    std::unique_ptr<Loop> loop_;
    std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, GivesAllAddressesAndFollowsChanges) {
    dns_.set("svc.test", {"127.0.0.1", "127.0.0.2"});
    const Resolution first = resolve("svc.test");
    EXPECT_EQ(first.status, ResolveStatus::ok) << first.reason;
    EXPECT_EQ(texts(first), (std::set<std::string>{"127.0.0.1", "127.0.0.2"}));
    dns_.set("svc.test", {"127.0.0.3"});
    EXPECT_EQ(texts(resolve("svc.test")), (std::set<std::string>{"127.0.0.3"}));
}

TEST_F(ResolverTest, GivesIPv6WhereThereIsARoute) {
    dns_.set("six.test", {"::1"});
    dns_.set("both.test", {"127.0.0.1", "2001:db8::1"});
    EXPECT_EQ(texts(resolve("six.test")), (std::set<std::string>{"::1"}));
    EXPECT_TRUE(texts(resolve("both.test")).contains("127.0.0.1"));
}

TEST_F(ResolverTest, NamesThatDoNotExistOrHaveNoAddress) {
    EXPECT_EQ(resolve("nobody.test").status, ResolveStatus::not_found);
    dns_.set("empty.test", std::vector<std::string>{});
    const Resolution empty = resolve("empty.test");
    EXPECT_EQ(empty.status, ResolveStatus::not_found);
    EXPECT_FALSE(empty.reason.empty());
    EXPECT_TRUE(empty.addresses.empty());
}

TEST_F(ResolverTest, SilenceEndsByTheDeadlineAndHoldsUpNobody) {
    dns_.set("silent.test", {Mood::silent, {}});
    dns_.set("svc.test", {"127.0.0.1"});
    const uint64_t since = mono_now_ns();
    EXPECT_EQ(resolve("silent.test", 100).status, ResolveStatus::timeout);
    EXPECT_LT(mono_now_ns() - since, 5 * kNsPerSecond);
    EXPECT_EQ(resolve("svc.test").status, ResolveStatus::ok);
}

TEST_F(ResolverTest, GarbageRefusalsAndStrangersAreFailures) {
    dns_.set("garbage.test", {Mood::garbage, {}});
    dns_.set("refused.test", {Mood::refused, {}});
    dns_.set("forged.test", {Mood::wrong_id, {"127.0.0.66"}});
    for (const char* name : {"garbage.test", "refused.test", "forged.test"}) {
        const Resolution resolution = resolve(name, 300);
        EXPECT_NE(resolution.status, ResolveStatus::ok) << name;
        EXPECT_FALSE(resolution.reason.empty()) << name;
        EXPECT_TRUE(resolution.addresses.empty()) << name;
    }
    EXPECT_GT(dns_.questions("forged.test"), 0);
}

TEST_F(ResolverTest, HonoursTheHostsFileAndNumericNames) {
    EXPECT_TRUE(texts(resolve("localhost")).contains("127.0.0.1"));
    EXPECT_EQ(texts(resolve("192.0.2.7")), (std::set<std::string>{"192.0.2.7"}));
    EXPECT_EQ(dns_.questions("localhost"), 0);
}

TEST_F(ResolverTest, NeverCallsBackFromWithinResolve) {
    bool called = false;
    resolver_->resolve("127.0.0.1", loop_->refresh_now() + kNsPerSecond, [&](const Resolution&) {
        called = true;
        loop_->stop();
    });
    EXPECT_FALSE(called);
    run();
    EXPECT_TRUE(called);
}

TEST_F(ResolverTest, ManyAtATime) {
    constexpr int kNames = 300;
    int left = kNames;
    for (int i = 0; i < kNames; ++i) {
        const std::string name = "n" + std::to_string(i) + ".test";
        const std::string address = "127.0.1." + std::to_string(i % 250 + 1);
        dns_.set(name, {address});
        resolver_->resolve(name, loop_->refresh_now() + 20 * kNsPerSecond,
                           [&, address](const Resolution& r) {
                               EXPECT_EQ(texts(r), (std::set<std::string>{address})) << r.reason;
                               if (--left == 0) loop_->stop();
                           });
    }
    run();
    EXPECT_EQ(left, 0);
}

TEST_F(ResolverTest, DestroyingItDropsWhatIsUnderWay) {
    dns_.set("silent.test", {Mood::silent, {}});
    bool called = false;
    resolver_->resolve("silent.test", loop_->refresh_now() + 50 * kNsPerMs,
                       [&](const Resolution&) { called = true; });
    resolver_.reset();
    Timer later([](void* loop) { static_cast<Loop*>(loop)->stop(); }, loop_.get());
    loop_->timers().arm(later, loop_->refresh_now() + 100 * kNsPerMs);
    run();
    EXPECT_FALSE(called);
}

TEST_F(ResolverTest, ACallbackMayDestroyIt) {
    dns_.set("a.test", {"127.0.0.1"});
    dns_.set("silent.test", {Mood::silent, {}});
    int calls = 0;
    const auto last_act = [&](const Resolution&) {
        ++calls;
        resolver_.reset();
        loop_->stop();
    };
    resolver_->resolve("silent.test", loop_->refresh_now() + 9 * kNsPerSecond, last_act);
    resolver_->resolve("127.0.0.1", loop_->refresh_now() + 9 * kNsPerSecond, last_act);
    resolver_->resolve("127.0.0.2", loop_->refresh_now() + 9 * kNsPerSecond, last_act);
    run();
    EXPECT_EQ(calls, 1);
}

TEST(Resolver, RefusesServersThatAreNone) {
    auto loop = std::move(*Loop::create());
    EXPECT_FALSE(Resolver::create(*loop, "not a server"));
}

}  // namespace
}  // namespace glassgate::io
