// The budget of series and the table of clients: both bounded, and what finds no room is counted.
#include <gtest/gtest.h>

#include "telemetry/metrics/scene_test.h"

namespace glassgate::telemetry {
namespace {

constexpr unsigned kPastTheGrace = MetricsRegistry::kRetiredGraceScrapes + 2;

using model::Ending;
using scene::at;
using scene::Call;
using scene::has;
using scene::Plan;
using scene::Scrape;
using scene::Shop;
using scene::sum;

constexpr std::string_view kOtherRow = R"({route="other",method="other",path="other"})";

std::size_t lines(const Scrape& found) { return found.size(); }

TEST(SeriesLimit, IsKeptAndWhatFindsNoRoomIsOther) {
    MetricsSettings settings;
    settings.series_limit = 1500;
    MetricsRegistry registry(1, settings);
    Plan plan = scene::shop(1);
    for (int i = 0; i < 200; ++i)
        plan->routes.push_back(scene::route("r" + std::to_string(i), {"/r/" + std::to_string(i)}));
    registry.plan_prepared(plan, settings);
    MetricsRegistry::Cells& worker = registry.cells(0);
    worker.plan_applied(plan);
    for (uint32_t r = 0; r < plan->routes.size(); ++r)
        Call(plan).on(r).client("client-" + std::to_string(r)).through(worker);
    const Scrape found = scene::scrape(registry);
    EXPECT_LE(lines(found), settings.series_limit);
    EXPECT_EQ(at(found, "flex_series"), static_cast<double>(lines(found)));
    EXPECT_EQ(at(found, "flex_series_limit"), 1500);
    EXPECT_GT(at(found, "flex_series_overflow_total"), 100);
    EXPECT_GT(at(found, std::string("flex_requests_total").append(kOtherRow)), 100);
    // Nothing is lost in the sums.
    EXPECT_EQ(sum(found, "flex_requests_total"), 202);
    EXPECT_EQ(sum(found, "flex_exchanges_total"), 202);
    EXPECT_EQ(sum(found, "flex_responses_total"), 202);
    EXPECT_EQ(sum(found, "flex_client_requests_total"), 202);
    EXPECT_EQ(sum(found, "flex_request_duration_ms_count"), 202);
}

TEST(SeriesLimit, HasRoomAgainWhenSeriesVanish) {
    MetricsSettings settings;
    settings.series_limit = 1000;
    Shop shop(1, settings);
    Plan big = scene::shop(2);
    for (int i = 0; i < 100; ++i)
        big->routes.push_back(scene::route("r" + std::to_string(i), {"/r/" + std::to_string(i)}));
    shop.apply(big);
    EXPECT_FALSE(has(scene::scrape(shop.registry),
                     R"(flex_requests_total{route="r99",method="GET",path="/r/99"})"));
    shop.apply(scene::shop(3));
    for (unsigned i = 0; i < kPastTheGrace; ++i) (void)scene::scrape(shop.registry);
    Plan last = scene::shop(4);
    last->routes.push_back(scene::route("r99", {"/r/99"}));
    shop.apply(last);
    EXPECT_TRUE(has(scene::scrape(shop.registry),
                    R"(flex_requests_total{route="r99",method="GET",path="/r/99"})"));
}

TEST(SeriesLimit, CountsEveryLineOfEveryFormat) {
    Shop shop;
    shop.registry.add_external({"flex_config_generation", "", MetricType::gauge,
                                [](std::vector<Sample>& samples) { samples.push_back({{}, 7}); }});
    Call(shop.plan).through(shop.worker());
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, "flex_series"), static_cast<double>(lines(found)));
    EXPECT_EQ(shop.registry.value("flex_series", {}), static_cast<double>(lines(found)));
}

TEST(SeriesLimit, CanBeRaisedByAReload) {
    MetricsSettings settings;
    settings.series_limit = 10;  // not even the fixed ones fit
    Shop shop(1, settings);
    Call(shop.plan).through(shop.worker());
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_requests_total"), 1);
    shop.settings.series_limit = 100'000;
    shop.apply(scene::shop(2));
    Call(shop.plan).through(shop.worker());
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(
        at(found,
           R"(flex_requests_total{route="product-catalog",method="GET",path="/api/products"})"),
        1);
    EXPECT_EQ(sum(found, "flex_requests_total"), 2);
}

std::string client(std::string_view family, std::string_view id) {
    return std::string(family).append("{client_id=\"").append(id).append("\"}");
}

TEST(Clients, BeyondTheTableAreOther) {
    MetricsSettings settings;
    settings.clients_limit = 3;
    Shop shop(2, settings);
    for (unsigned w = 0; w < 2; ++w)
        for (int c = 0; c < 10; ++c)
            Call(shop.plan)
                .ended(Ending::rate_limited)
                .client("c" + std::to_string(c))
                .through(shop.worker(w), 2);
    const Scrape found = scene::scrape(shop.registry);
    for (const std::string_view family :
         {"flex_client_requests_total", "flex_client_rate_limit_exceeded_total"}) {
        EXPECT_EQ(at(found, client(family, "c0")), 4);
        EXPECT_EQ(at(found, client(family, "c2")), 4);
        EXPECT_FALSE(has(found, client(family, "c3")));
        EXPECT_EQ(at(found, client(family, "other")), 28);
        EXPECT_EQ(sum(found, family), 40);
    }
    EXPECT_GE(at(found, "flex_series_overflow_total"), 1);
}

