// Reloads: no counter goes back, what is gone vanishes after the grace, gauges end where they
// began.
#include <gtest/gtest.h>

#include <cstring>

#include "telemetry/metrics/scene_test.h"

namespace glassgate::telemetry {
namespace {

constexpr unsigned kPastTheGrace = MetricsRegistry::kRetiredGraceScrapes + 2;

using scene::at;
using scene::Call;
using scene::has;
using scene::Plan;
using scene::Scrape;
using scene::Shop;

constexpr std::string_view kCart = R"({route="cart",method="POST",path="/api/cart"})";
constexpr std::string_view kProducts =
    R"({route="product-catalog",method="GET",path="/api/products"})";

std::string series(std::string_view name, std::string_view labels) {
    return std::string(name).append(labels);
}

// The shop without its cart, whose upstream and the second listener go with it.
Plan without_cart(uint64_t generation) {
    Plan plan = scene::shop(generation);
    plan->routes.pop_back();
    plan->upstreams.pop_back();
    plan->listeners.pop_back();
    return plan;
}

bool is_counter(std::string_view line) {
    const std::string_view name = line.substr(0, line.find('{'));
    return name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_bucket") ||
           name.ends_with("_sum") || name == "flex_rate_limit_exceeded";
}

// Every counter of `before` that is still there is at least as high, and no series is there twice.
void expect_monotonic(const Scrape& before, const Scrape& after) {
    for (const auto& [line, value] : after) {
        EXPECT_FALSE(line.starts_with("DUPLICATE")) << line;
        const double least = is_counter(line) ? at(before, line) : value;  // absent before: -1
        EXPECT_GE(value, least) << line;
    }
}

TEST(Reload, KeptRoutesGoOnCounting) {
    Shop shop(2);
    Call(shop.plan)
        .client("mob-4f7a")
        .attempt(0, 0, model::AttemptResult::response)
        .through(shop.worker(1), 3);
    const Scrape before = scene::scrape(shop.registry);
    shop.apply(scene::shop(2));
    Call(shop.plan).answered(503).through(shop.worker(0), 2);
    const Scrape after = scene::scrape(shop.registry);
    EXPECT_EQ(at(after, series("flex_requests_total", kProducts)), 5);
    EXPECT_EQ(at(after, series("flex_requests_errors_total", kProducts)), 2);
    expect_monotonic(before, after);
    for (const auto& [line, value] : before) EXPECT_TRUE(has(after, line)) << line;
}

TEST(Reload, RecordsOfTheOldPlanCountAfterTheNewOneIsApplied) {
    Shop shop;
    const Plan old = shop.plan;
    const Plan next = without_cart(2);
    shop.registry.plan_prepared(next, {});
    shop.worker().plan_applied(next);
    Call(old).on(1).method(Method::post).through(shop.worker());
    EXPECT_EQ(at(scene::scrape(shop.registry), series("flex_requests_total", kCart)), 1);
}

TEST(Reload, RemovedRoutesVanishAfterTheGrace) {
    Shop shop(2);
    Call(shop.plan)
        .on(1)
        .method(Method::post)
        .answered(201)
        .streaming(model::StreamKind::grpc, 1)
        .through(shop.worker(), 2);
    shop.apply(without_cart(2));
    for (unsigned i = 0; i < MetricsRegistry::kRetiredGraceScrapes; ++i)
        EXPECT_EQ(at(scene::scrape(shop.registry), series("flex_requests_total", kCart)), 2) << i;
    const Scrape found = scene::scrape(shop.registry);
    for (const auto& [line, value] : found) EXPECT_EQ(line.find("cart"), std::string::npos) << line;
    for (const auto& [line, value] : found)
        EXPECT_EQ(line.find("admin"), std::string::npos) << line;
    EXPECT_EQ(at(found, series("flex_requests_total", kProducts)), 0);
}

TEST(Reload, NothingVanishesWhileAnOldExchangeIsOpen) {
    Shop shop(2);
    const Plan old = shop.plan;
    const Plan next = without_cart(2);
    shop.registry.plan_prepared(next, {});
    for (unsigned w = 0; w < 2; ++w) shop.worker(w).plan_applied(next);
    shop.worker(0).plan_retired(1);  // worker 1 has a slow one
    for (unsigned i = 0; i < kPastTheGrace; ++i)
        EXPECT_TRUE(has(scene::scrape(shop.registry), series("flex_requests_total", kCart)));
    Call(old).on(1).method(Method::post).through(shop.worker(1));
    shop.worker(1).plan_retired(1);
    EXPECT_EQ(at(scene::scrape(shop.registry), series("flex_requests_total", kCart)), 1);
    for (unsigned i = 0; i < kPastTheGrace; ++i) (void)scene::scrape(shop.registry);
    EXPECT_FALSE(has(scene::scrape(shop.registry), series("flex_requests_total", kCart)));
}

TEST(Reload, ARouteThatComesBackWithinTheGraceGoesOn) {
    Shop shop;
    Call(shop.plan).on(1).method(Method::post).through(shop.worker(), 7);
    shop.apply(without_cart(2));
    (void)scene::scrape(shop.registry);
    shop.apply(scene::shop(3));
    Call(shop.plan).on(1).method(Method::post).through(shop.worker());
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, series("flex_requests_total", kCart)), 8);
    EXPECT_EQ(at(found,
                 R"(flex_responses_total{route="cart",method="POST",path="/api/cart",code="200"})"),
              8);
}

