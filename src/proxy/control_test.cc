#include "proxy/control.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "http/simple_server.h"
#include "io/socket.h"
#include "io/test_dns_server.h"

namespace glassgate::proxy {
namespace {

using Mood = io::TestDnsServer::Mood;
using Texts = std::set<std::string>;

// What Control has told, waited for with a condition.
class Heard {
public:
    void addresses(const std::string& host, const std::vector<sockaddr_storage>& addresses) {
        Texts texts;
        for (const sockaddr_storage& address : addresses) {
            char text[48];
            uint16_t port = 0;
            io::format_address(address, text, port);
            texts.insert(text);
        }
        note([&] {
            addresses_[host] = texts;
            ++pushes_;
        });
    }
    void health(const std::string& key, const std::string& target, bool healthy) {
        note([&] { health_[key + " " + target] = healthy; });
    }
    void event(const model::Event& event) {
        std::string text(model::to_text(event.kind));
        for (const model::EventAttribute& a : event.attributes) {
            text.append(" ").append(a.key).append("=");
            text += a.is_number ? std::to_string(a.number) : std::string(event.str(a));
        }
        note([&] { events_.push_back(text); });
    }

    [[nodiscard]] Texts addresses_of(const std::string& host) {
        const std::lock_guard lock(mutex_);
        return addresses_[host];
    }
    [[nodiscard]] int pushes() {
        const std::lock_guard lock(mutex_);
        return pushes_;
    }
    // 1 healthy, 0 not, -1 nothing said.
    [[nodiscard]] int health_of(const std::string& key_and_target) {
        const std::lock_guard lock(mutex_);
        const auto at = health_.find(key_and_target);
        return at == health_.end() ? -1 : at->second ? 1 : 0;
    }
    [[nodiscard]] long events_with(const std::string& part) {
        const std::lock_guard lock(mutex_);
        return std::count_if(events_.begin(), events_.end(), [&](const std::string& e) {
            return e.find(part) != std::string::npos;
        });
    }
    template <typename Condition>
    [[nodiscard]] bool wait(Condition condition) {
        const uint64_t until = mono_now_ns() + 15 * kNsPerSecond;
        while (!condition()) {
            if (mono_now_ns() > until) return false;
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, std::chrono::milliseconds(5));
        }
        return true;
    }

private:
    template <typename Change>
    void note(Change change) {
        const std::lock_guard lock(mutex_);
        change();
        changed_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Texts> addresses_;
    std::map<std::string, bool> health_;
    std::vector<std::string> events_;
    int pushes_ = 0;
};

class Board final : public TargetBoard {
public:
    explicit Board(Heard& heard) : heard_(heard) {}
    void set_addresses(const std::string& host,
                       const std::vector<sockaddr_storage>& addresses) override {
        heard_.addresses(host, addresses);
    }
    void set_healthy(const std::string& key, const std::string& target, bool healthy) override {
        heard_.health(key, target, healthy);
    }

private:
    Heard& heard_;
};

TargetPlan target(const std::string& host, uint16_t port = 80) {
    TargetPlan plan;
    plan.host = host;
    plan.port = port;
    plan.label = host + ":" + std::to_string(port);
    return plan;
}

UpstreamPlan upstream(const std::string& name, std::vector<TargetPlan> targets,
                      uint32_t dns_refresh_ms = 20) {
    UpstreamPlan plan;
    plan.name = plan.state_key = name;
    plan.targets = std::move(targets);
    plan.dns_refresh_ms = dns_refresh_ms;
    return plan;
}

class ControlTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto started = Control::start(
            std::make_unique<Board>(heard_),
            [this](const model::Event& event) { heard_.event(event); }, dns_.servers());
        ASSERT_TRUE(started) << started.error().message;
        control_ = std::move(*started);
    }
    void apply(std::vector<UpstreamPlan> upstreams, uint32_t patience_ms = 10'000) {
        auto plan = std::make_shared<Plan>();
        plan->upstreams = std::move(upstreams);
        control_->apply(plan, patience_ms);
    }

    io::TestDnsServer dns_;
    Heard heard_;
    std::unique_ptr<Control> control_;
};

TEST_F(ControlTest, ResolvesEveryNameBeforeItReturns) {
    dns_.set("a.test", {"127.0.0.1", "127.0.0.2"});
    dns_.set("b.test", {"127.0.0.3"});
    apply({upstream("one", {target("a.test"), target("127.0.0.9")}),
           upstream("two", {target("b.test")})});
    EXPECT_EQ(heard_.addresses_of("a.test"), (Texts{"127.0.0.1", "127.0.0.2"}));
    EXPECT_EQ(heard_.addresses_of("b.test"), (Texts{"127.0.0.3"}));
    EXPECT_EQ(heard_.pushes(), 2);  // a number is no name
    EXPECT_EQ(heard_.events_with("dns_"), 0);
}

