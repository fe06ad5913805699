// The contract of the metrics (design: families and labels) and the traps around it.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "telemetry/metrics/catalogue.h"
#include "telemetry/metrics/scene_test.h"

namespace glassgate::telemetry {
namespace {

using model::AttemptResult;
using model::Ending;
using scene::at;
using scene::Call;
using scene::has;
using scene::Shop;
using scene::sum;

constexpr std::string_view kProducts =
    R"({route="product-catalog",method="GET",path="/api/products"})";

std::string series(std::string_view name, std::string_view labels = kProducts) {
    return std::string(name).append(labels);
}
std::string bucket(std::string_view le) {
    return std::string(R"(flex_request_duration_ms_bucket{route="product-catalog",method="GET",)")
        .append(R"(path="/api/products",le=")")
        .append(le)
        .append("\"}");
}

TEST(Contract, FamiliesTypesAndLabels) {
    using enum FamilyType;
    struct Row {
        std::string_view name;
        FamilyType type;
        std::vector<std::string_view> labels;
    };
    const std::vector<std::string_view> request{"route", "method", "path"};
    const Row contract[] = {
        {"flex_requests_total", counter, request},
        {"flex_requests_errors_total", counter, request},
        {"flex_rate_limit_exceeded", unknown, request},
        {"flex_auth_failures_total", counter, request},
        {"flex_request_duration_ms", histogram, request},
        {"flex_request_duration_seconds", histogram, request},
        {"flex_responses_total", counter, {"route", "method", "path", "code"}},
        {"flex_grpc_responses_total", counter, {"route", "method", "path", "grpc_status"}},
        {"flex_exchanges_total", counter, {"ending", "origin"}},
        {"flex_client_requests_total", counter, {"client_id"}},
        {"flex_client_rate_limit_exceeded_total", counter, {"client_id"}},
        {"flex_policy_verdicts_total", counter, {"route", "policy", "reason"}},
        {"flex_upstream_attempts_total", counter, {"upstream", "target", "result"}},
        {"flex_upstream_duration_seconds", histogram, {"upstream"}},
        {"flex_upstream_connections", gauge, {"upstream"}},
        {"flex_upstream_reuse_total", counter, {"upstream"}},
        {"flex_circuit_breaker_state", gauge, {"route", "upstream"}},
        {"flex_connections", gauge, {"listener"}},
        {"flex_connections_total", counter, {"listener"}},
        {"flex_connection_endings_total", counter, {"listener", "ending"}},
        {"flex_tls_handshake_failures_total", counter, {"listener", "reason"}},
        {"flex_tls_connections_total", counter, {"listener", "version", "resumed"}},
        {"flex_certificate_expiry_timestamp_seconds", gauge, {"listener", "name"}},
        {"flex_exchanges_active", gauge, {"listener"}},
        {"flex_stream_lifetime_seconds", histogram, {"route", "kind"}},
        {"flex_config_generation", gauge, {}},
        {"flex_config_last_reload_successful", gauge, {}},
        {"flex_config_last_reload_timestamp_seconds", gauge, {}},
        {"flex_telemetry_records_total", counter, {"sink", "outcome"}},
        {"flex_telemetry_queue_bytes", gauge, {"sink"}},
        {"flex_flight_recorder_records", gauge, {}},
        {"flex_flight_recorder_bytes", gauge, {}},
        {"flex_flight_recorder_oldest_timestamp_seconds", gauge, {}},
        {"flex_flight_recorder_damaged_frames_total", counter, {}},
        {"flex_series", gauge, {}},
        {"flex_series_limit", gauge, {}},
        {"flex_series_overflow_total", counter, {}},
    };
    for (const Row& row : contract) {
        const Family* family = find_family(row.name);
        ASSERT_NE(family, nullptr) << row.name;
        EXPECT_EQ(family->type, row.type) << row.name;
        const auto labels = label_names(*family);
        EXPECT_EQ(std::vector<std::string_view>(labels.begin(), labels.end()), row.labels)
            << row.name;
        EXPECT_FALSE(family->help.empty()) << row.name;
    }
}

TEST(Contract, TheSeriesCarryExactlyTheLabelsOfTheCatalogue) {
    Shop shop;
    shop.worker().connection_opened(0);
    Call(shop.plan)
        .client("mob-4f7a")
        .step(0, 0)
        .attempt(0, 0, AttemptResult::response)
        .through(shop.worker());
    Call(shop.plan).streaming(model::StreamKind::websocket, 5).took_ms(5000).through(shop.worker());
    Call(shop.plan).grpc(0).through(shop.worker());
    model::Connection connection = scene::refused_handshake("public", "unknown_ca");
    shop.worker().connection_closed(connection);
    connection.ending = model::ConnectionEnding::client_closed;
    connection.tls = model::TlsVersion::tls1_3;
    shop.worker().connection_closed(connection);
    std::set<std::string_view> seen;
    for (const auto& [line, value] : scene::scrape(shop.registry)) {
        for (const Family& family : metric_catalogue()) {
            std::string_view rest = line;
            if (!rest.starts_with(family.name)) continue;
            rest.remove_prefix(family.name.size());
            for (const std::string_view suffix : {"_bucket", "_sum", "_count"})
                if (family.type == FamilyType::histogram && rest.starts_with(suffix))
                    rest.remove_prefix(suffix.size());
            if (!rest.empty() && rest.front() != '{') continue;  // a longer name
            seen.insert(family.name);
            std::string names;
            for (std::size_t i = 0; i < rest.size(); ++i)
                if (rest.substr(i).starts_with("=\"")) {
                    const std::size_t start = rest.find_last_of("{,", i) + 1;
                    names.append(names.empty() ? "" : ",").append(rest.substr(start, i - start));
                    i = rest.find('"', i + 2);
                }
            std::string wanted;
            for (const std::string_view label : label_names(family))
                wanted.append(wanted.empty() ? "" : ",").append(label);
            if (line.find("_bucket{") != std::string::npos)
                wanted.append(wanted.empty() ? "le" : ",le");
            EXPECT_EQ(names, wanted) << line;
        }
    }
    for (const Family& family : metric_catalogue()) {
        const bool here = family.subject != Subject::external;
        EXPECT_EQ(seen.contains(family.name), here) << family.name;
    }
}

TEST(Contract, EverythingConfiguredExistsAtZeroBeforeTraffic) {
    MetricsRegistry registry(2, {});
    auto plan = scene::shop(1);
    plan->routes.push_back(scene::route("any", {"/any/*"}, kAllMethods));
    registry.plan_prepared(plan, {});
    const scene::Scrape found = scene::scrape(registry);
    const std::string_view labels[] = {
        kProducts,
        R"({route="product-catalog",method="GET",path="/api/products/:id"})",
        R"({route="cart",method="POST",path="/api/cart"})",
        R"({route="any",method="GET",path="/any/*"})",
        R"({route="any",method="DELETE",path="/any/*"})",
        R"({route="any",method="OTHER",path="/any/*"})",
        R"({route="none",method="GET",path="none"})"};
    for (const std::string_view set : labels)
        for (const std::string_view name :
             {"flex_requests_total", "flex_requests_errors_total", "flex_rate_limit_exceeded",
              "flex_auth_failures_total", "flex_request_duration_ms_count",
              "flex_request_duration_ms_sum", "flex_request_duration_seconds_count"})
            EXPECT_EQ(at(found, series(name, set)), 0) << name << set;
    EXPECT_EQ(at(found, bucket("500")), 0);
    EXPECT_EQ(
        at(found,
           R"(flex_policy_verdicts_total{route="product-catalog",policy="rate-limit",reason="limit_exceeded"})"),
        0);
    EXPECT_EQ(
        at(found,
           R"(flex_upstream_attempts_total{upstream="cart",target="cart:3000",result="timeout"})"),
        0);
    EXPECT_EQ(at(found, R"(flex_upstream_connections{upstream="cart"})"), 0);
    EXPECT_EQ(at(found, R"(flex_connections{listener="admin"})"), 0);
    EXPECT_EQ(
        at(found, R"(flex_connection_endings_total{listener="public",ending="idle_timeout"})"), 0);
    EXPECT_EQ(at(found, R"(flex_exchanges_active{listener="public"})"), 0);
    EXPECT_EQ(at(found, R"(flex_exchanges_total{ending="rate_limited",origin="client"})"), 0);
    // A method the route does not take has no series.
    EXPECT_FALSE(has(found, R"(flex_requests_total{route="cart",method="GET",path="/api/cart"})"));
}

TEST(Contract, RateLimitExceededKeepsItsNameInEveryFormat) {
    Shop shop;
    Call(shop.plan).ended(Ending::rate_limited).through(shop.worker(), 3);
    const std::string text = scene::expose(shop.registry, Exposition::text_0_0_4);
    EXPECT_NE(text.find("# TYPE flex_rate_limit_exceeded untyped\n"), std::string::npos);
    EXPECT_NE(text.find("\n" + series("flex_rate_limit_exceeded") + " 3\n"), std::string::npos);
    EXPECT_EQ(text.find("flex_rate_limit_exceeded_total"), std::string::npos);
    const std::string open = scene::expose(shop.registry, Exposition::open_metrics);
    EXPECT_NE(open.find("# TYPE flex_rate_limit_exceeded unknown\n"), std::string::npos);
    EXPECT_NE(open.find("\n" + series("flex_rate_limit_exceeded") + " 3\n"), std::string::npos);
    EXPECT_EQ(open.find("flex_rate_limit_exceeded_total"), std::string::npos);
    const std::string protobuf = scene::expose(shop.registry, Exposition::protobuf);
    EXPECT_NE(protobuf.find("flex_rate_limit_exceeded"), std::string::npos);
    EXPECT_EQ(protobuf.find("flex_rate_limit_exceeded_total"), std::string::npos);
}

TEST(Contract, AValueEqualToAnEdgeBelongsToIt) {
    for (const auto& [ms, ns] :
         {std::pair{"500", 500'000'000u}, {"2.5", 2'500'000u}, {"1", 1'000'000u}}) {
        Shop shop;
        Call(shop.plan).took_ns(ns).through(shop.worker());
        Call(shop.plan).took_ns(ns + 1).through(shop.worker());
        EXPECT_EQ(at(scene::scrape(shop.registry), bucket(ms)), 1) << ms;
    }
    Shop shop;
    Call(shop.plan).took_ms(5000).through(shop.worker());
    Call(shop.plan).took_ms(5000.000001).through(shop.worker());
    const scene::Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, bucket("2500")), 0);
    EXPECT_EQ(at(found, bucket("5000")), 1);
    EXPECT_EQ(at(found, bucket("10000")), 2);
    EXPECT_EQ(at(found, bucket("+Inf")), 2);
    EXPECT_EQ(at(found, series("flex_request_duration_ms_count")), 2);
    EXPECT_DOUBLE_EQ(at(found, series("flex_request_duration_ms_sum")), 10000.000001);
}

TEST(Contract, OneFamilyForMillisecondsAndOneForSeconds) {
    Shop shop;
    Call(shop.plan).took_ms(80).through(shop.worker());
    const scene::Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, bucket("100")), 1);
    EXPECT_DOUBLE_EQ(at(found, series("flex_request_duration_seconds_sum")), 0.08);
    EXPECT_DOUBLE_EQ(at(found, series("flex_request_duration_ms_sum")), 80);
}

TEST(Contract, WhatIsAnErrorAndWhatIsNot) {
    struct Case {
        Ending ending;
        uint16_t status;
        bool error;
    };
    for (const Case& c : {Case{Ending::completed, 200, false},
                          {Ending::completed, 404, false},
                          {Ending::completed, 500, true},
                          {Ending::completed, 503, true},
                          {Ending::client_abort, 499, false},
                          {Ending::client_abort, 200, false},
                          {Ending::client_write_timeout, 200, false},
                          {Ending::rate_limited, 429, false},
                          {Ending::auth_failed, 401, false},
                          {Ending::malformed_request, 400, false},
                          {Ending::upstream_timeout, 504, true},
                          {Ending::circuit_open, 503, true},
                          {Ending::upstream_body_reset, 200, true},
                          {Ending::shutdown, 200, true}}) {
        Shop shop;
        Call(shop.plan).ended(c.ending).answered(c.status).through(shop.worker());
        const scene::Scrape found = scene::scrape(shop.registry);
        EXPECT_EQ(at(found, series("flex_requests_total")), 1);
        EXPECT_EQ(at(found, series("flex_requests_errors_total")), c.error ? 1 : 0)
            << to_text(c.ending) << " " << c.status;
    }
}

TEST(Contract, RefusalsAreCountedWhereTheyBelong) {
    Shop shop;
    Call(shop.plan).ended(Ending::rate_limited).client("mob-4f7a").through(shop.worker(), 2);
    Call(shop.plan).ended(Ending::auth_failed).through(shop.worker());
    Call(shop.plan).answered(429).through(shop.worker());  // the upstream's own 429
    const scene::Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, series("flex_rate_limit_exceeded")), 2);
    EXPECT_EQ(at(found, series("flex_auth_failures_total")), 1);
    EXPECT_EQ(at(found, R"(flex_client_requests_total{client_id="mob-4f7a"})"), 2);
    EXPECT_EQ(at(found, R"(flex_client_rate_limit_exceeded_total{client_id="mob-4f7a"})"), 2);
    EXPECT_EQ(at(found, R"(flex_exchanges_total{ending="rate_limited",origin="client"})"), 2);
}

TEST(Contract, ResponsesByCode) {
    Shop shop;
    Call(shop.plan).through(shop.worker(), 2);
    Call(shop.plan).answered(503).through(shop.worker());
    Call(shop.plan).answered(0).through(shop.worker());
    Call(shop.plan).answered(7).through(shop.worker());
    const scene::Scrape found = scene::scrape(shop.registry);
    const std::string head =
        R"(flex_responses_total{route="product-catalog",method="GET",path="/api/products",code=")";
    EXPECT_EQ(at(found, head + "200\"}"), 2);
    EXPECT_EQ(at(found, head + "503\"}"), 1);
    EXPECT_EQ(at(found, head + "none\"}"), 1);
    EXPECT_EQ(at(found, head + "other\"}"), 1);
    EXPECT_EQ(sum(found, "flex_responses_total"), 5);
}

TEST(Contract, StreamingDurationsAreSplit) {
    Shop shop;
    Call(shop.plan).took_ms(60'000).streaming(model::StreamKind::sse, 40).through(shop.worker());
    Call(shop.plan)
        .took_ms(3'600'000)
        .streaming(model::StreamKind::websocket, 40)
        .ended(Ending::upgraded)
        .through(shop.worker());
    const scene::Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, bucket("50")), 2);
    EXPECT_DOUBLE_EQ(at(found, series("flex_request_duration_seconds_sum")), 0.08);
    EXPECT_DOUBLE_EQ(
        at(found, R"(flex_stream_lifetime_seconds_sum{route="product-catalog",kind="sse"})"), 60);
    EXPECT_DOUBLE_EQ(
        at(found, R"(flex_stream_lifetime_seconds_sum{route="product-catalog",kind="websocket"})"),
        3600);
    EXPECT_EQ(
        at(found,
           R"(flex_stream_lifetime_seconds_bucket{route="product-catalog",kind="sse",le="64"})"),
        1);
    EXPECT_EQ(
        at(found,
           R"(flex_stream_lifetime_seconds_bucket{route="product-catalog",kind="sse",le="16"})"),
        0);
}

TEST(Contract, AStreamThatWasNeverAnsweredCountsToItsEnd) {
    Shop shop;
    Call call(shop.plan);
    call.took_ms(5000).ended(Ending::upstream_timeout);
    call.record().stream = model::StreamKind::grpc;
    call.through(shop.worker());
    EXPECT_DOUBLE_EQ(at(scene::scrape(shop.registry), series("flex_request_duration_seconds_sum")),
                     5);
}

TEST(Contract, InterimRecordsOfAStreamCountNothing) {
    Shop shop;
    Call call(shop.plan);
    call.record().final = false;
    shop.worker().exchange_opened(0);
    shop.worker().exchange_closed(call.record());
    shop.worker().exchange_closed(call.record());
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_requests_total"), 0);
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_exchanges_active"), 1);
    call.record().final = true;
    shop.worker().exchange_closed(call.record());
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_requests_total"), 1);
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_exchanges_active"), 0);
}

TEST(Contract, UnknownMethodsAreOtherAndNoRouteIsNone) {
    Shop shop;
    Call(shop.plan).on(model::kNone).ended(Ending::no_route).through(shop.worker());
    Call(shop.plan)
        .on(model::kNone)
        .method(Method::other)
        .ended(Ending::malformed_request)
        .through(shop.worker());
    Call(shop.plan).method(Method::other).through(shop.worker());
    // A 405 belongs to no route, even if the record names the one that would have matched.
    Call(shop.plan).method(Method::put).ended(Ending::method_not_allowed).through(shop.worker());
    const scene::Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, R"(flex_requests_total{route="none",method="GET",path="none"})"), 1);
    EXPECT_EQ(at(found, R"(flex_requests_total{route="none",method="OTHER",path="none"})"), 1);
    EXPECT_EQ(at(found, R"(flex_requests_total{route="none",method="PUT",path="none"})"), 1);
    EXPECT_EQ(
        at(found,
           R"(flex_requests_total{route="product-catalog",method="OTHER",path="/api/products"})"),
        1);
    EXPECT_EQ(
        at(found, R"(flex_responses_total{route="none",method="PUT",path="none",code="405"})"), 1);
}

TEST(Contract, PoliciesAndUpstreams) {
    Shop shop;
    Call(shop.plan)
        .step(0, 0)
        .step(1, 0)
        .attempt(0, 1, AttemptResult::response, 30, true)
        .through(shop.worker(), 2);
    Call(shop.plan).step(0, 0).step(1, 1).ended(Ending::circuit_open).through(shop.worker());
    Call(shop.plan).step(0, 1).ended(Ending::rate_limited).through(shop.worker());
    Call(shop.plan)
        .attempt(0, model::kNone, AttemptResult::dns_failed)
        .ended(Ending::upstream_dns_failed)
        .through(shop.worker());
    Call many(shop.plan);
    for (int i = 0; i < 4; ++i) many.attempt(0, 0, AttemptResult::connect_failed, 1);
    many.record().attempt_count = 6;  // two more than the record keeps
    many.through(shop.worker());
    const scene::Scrape found = scene::scrape(shop.registry);
    const auto verdict = [&](std::string_view rest) {
        return at(found,
                  std::string(R"(flex_policy_verdicts_total{route="product-catalog",policy=)")
                      .append(rest));
    };
    EXPECT_EQ(verdict(R"("rate-limit",reason="pass"})"), 3);
    EXPECT_EQ(verdict(R"("rate-limit",reason="limit_exceeded"})"), 1);
    EXPECT_EQ(verdict(R"("circuit-breaker",reason="pass"})"), 2);
    EXPECT_EQ(verdict(R"("circuit-breaker",reason="open"})"), 1);
    const auto attempts = [&](std::string_view rest) {
        return at(found, std::string(R"(flex_upstream_attempts_total{upstream=)").append(rest));
    };
    EXPECT_EQ(attempts(R"("product-service",target="product-service:3001",result="response"})"), 2);
    EXPECT_EQ(attempts(R"("product-service",target="none",result="dns_failed"})"), 1);
    EXPECT_EQ(
        attempts(R"("product-service",target="product-service:3000",result="connect_failed"})"), 4);
    EXPECT_EQ(attempts(R"("other",target="other",result="other"})"), 2);
    EXPECT_EQ(sum(found, "flex_upstream_attempts_total"), 9);
    EXPECT_EQ(at(found, R"(flex_upstream_reuse_total{upstream="product-service"})"), 2);
    EXPECT_EQ(at(found, R"(flex_upstream_duration_seconds_count{upstream="product-service"})"), 7);
    EXPECT_EQ(
        at(found,
           R"(flex_upstream_duration_seconds_bucket{upstream="product-service",le="0.03125"})"),
        7);
}

TEST(Contract, IdentityOfExchangesAndRequestsAndSumsOverWorkers) {
    Shop shop(3);
    unsigned total = 0;
    for (unsigned w = 0; w < 3; ++w) {
        for (std::size_t e = 0; e < model::kEndingCount; ++e) {
            Call(shop.plan).ended(static_cast<Ending>(e)).through(shop.worker(w), w + 1);
            Call(shop.plan).on(model::kNone).ended(static_cast<Ending>(e)).through(shop.worker(w));
            Call(shop.plan).on(77, 5).through(shop.worker(w));  // an index no plan has
            total += w + 3;
        }
    }
    // An origin other than the ending's usual one.
    Call odd(shop.plan);
    odd.ended(Ending::completed).record().origin = model::Origin::gateway;
    odd.through(shop.worker(), 2);
    total += 2;
    const scene::Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(sum(found, "flex_requests_total"), total);
    EXPECT_EQ(sum(found, "flex_exchanges_total"), total);
    EXPECT_EQ(sum(found, "flex_responses_total"), total);
    EXPECT_EQ(sum(found, "flex_request_duration_ms_count"), total);
    EXPECT_EQ(sum(found, "flex_request_duration_seconds_count"), total);
    EXPECT_EQ(sum(found, "flex_exchanges_active"), 0);
    EXPECT_EQ(at(found, R"(flex_exchanges_total{ending="completed",origin="gateway"})"), 2);
    // value() answers the same.
    EXPECT_EQ(shop.registry.value(
                  "flex_requests_total",
                  {{"route", "product-catalog"}, {"method", "GET"}, {"path", "/api/products"}}),
              at(found, series("flex_requests_total")));
    EXPECT_EQ(shop.registry.value(
                  "flex_request_duration_ms",
                  {{"path", "/api/products"}, {"method", "GET"}, {"route", "product-catalog"}}),
              at(found, series("flex_request_duration_ms_count")));
    EXPECT_EQ(shop.registry.value("flex_requests_total", {{"route", "product-catalog"}}), 0);
    EXPECT_EQ(shop.registry.value("no_such_family", {}), 0);
}

TEST(Contract, TheReferenceNamesEveryFamilyWithTypeLabelsAndEdges) {
    const std::string page = metrics_reference_markdown();
    for (const Family& family : metric_catalogue()) {
        std::string row =
            std::string("| `").append(family.name).append("` | ").append(to_text(family.type));
        if (family.shape == Shape::native) row.append(", native");
        row.append(" | ");
        bool first = true;
        for (const std::string_view label : label_names(family)) {
            row.append(first ? "`" : ", `").append(label).append("`");
            first = false;
        }
        row.append(" | ").append(family.help).append(" |\n");
        EXPECT_NE(page.find(row), std::string::npos) << row;
    }
    EXPECT_NE(
        page.find(
            "`flex_request_duration_ms`: 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000"),
        std::string::npos);
}

}  // namespace
}  // namespace glassgate::telemetry