TEST(Reload, ManyReloadsBetweenTwoScrapesResetNothing) {
    Shop shop;
    Call(shop.plan).on(1).method(Method::post).through(shop.worker(), 7);
    (void)scene::scrape(shop.registry);
    uint64_t generation = 1;
    for (int i = 0; i < 20; ++i) shop.apply(without_cart(++generation));
    shop.apply(scene::shop(++generation));
    EXPECT_EQ(at(scene::scrape(shop.registry), series("flex_requests_total", kCart)), 7);
}

TEST(Reload, ARouteThatComesBackAfterTheGraceStartsAnew) {
    Shop shop;
    Call(shop.plan).on(1).method(Method::post).through(shop.worker(), 7);
    shop.apply(without_cart(2));
    for (unsigned i = 0; i < kPastTheGrace; ++i) (void)scene::scrape(shop.registry);
    shop.apply(scene::shop(3));
    Call(shop.plan).on(1).method(Method::post).through(shop.worker(), 2);
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, series("flex_requests_total", kCart)), 2);
    EXPECT_EQ(at(found, series("flex_request_duration_seconds_count", kCart)), 2);
    EXPECT_FALSE(has(found, "DUPLICATE " + series("flex_requests_total", kCart)));
}

TEST(Reload, WhereNobodyScrapesWhatIsGoneGoesToo) {
    MetricsSettings settings;
    settings.series_limit = 1000;
    Shop shop(1, settings);
    for (uint64_t generation = 2; generation < 500; ++generation) {
        Plan plan = scene::shop(generation);
        plan->routes[1].id = "cart-" + std::to_string(generation);
        shop.apply(plan);
    }
    for (uint64_t generation = 500; generation < 540; ++generation)
        shop.apply(scene::shop(generation));
    Call(shop.plan).on(1).method(Method::post).through(shop.worker());
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, series("flex_requests_total", kCart)), 1);  // there is room for it again
    EXPECT_EQ(found.lower_bound("flex_requests_total{route=\"cart-")->first.find("cart-"),
              std::string::npos);
}

TEST(Reload, APlanThatIsNeverAppliedGoesWithTheNextOne) {
    Shop shop;
    Plan failed = scene::shop(2);
    failed->routes[1].id = "stillborn";
    shop.registry.plan_prepared(failed, {});
    constexpr std::string_view kStillborn =
        R"(flex_requests_total{route="stillborn",method="POST",path="/api/cart"})";
    EXPECT_TRUE(has(scene::scrape(shop.registry), kStillborn));
    shop.apply(scene::shop(3));
    for (unsigned i = 0; i < kPastTheGrace; ++i) (void)scene::scrape(shop.registry);
    EXPECT_FALSE(has(scene::scrape(shop.registry), kStillborn));
    EXPECT_TRUE(has(scene::scrape(shop.registry), series("flex_requests_total", kCart)));
}

