#include "alert/notify/dispatcher.h"

#include <gtest/gtest.h>

namespace glassgate::alert {
namespace {

constexpr int64_t kSecond = 1000;

class DispatcherTest : public testing::Test {
protected:
    DispatcherTest() { begin(); }

    void begin() {
        dispatcher_.reset();
        if (!database_) database_ = std::move(*Database::open(""));
        silences_ = std::make_unique<Silences>(*database_);
        dispatcher_ = std::make_unique<Dispatcher>(
            *database_, *silences_,
            [this](const std::string& integration, const Notification& n) {
                told_.push_back(integration + " " + (n.firing() ? "firing" : "resolved") + " " +
                                std::to_string(n.count(true)) + "/" +
                                std::to_string(n.count(false)));
                last_ = n;
            },
            [this] { return now_; });
        Receiver a{"a", {{"a/webhook[0]", true, WebhookTarget{}}}};
        Receiver quiet{"quiet", {{"quiet/webhook[0]", false, WebhookTarget{}}}};
        Route route;
        route.receiver = "a";
        route.group_by = {"alertname"};
        route.group_wait_ms = 10 * kSecond;
        route.group_interval_ms = 60 * kSecond;
        route.repeat_interval_ms = 3600 * kSecond;
        Route child = route;
        child.receiver = "quiet";
        child.matchers = {*LabelMatcher::parse("severity=info")};
        route.routes = {child};
        Inhibition rule{{*LabelMatcher::parse("severity=critical")},
                        {*LabelMatcher::parse("severity=warning")},
                        {"route"}};
        dispatcher_->configure(route, {a, quiet}, {rule}, "http://gw");
    }
    void alert(const std::string& name, const std::string& route, const std::string& severity,
               bool firing = true) {
        Notice notice;
        notice.labels = {{"alertname", name}, {"route", route}, {"severity", severity}};
        notice.starts_ms = now_;
        notice.ends_ms = firing ? now_ + 240 * kSecond : now_;
        dispatcher_->receive({notice});
    }
    std::vector<std::string> after(int64_t seconds) {
        now_ += seconds * kSecond;
        told_.clear();
        dispatcher_->run_once();
        return told_;
    }
    using Told = std::vector<std::string>;

    TimeMs now_ = 1'000'000'000;
    std::unique_ptr<Database> database_;
    std::unique_ptr<Silences> silences_;
    std::unique_ptr<Dispatcher> dispatcher_;
    Told told_;
    Notification last_;
};

TEST_F(DispatcherTest, WaitsGroupsRepeatsAndResolves) {
    alert("A", "cart", "critical");
    EXPECT_EQ(after(9), Told{});
    alert("A", "checkout", "critical");
    EXPECT_EQ(after(1), Told{"a/webhook[0] firing 2/0"});
    EXPECT_EQ(last_.group_key, "{}:{alertname=\"A\"}");
    EXPECT_EQ(after(60), Told{});  // nothing new
    alert("A", "home", "critical");
    alert("A", "cart", "critical");
    EXPECT_EQ(after(30), Told{});  // not before the interval
    EXPECT_EQ(after(30), Told{"a/webhook[0] firing 3/0"});
    alert("A", "home", "critical", false);
    EXPECT_EQ(after(60), Told{"a/webhook[0] firing 2/1"});
    alert("A", "cart", "critical", false);
    alert("A", "checkout", "critical", false);
    EXPECT_EQ(after(60), Told{"a/webhook[0] resolved 0/2"});
    EXPECT_EQ(after(60), Told{});
    EXPECT_EQ(dispatcher_->numbers().groups, 0u);
}

TEST_F(DispatcherTest, Repeats) {
    alert("A", "cart", "critical");
    EXPECT_EQ(after(10).size(), 1u);
    std::size_t told = 0;
    for (int minute = 0; minute < 125; ++minute) {
        alert("A", "cart", "critical");
        told += after(60).size();
    }
    EXPECT_EQ(told, 2u);
}

TEST_F(DispatcherTest, WhatEndsUnheardOfIsOverByItsTime) {
    alert("A", "cart", "critical");
    EXPECT_EQ(after(10).size(), 1u);
    EXPECT_EQ(after(300), Told{"a/webhook[0] resolved 0/1"});
}

TEST_F(DispatcherTest, RoutesAndDoesNotTellOfTheEndWhereItIsNotWanted) {
    alert("I", "cart", "info");
    EXPECT_EQ(after(10), Told{"quiet/webhook[0] firing 1/0"});
    EXPECT_EQ(last_.group_key, "{}/{severity=\"info\"}:{alertname=\"I\"}");
    alert("I", "cart", "info", false);
    EXPECT_EQ(after(60), Told{});
    // And when it comes back, it is told again.
    alert("I", "cart", "info");
    EXPECT_EQ(after(60), Told{"quiet/webhook[0] firing 1/0"});
}

TEST_F(DispatcherTest, InhibitsTheLesserOfTheSameRoute) {
    alert("Big", "cart", "critical");
    alert("Small", "cart", "warning");
    alert("Small", "home", "warning");
    EXPECT_EQ(after(10), (Told{"a/webhook[0] firing 1/0", "a/webhook[0] firing 1/0"}));
    for (const Dispatcher::View& view : dispatcher_->alerts()) {
        const bool small_cart = store::value_of(view.notice.labels, "route") == "cart" &&
                                store::value_of(view.notice.labels, "alertname") == "Small";
        EXPECT_EQ(view.inhibited_by.size(), small_cart ? 1u : 0u);
    }
    EXPECT_EQ(dispatcher_->numbers().suppressed, 1u);
}

TEST_F(DispatcherTest, IsSilent) {
    Silence silence;
    silence.matchers = {*LabelMatcher::parse("route=cart")};
    silence.starts_ms = now_;
    silence.ends_ms = now_ + 100 * kSecond;
    silence.comment = "x";
    ASSERT_TRUE(silences_->set(silence, now_));
    alert("A", "cart", "critical");
    EXPECT_EQ(after(10), Told{});
    EXPECT_EQ(dispatcher_->alerts().front().silenced_by.size(), 1u);
    alert("A", "cart", "critical");
    EXPECT_EQ(after(60), Told{});
    EXPECT_EQ(after(60), Told{"a/webhook[0] firing 1/0"});  // the silence is over
}

TEST_F(DispatcherTest, RemembersWhatWasToldOverARestart) {
    alert("A", "cart", "critical");
    EXPECT_EQ(after(10).size(), 1u);
    const TimeMs began = now_;
    begin();
    Notice notice;
    notice.labels = {{"alertname", "A"}, {"route", "cart"}, {"severity", "critical"}};
    notice.starts_ms = began;
    notice.ends_ms = now_ + 240 * kSecond;
    dispatcher_->receive({notice});
    EXPECT_EQ(after(11), Told{});
    notice.ends_ms = now_;
    dispatcher_->receive({notice});
    EXPECT_EQ(after(60), Told{"a/webhook[0] resolved 0/1"});
}

}  // namespace
}  // namespace glassgate::alert
