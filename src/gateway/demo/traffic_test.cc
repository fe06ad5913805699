// Clients and upstreams against each other, without a gateway between them.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/clock.h"
#include "gateway/demo/clients.h"
#include "gateway/demo/upstreams.h"

namespace glassgate::gateway::demo {
namespace {

template <typename Condition>
bool eventually(Condition&& condition) {
    for (const uint64_t until = mono_now_ns() + 20 * kNsPerSecond; mono_now_ns() < until;) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

Scenario calm_scenario() {
    Scenario s = make_scenario(10, 0.2, 3);
    s.sale_s = 1e6;  // never
    return s;
}

TEST(Traffic, EveryRequestIsAnsweredAndCountedByBoth) {
    const Scenario scenario = calm_scenario();
    auto upstreams = Upstreams::start(scenario.product_service, 1);
    ASSERT_TRUE(upstreams) << upstreams.error().message;
    auto clients = Clients::start(scenario, (*upstreams)->port(Service::product_service), 2, 5000);
    ASSERT_TRUE(clients) << clients.error().message;
    ASSERT_TRUE(eventually([&] { return (*clients)->totals().answered >= 200; }));
    (*clients)->stop_sending();
    ASSERT_TRUE(eventually([&] { return (*clients)->totals().open == 0; }));
    ASSERT_TRUE((*clients)->wait_idle(1000));
    const ClientTotals t = (*clients)->totals();
    EXPECT_EQ(t.broken, 0u);
    EXPECT_EQ(t.sent, t.answered);
    EXPECT_EQ((*upstreams)->received(), t.sent);
    EXPECT_GT(t.by_class[2], t.answered * 9 / 10);
}

TEST(Traffic, ArrivesAtTheRateOfTheScenarioWhateverTheAnswersTake) {
    Scenario scenario = calm_scenario();
    auto upstreams = Upstreams::start(scenario.product_service, 1);
    ASSERT_TRUE(upstreams);
    auto clients = Clients::start(scenario, (*upstreams)->port(Service::product_service), 2, 5000);
    ASSERT_TRUE(clients);
    ASSERT_TRUE(eventually([&] { return (*clients)->totals().sent >= 400; }));
    const double took_s = static_cast<double>(mono_now_ns() - (*clients)->started_ns()) / 1e9;
    EXPECT_NEAR(400 / took_s, 3859 * 0.2 / kSaleFactor, 90);
}

TEST(Traffic, WhatHangsNeverAnswersAndEndsWithTheClients) {
    Scenario scenario = calm_scenario();
    scenario.product_service = {0,   1,   0.001,   1e9,
                                0.5, 1e9, 1u << 30};  // under pressure at once, for ever
    auto upstreams = Upstreams::start(scenario.product_service, 1);
    ASSERT_TRUE(upstreams);
    auto clients = Clients::start(scenario, (*upstreams)->port(Service::product_service), 2, 5000);
    ASSERT_TRUE(clients);
    ASSERT_TRUE(eventually([&] { return (*upstreams)->hung() >= 20; }));
    (*clients)->stop_sending();
    EXPECT_FALSE((*clients)->wait_idle(50));
    EXPECT_GE((*clients)->totals().open, 20u);
    clients->reset();  // gives up what is open, without waiting for it
}

TEST(Traffic, NoMoreThanTheBoundIsUnderWay) {
    Scenario scenario = calm_scenario();
    scenario.product_service = {0, 1, 0.001, 1e9, 0.5, 1e9, 1u << 30};  // all hang
    auto upstreams = Upstreams::start(scenario.product_service, 1);
    ASSERT_TRUE(upstreams);
    auto clients = Clients::start(scenario, (*upstreams)->port(Service::product_service), 2, 25);
    ASSERT_TRUE(clients);
    ASSERT_TRUE(eventually([&] { return (*clients)->totals().held_back >= 10; }));
    EXPECT_LE((*clients)->totals().open, 25u);
}

TEST(Traffic, NobodyListensIsBrokenNotLost) {
    const Scenario scenario = calm_scenario();
    uint16_t port = 0;
    {
        auto upstreams = Upstreams::start(scenario.product_service, 1);
        ASSERT_TRUE(upstreams);
        port = (*upstreams)->port(Service::cart);
    }
    auto clients = Clients::start(scenario, port, 2, 5000);
    ASSERT_TRUE(clients);
    ASSERT_TRUE(eventually([&] { return (*clients)->totals().broken >= 10; }));
    EXPECT_EQ((*clients)->totals().answered, 0u);
}

TEST(Upstreams, KnowTheirEndpoints) {
    EXPECT_EQ(endpoint_of(Service::product_service, "/api/products"), Endpoint::products);
    EXPECT_EQ(endpoint_of(Service::product_service, "/api/products/sku-1"), Endpoint::product);
    EXPECT_EQ(endpoint_of(Service::product_service, "/health"), Endpoint::health);
    EXPECT_EQ(endpoint_of(Service::checkout, "/api/checkout"), Endpoint::checkout);
}

}  // namespace
}  // namespace glassgate::gateway::demo