TEST(Reload, APreparedPlanWaitsForEveryWorker) {
    Shop shop(2);
    Plan next = scene::shop(2);
    next->routes[1].id = "basket";
    shop.registry.plan_prepared(next, {});
    constexpr std::string_view kBasket =
        R"(flex_requests_total{route="basket",method="POST",path="/api/cart"})";
    for (unsigned i = 0; i < kPastTheGrace; ++i)
        EXPECT_EQ(at(scene::scrape(shop.registry), kBasket), 0);
    shop.worker(0).plan_applied(next);
    shop.worker(0).plan_retired(1);
    for (unsigned i = 0; i < kPastTheGrace; ++i) (void)scene::scrape(shop.registry);
    Call(next).on(1).method(Method::post).through(shop.worker(0));
    Call(shop.plan).on(1).method(Method::post).through(shop.worker(1));
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, kBasket), 1);
    EXPECT_EQ(at(found, series("flex_requests_total", kCart)), 1);
}

TEST(Reload, CountersNeverGoBackOverTwoHundredReloads) {
    Shop shop(2);
    Scrape before = scene::scrape(shop.registry);
    double requests = 0;
    for (uint64_t generation = 2; generation < 202; ++generation) {
        shop.apply(generation % 2 == 0 ? without_cart(generation) : scene::shop(generation));
        for (unsigned w = 0; w < 2; ++w) {
            Call(shop.plan)
                .on(0, generation % 2)
                .client("c" + std::to_string(generation % 5))
                .through(shop.worker(w), 3);
            requests += 3;
        }
        const Scrape after = scene::scrape(shop.registry);
        expect_monotonic(before, after);
        EXPECT_EQ(scene::sum(after, "flex_requests_total"), requests);
        EXPECT_EQ(scene::sum(after, "flex_exchanges_total"), requests);
        before = after;
    }
}

// --- gauges --------------------------------------------------------------------------------------

model::Connection connection(
    uint32_t listener, const char* name,
    model::ConnectionEnding ending = model::ConnectionEnding::client_closed) {
    model::Connection c;
    c.listener = listener;
    std::strncpy(c.listener_name, name, sizeof c.listener_name - 1);
    c.ending = ending;
    return c;
}

void expect_no_negative(const Scrape& found) {
    for (const auto& [line, value] : found) EXPECT_GE(value, 0) << line;
}

TEST(Gauges, ComeDownToZeroAcrossWorkers) {
    Shop shop(2);
    for (unsigned w = 0; w < 2; ++w)
        for (int i = 0; i < 3; ++i) shop.worker(w).connection_opened(0);
    shop.worker(0).upstream_connections_changed("product-service", 2);
    shop.worker(1).exchange_opened(1);
    Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_connections{listener="public"})"), 6);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="product-service"})"), 2);
    EXPECT_EQ(at(found, R"(flex_exchanges_active{listener="admin"})"), 1);
    for (unsigned w = 0; w < 2; ++w)
        for (int i = 0; i < 3; ++i) shop.worker(w).connection_closed(connection(0, "public"));
    shop.worker(0).upstream_connections_changed("product-service", -2);
    Call call(shop.plan);
    call.record().listener = 1;
    shop.worker(1).exchange_closed(call.record());
    found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_connections{listener="public"})"), 0);
    EXPECT_EQ(at(found, R"(flex_connections_total{listener="public"})"), 6);
    EXPECT_EQ(
        at(found, R"(flex_connection_endings_total{listener="public",ending="client_closed"})"), 6);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="product-service"})"), 0);
    EXPECT_EQ(at(found, R"(flex_exchanges_active{listener="admin"})"), 0);
    expect_no_negative(found);
}

// The order of listeners and upstreams changes, so that an old index would hit a stranger.
TEST(Gauges, FindTheirSeriesThoughIndexesChanged) {
    Shop shop;
    shop.worker().connection_opened(0);
    shop.worker().connection_opened(1);
    shop.worker().upstream_connections_changed("cart", 1);
    Plan next = scene::shop(2);
    std::swap(next->listeners[0], next->listeners[1]);
    std::swap(next->upstreams[0], next->upstreams[1]);
    shop.apply(next);
    shop.worker().connection_closed(connection(0, "public"));
    shop.worker().upstream_connections_changed("cart", -1);
    shop.worker().upstream_connections_changed("product-service", 1);
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_connections{listener="public"})"), 0);
    EXPECT_EQ(at(found, R"(flex_connections{listener="admin"})"), 1);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="cart"})"), 0);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="product-service"})"), 1);
}