TEST_F(ControlTest, FollowsChangesAndTellsThemOnce) {
    dns_.set("a.test", {"127.0.0.1"});
    apply({upstream("one", {target("a.test")})});
    dns_.set("a.test", {"127.0.0.4", "127.0.0.5"});
    ASSERT_TRUE(heard_.wait(
        [&] { return heard_.addresses_of("a.test") == Texts{"127.0.0.4", "127.0.0.5"}; }));
    dns_.set("a.test", {"127.0.0.5", "127.0.0.4"});  // another order is no change
    const int asked = dns_.questions("a.test");
    ASSERT_TRUE(heard_.wait([&] { return dns_.questions("a.test") > asked + 6; }));
    EXPECT_EQ(heard_.pushes(), 2);
    EXPECT_EQ(heard_.events_with("dns_changed host=a.test addresses=2"), 1);
}

TEST_F(ControlTest, KeepsTheLastGoodAddressesWhileANameFails) {
    dns_.set("a.test", {"127.0.0.1"});
    apply({upstream("one", {target("a.test")})});
    dns_.set("a.test", {Mood::not_found, {}});
    ASSERT_TRUE(
        heard_.wait([&] { return heard_.events_with("dns_failed host=a.test reason=") == 1; }));
    const int asked = dns_.questions("a.test");
    ASSERT_TRUE(heard_.wait([&] { return dns_.questions("a.test") > asked + 6; }));
    EXPECT_EQ(heard_.events_with("dns_failed"), 1);  // once an episode
    EXPECT_EQ(heard_.events_with("addresses_kept=1"), 1);
    EXPECT_EQ(heard_.addresses_of("a.test"), (Texts{"127.0.0.1"}));
    EXPECT_EQ(heard_.pushes(), 1);
    dns_.set("a.test", {"127.0.0.1"});
    ASSERT_TRUE(
        heard_.wait([&] { return heard_.events_with("dns_changed") == 1; }));  // resolves again
    dns_.set("a.test", {Mood::refused, {}});
    ASSERT_TRUE(heard_.wait([&] { return heard_.events_with("dns_failed") == 2; }));
}

TEST_F(ControlTest, FailingAndSilentNamesDoNotHoldUpThePlanForLong) {
    apply({upstream("one", {target("nobody.test")})});
    EXPECT_EQ(heard_.events_with("dns_failed host=nobody.test"), 1);
    dns_.set("silent.test", {Mood::silent, {}});
    dns_.set("a.test", {"127.0.0.1"});
    const uint64_t since = mono_now_ns();
    apply({upstream("one", {target("silent.test"), target("a.test")})}, 200);
    EXPECT_GE(mono_now_ns() - since, 190 * kNsPerMs);
    EXPECT_LT(mono_now_ns() - since, 4 * kNsPerSecond);
    EXPECT_EQ(heard_.addresses_of("a.test"), (Texts{"127.0.0.1"}));
    // A name that comes up late is told late.
    dns_.set("nobody.test", {"127.0.0.8"});
    apply({upstream("one", {target("nobody.test")})});
    EXPECT_TRUE(
        heard_.wait([&] { return heard_.addresses_of("nobody.test") == Texts{"127.0.0.8"}; }));
}

TEST_F(ControlTest, ForgetsNamesThatAreGivenUp) {
    dns_.set("a.test", {"127.0.0.1"});
    dns_.set("b.test", {"127.0.0.2"});
    apply({upstream("one", {target("a.test")})});
    apply({upstream("one", {target("b.test")})});
    const int asked_a = dns_.questions("a.test"), asked_b = dns_.questions("b.test");
    ASSERT_TRUE(heard_.wait([&] { return dns_.questions("b.test") > asked_b + 10; }));
    EXPECT_LE(dns_.questions("a.test"), asked_a + 2);  // one may have been under way
}

TEST_F(ControlTest, TheShortestRefreshCounts) {
    dns_.set("a.test", {"127.0.0.1"});
    apply(
        {upstream("one", {target("a.test")}, 3'600'000), upstream("two", {target("a.test")}, 20)});
    const int asked = dns_.questions("a.test");
    EXPECT_TRUE(heard_.wait([&] { return dns_.questions("a.test") > asked + 4; }));
    EXPECT_EQ(heard_.pushes(), 1);
}