TEST(Clients, WithoutAnIdAreNotCounted) {
    Shop shop;
    Call(shop.plan).through(shop.worker());
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_client_requests_total"), 0);
}

TEST(Clients, IdsThatAreNoLabelsAreOther) {
    Shop shop;
    Call(shop.plan).client(std::string(200, 'x')).through(shop.worker());
    Call(shop.plan).client("\xFF\xFE").through(shop.worker());
    Call(shop.plan).client("other").through(shop.worker());
    Call(shop.plan).client("a\"b\\c\nd").through(shop.worker());
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, client("flex_client_requests_total", "other")), 3);
    EXPECT_EQ(at(found, client("flex_client_requests_total", R"(a\"b\\c\nd)")), 1);
}

TEST(Clients, IdleOnesMakeRoom) {
    constexpr uint64_t kMinuteNs = 60 * kNsPerSecond;
    MetricsSettings settings;
    settings.clients_limit = 2;
    Shop shop(1, settings);
    const auto call = [&](std::string_view id, uint64_t minute) {
        Call(shop.plan).client(id).at_ns((1000 + minute) * kMinuteNs).through(shop.worker());
    };
    call("old", 0);
    call("busy", 0);
    call("busy", 9);
    call("new", 9);  // nobody has been idle for ten minutes
    EXPECT_FALSE(has(scene::scrape(shop.registry), client("flex_client_requests_total", "new")));
    call("new", 11);
    call("third", 11);  // "busy" was seen two minutes ago
    call("busy", 11);
    Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, client("flex_client_requests_total", "new")), 1);
    EXPECT_EQ(at(found, client("flex_client_requests_total", "busy")), 3);
    EXPECT_FALSE(has(found, client("flex_client_requests_total", "old")));
    EXPECT_FALSE(has(found, client("flex_client_requests_total", "third")));
    EXPECT_EQ(at(found, client("flex_client_requests_total", "other")), 2);
    call("old", 12);  // no room: both are busy
    found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, client("flex_client_requests_total", "other")), 3);
}

// Made-up ids for hours: memory and series stay within twice the table.
TEST(Clients, AFloodOfIdsStaysBounded) {
    MetricsSettings settings;
    settings.clients_limit = 50;
    Shop shop(1, settings);
    uint64_t now = 1'000'000 * kNsPerSecond;
    for (int round = 0; round < 40; ++round) {
        for (int i = 0; i < 200; ++i)
            Call(shop.plan)
                .client("id-" + std::to_string(round) + "-" + std::to_string(i))
                .at_ns(now += 1000)
                .through(shop.worker());
        now += 700 * kNsPerSecond;
        const Scrape found = scene::scrape(shop.registry);
        std::size_t clients = 0;
        for (const auto& [line, value] : found)
            clients += line.starts_with("flex_client_requests_total{");
        EXPECT_LE(clients, 51u);
        EXPECT_EQ(at(found, "flex_series"), static_cast<double>(lines(found)));
    }
    // Those evicted took their counts with them; whoever is there is counted right.
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_requests_total"), 8000);
}

// The cells of the evicted are given back at scrapes: without any, nobody new is admitted.
TEST(Clients, AFloodStaysBoundedWhereNobodyScrapes) {
    MetricsSettings settings;
    settings.clients_limit = 50;
    Shop shop(1, settings);
    uint64_t now = 1'000'000 * kNsPerSecond;
    for (int round = 0; round < 10; ++round, now += 700 * kNsPerSecond)
        for (int i = 0; i < 60; ++i)
            Call(shop.plan)
                .client("id-" + std::to_string(round * 100 + i))
                .at_ns(now += 1000)
                .through(shop.worker());
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, client("flex_client_requests_total", "other")), 10 * 60 - 2 * 50);
}

TEST(Clients, ALargerTableIsFilledAfterAReload) {
    MetricsSettings settings;
    settings.clients_limit = 1;
    Shop shop(1, settings);
    Call(shop.plan).client("a").through(shop.worker());
    Call(shop.plan).client("b").through(shop.worker());
    shop.settings.clients_limit = 10;
    shop.apply(scene::shop(2));
    Call(shop.plan).client("b").through(shop.worker());
    EXPECT_EQ(at(scene::scrape(shop.registry), client("flex_client_requests_total", "b")), 1);
    EXPECT_EQ(at(scene::scrape(shop.registry), client("flex_client_requests_total", "other")), 1);
}

}  // namespace
}  // namespace glassgate::telemetry