TEST(Gauges, OfWhatIsGoneStayWhileSomethingIsOpen) {
    Shop shop;
    shop.worker().connection_opened(1);
    shop.worker().upstream_connections_changed("cart", 2);
    shop.apply(without_cart(2));
    shop.apply(without_cart(3));
    for (unsigned i = 0; i < kPastTheGrace; ++i) (void)scene::scrape(shop.registry);
    Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_connections{listener="admin"})"), 1);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="cart"})"), 2);
    shop.worker().upstream_connections_changed("cart", -1);
    shop.worker().upstream_connections_changed("cart", -1);
    shop.worker().connection_closed(connection(1, "admin", model::ConnectionEnding::drained));
    found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_connections{listener="admin"})"), 0);
    EXPECT_EQ(at(found, R"(flex_connection_endings_total{listener="admin",ending="drained"})"), 1);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="cart"})"), 0);
    expect_no_negative(found);
    for (unsigned i = 0; i < kPastTheGrace; ++i) found = scene::scrape(shop.registry);
    EXPECT_FALSE(has(found, R"(flex_connections{listener="admin"})"));
    EXPECT_FALSE(has(found, R"(flex_connection_endings_total{listener="admin",ending="drained"})"));
    EXPECT_FALSE(has(found, R"(flex_upstream_connections{upstream="cart"})"));
}

TEST(Gauges, OfWhatComesBackWhileSomethingIsOpenGoOn) {
    Shop shop;
    shop.worker().connection_opened(1);
    shop.worker().upstream_connections_changed("cart", 1);
    shop.apply(without_cart(2));
    for (unsigned i = 0; i < kPastTheGrace; ++i) (void)scene::scrape(shop.registry);
    shop.apply(scene::shop(3));
    shop.worker().connection_opened(1);
    EXPECT_EQ(at(scene::scrape(shop.registry), R"(flex_connections{listener="admin"})"), 2);
    shop.worker().connection_closed(connection(1, "admin"));
    shop.worker().connection_closed(connection(1, "admin"));
    shop.worker().upstream_connections_changed("cart", -1);
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_connections{listener="admin"})"), 0);
    EXPECT_EQ(at(found, R"(flex_connections_total{listener="admin"})"), 2);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="cart"})"), 0);
}

TEST(Gauges, OfTheLastPlanComeDownAfterItHasRetired) {
    Shop shop;
    shop.worker().connection_opened(0);
    shop.worker().upstream_connections_changed("product-service", 1);
    shop.worker().plan_retired(1);  // the gateway stops
    shop.worker().upstream_connections_changed("product-service", -1);
    shop.worker().connection_closed(connection(0, "public"));
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_connections{listener="public"})"), 0);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="product-service"})"), 0);
    expect_no_negative(found);
}

TEST(Gauges, ActiveExchangesAreThoseOfTheirOwnPlan) {
    Shop shop;
    const Plan old = shop.plan;
    shop.worker().exchange_opened(1);
    Plan next = scene::shop(2);
    std::swap(next->listeners[0], next->listeners[1]);
    shop.registry.plan_prepared(next, {});
    shop.worker().plan_applied(next);
    Call call(old);
    call.record().listener = 1;
    shop.worker().exchange_closed(call.record());
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_exchanges_active{listener="admin"})"), 0);
    EXPECT_EQ(at(found, R"(flex_exchanges_active{listener="public"})"), 0);
}

TEST(Gauges, AListenerWhoseNameDoesNotFitTheRecordIsFoundByIndex) {
    Shop shop;
    Plan next = scene::shop(2);
    next->listeners[1].name = std::string(100, 'x');
    shop.apply(next);
    shop.worker().connection_opened(1);
    shop.worker().connection_closed(connection(1, next->listeners[1].name.c_str()));
    const std::string labels = "{listener=\"" + next->listeners[1].name + "\"}";
    EXPECT_EQ(at(scene::scrape(shop.registry), "flex_connections" + labels), 0);
    EXPECT_EQ(at(scene::scrape(shop.registry), "flex_connections_total" + labels), 1);
}

}  // namespace
}  // namespace glassgate::telemetry