class HealthTest : public ControlTest {
protected:
    void SetUp() override {
        ControlTest::SetUp();
        std::vector<http::SimpleServer::Route> routes;
        routes.push_back({Method::get, "/health",
                          [this](const http::SimpleRequest&, http::SimpleResponse& response) {
                              response.status = status_;
                              ++asked_;
                          }});
        server_ = std::move(*http::SimpleServer::start("127.0.0.1", 0, std::move(routes), {}));
        dns_.set("app.test", {"127.0.0.1"});
        label_ = "app.test:" + std::to_string(server_->port());
    }
    void TearDown() override { control_.reset(); }
    UpstreamPlan checked(const std::string& state_key = "key", uint32_t interval_ms = 10) {
        UpstreamPlan plan = upstream("up", {target("app.test", server_->port())});
        plan.state_key = state_key;
        plan.health_check.emplace();
        plan.health_check->path = "/health";
        plan.health_check->interval_ms = interval_ms;
        return plan;
    }
    [[nodiscard]] bool becomes(const std::string& key, int health) {
        return heard_.wait([&] { return heard_.health_of(key + " " + label_) == health; });
    }

    std::atomic<uint16_t> status_{200};
    std::atomic<int> asked_{0};
    std::unique_ptr<http::SimpleServer> server_;
    std::string label_;
};

TEST_F(HealthTest, TellsWhenATargetFallsIllAndRecovers) {
    apply({checked()});
    ASSERT_TRUE(heard_.wait([&] { return asked_ > 5; }));
    EXPECT_EQ(heard_.events_with("target_"), 0);
    status_ = 500;
    ASSERT_TRUE(becomes("key", 0));
    ASSERT_TRUE(heard_.wait([&] {
        return heard_.events_with("target_unhealthy upstream=up target=" + label_ +
                                  " reason=status 500") == 1;
    }));
    status_ = 200;
    ASSERT_TRUE(becomes("key", 1));
    EXPECT_TRUE(heard_.wait(
        [&] { return heard_.events_with("target_healthy upstream=up target=" + label_) == 1; }));
}

TEST_F(HealthTest, TheSameCheckLivesOnOverAReload) {
    status_ = 500;
    apply({checked()});
    ASSERT_TRUE(becomes("key", 0));
    apply({checked()});
    const int asked = asked_;
    ASSERT_TRUE(heard_.wait([&] { return asked_ > asked + 6; }));
    EXPECT_EQ(heard_.health_of("key " + label_), 0);
    EXPECT_EQ(heard_.events_with("target_unhealthy"), 1);
}

TEST_F(HealthTest, AVerdictIsTakenOverByTheSameTargetUnderANewKey) {
    status_ = 500;
    apply({checked("key", 10)});
    ASSERT_TRUE(becomes("key", 0));
    apply({checked("other key", 10)});
    // Told before any check could have found it out: by then apply has returned.
    EXPECT_EQ(heard_.health_of("other key " + label_), 0);
    EXPECT_EQ(heard_.events_with("target_unhealthy"), 1);
    status_ = 200;
    EXPECT_TRUE(becomes("other key", 1));
}

TEST_F(HealthTest, AChangedCheckStartsAnew) {
    status_ = 500;
    apply({checked("key", 10)});
    ASSERT_TRUE(becomes("key", 0));
    apply({checked("key", 3'600'000)});
    EXPECT_TRUE(becomes("key", 1));
}

TEST_F(HealthTest, AChecksEndIsTheEndOfItsRequests) {
    apply({checked()});
    ASSERT_TRUE(heard_.wait([&] { return asked_ > 2; }));
    UpstreamPlan unchecked = checked("unchecked");
    unchecked.health_check.reset();
    apply({unchecked});
    const int asked = asked_;
    const int questions = dns_.questions("app.test");
    ASSERT_TRUE(heard_.wait([&] { return dns_.questions("app.test") > questions + 10; }));
    EXPECT_LE(asked_, asked + 1);
}

TEST_F(HealthTest, StopsWithEverythingUnderWay) {
    dns_.set("silent.test", {Mood::silent, {}});
    UpstreamPlan plan = checked();
    plan.targets.push_back(target("silent.test"));
    apply({plan}, 50);
    ASSERT_TRUE(heard_.wait([&] { return asked_ > 0; }));
    control_.reset();
}

}  // namespace
}  // namespace glassgate::proxy
