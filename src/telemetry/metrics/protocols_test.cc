// What TLS, HTTP/2 and gRPC bring to the metrics.
#include <gtest/gtest.h>

#include "io/tls/refusal.h"
#include "telemetry/metrics/certificate_expiry.h"
#include "telemetry/metrics/scene_test.h"

namespace glassgate::telemetry {
namespace {

using model::Ending;
using scene::at;
using scene::Call;
using scene::has;
using scene::refused_handshake;
using scene::Scrape;
using scene::Shop;
using scene::sum;

std::string grpc(std::string_view status) {
    return std::string(R"(flex_grpc_responses_total{route="product-catalog",method="GET",)")
        .append(R"(path="/api/products",grpc_status=")")
        .append(status)
        .append("\"}");
}
std::string refusals(std::string_view listener, std::string_view reason) {
    return std::string(R"(flex_tls_handshake_failures_total{listener=")")
        .append(listener)
        .append(R"(",reason=")")
        .append(reason)
        .append("\"}");
}
constexpr std::string_view kErrors =
    R"(flex_requests_errors_total{route="product-catalog",method="GET",path="/api/products"})";

TEST(Grpc, ResponsesByStatus) {
    Shop shop(2);
    Call(shop.plan).grpc(0).through(shop.worker(0), 2);
    Call(shop.plan).grpc(0).through(shop.worker(1));
    Call(shop.plan).grpc(14).through(shop.worker());
    Call(shop.plan).grpc(5).through(shop.worker());
    Call(shop.plan).grpc(-1).ended(Ending::client_abort).through(shop.worker());
    Call(shop.plan).grpc(99).through(shop.worker());  // no status: means UNKNOWN
    Call(shop.plan).through(shop.worker(), 9);        // no gRPC
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, grpc("OK")), 3);
    EXPECT_EQ(at(found, grpc("UNAVAILABLE")), 1);
    EXPECT_EQ(at(found, grpc("NOT_FOUND")), 1);
    EXPECT_EQ(at(found, grpc("none")), 1);
    EXPECT_EQ(at(found, grpc("UNKNOWN")), 1);
    EXPECT_EQ(sum(found, "flex_grpc_responses_total"), 7);
    EXPECT_EQ(at(found, "flex_series"), static_cast<double>(found.size()));
}

// A rate of errors needs a 0 to start from.
TEST(Grpc, FromTheFirstCallOnTheErrorsExistAtZero) {
    Shop shop;
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_grpc_responses_total"), 0);
    EXPECT_FALSE(has(scene::scrape(shop.registry), grpc("OK")));
    Call(shop.plan).grpc(7).through(shop.worker());
    const Scrape found = scene::scrape(shop.registry);
    for (const char* status : {"OK", "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL",
                               "UNAVAILABLE", "DATA_LOSS"})
        EXPECT_EQ(at(found, grpc(status)), 0) << status;
    EXPECT_EQ(at(found, grpc("PERMISSION_DENIED")), 1);
    EXPECT_FALSE(has(found, grpc("NOT_FOUND")));
}

TEST(Grpc, AFailureOfTheServerIsAnErrorThoughTheStatusIs200) {
    for (int8_t status = -1; status <= 16; ++status) {
        Shop shop;
        Call(shop.plan).grpc(status).through(shop.worker());
        const bool error = status == 2 || status == 4 || (status >= 12 && status <= 15);
        EXPECT_EQ(at(scene::scrape(shop.registry), kErrors), error ? 1 : 0) << int{status};
    }
}

TEST(Grpc, AFailureHasAnExemplarWhereErrorsAreKept) {
    Shop shop;
    scene::Plan plan = scene::shop(2);
    plan->keep.errors = true;
    shop.apply(plan);
    const auto exemplars = [&] {
        return scene::expose(shop.registry, Exposition::open_metrics).find("trace_id=\"0707");
    };
    Call good(plan);
    good.traced(7).grpc(0).record().sampled = false;
    good.through(shop.worker());
    EXPECT_EQ(exemplars(), std::string::npos);
    Call bad(plan);
    bad.traced(7).grpc(13).record().sampled = false;
    bad.through(shop.worker());
    EXPECT_NE(exemplars(), std::string::npos);
}

TEST(Grpc, AUnaryCallIsALatencyAndAStreamHasALifetime) {
    Shop shop;
    Call(shop.plan).grpc(0).took_ms(80).through(shop.worker());
    Scrape found = scene::scrape(shop.registry);
    constexpr std::string_view kSeconds =
        R"(flex_request_duration_seconds_sum{route="product-catalog",method="GET",path="/api/products"})";
    EXPECT_DOUBLE_EQ(at(found, kSeconds), 0.08);
    EXPECT_EQ(sum(found, "flex_stream_lifetime_seconds_count"), 0);
    Call(shop.plan)
        .grpc(0)
        .took_ms(60'000)
        .streaming(model::StreamKind::grpc, 20)
        .through(shop.worker());
    found = scene::scrape(shop.registry);
    EXPECT_DOUBLE_EQ(at(found, kSeconds), 0.1);  // to its response head
    EXPECT_EQ(at(found, R"(flex_stream_lifetime_seconds_sum{route="product-catalog",kind="grpc"})"),
              60);
    EXPECT_EQ(sum(found, "flex_stream_lifetime_seconds_count"), 1);
}

TEST(Grpc, StatusesStayWithinTheBudgetAndOnTheirRow) {
    MetricsSettings settings;
    settings.series_limit = 10;  // nothing fits
    Shop shop(1, settings);
    Call(shop.plan).grpc(0).through(shop.worker(), 3);
    Call(shop.plan).on(model::kNone).ended(Ending::no_route).grpc(12).through(shop.worker());
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(sum(found, "flex_grpc_responses_total"), 4);
    EXPECT_EQ(
        at(found,
           R"(flex_grpc_responses_total{route="other",method="other",path="other",grpc_status="other"})"),
        4);
}

TEST(Grpc, InterimRecordsAreNoCalls) {
    Shop shop;
    Call call(shop.plan);
    call.grpc(-1).record().final = false;
    shop.worker().exchange_closed(call.record());
    EXPECT_EQ(sum(scene::scrape(shop.registry), "flex_grpc_responses_total"), 0);
}

TEST(Handshakes, FailuresByReason) {
    Shop shop(2);
    for (unsigned w = 0; w < 2; ++w) {
        for (const char* reason : {"certificate_expired", "certificate_expired", "unknown_ca", ""})
            shop.worker(w).connection_closed(refused_handshake("public", reason));
        shop.worker(w).connection_closed(refused_handshake("admin", "unknown_ca"));
    }
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, refusals("public", "certificate_expired")), 4);
    EXPECT_EQ(at(found, refusals("public", "unknown_ca")), 2);
    EXPECT_EQ(at(found, refusals("public", "unknown")), 2);
    EXPECT_EQ(at(found, refusals("admin", "unknown_ca")), 2);
    EXPECT_EQ(
        at(found,
           R"(flex_connection_endings_total{listener="public",ending="tls_handshake_failed"})"),
        8);
    EXPECT_EQ(at(found, "flex_series"), static_cast<double>(found.size()));
}

TEST(Handshakes, OtherEndingsAreNoFailuresAndHaveASeriesFromTheStart) {
    Shop shop;
    const auto ending = [](std::string_view slug) {
        return std::string(R"(flex_connection_endings_total{listener="public",ending=")")
            .append(slug)
            .append("\"}");
    };
    for (const char* slug : {"tls_handshake_failed", "proxy_protocol_error", "h2_rapid_reset",
                             "h2_continuation_flood", "h2_timeout"})
        EXPECT_EQ(at(scene::scrape(shop.registry), ending(slug)), 0) << slug;
    model::Connection connection = refused_handshake("public", "");
    connection.ending = model::ConnectionEnding::h2_rapid_reset;
    shop.worker().connection_closed(connection);
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, ending("h2_rapid_reset")), 1);
    EXPECT_EQ(sum(found, "flex_tls_handshake_failures_total"), 0);
}

TEST(Handshakes, ReasonsAreBounded) {
    Shop shop;
    constexpr auto kReasons = static_cast<int>(io::tls::Refusal::count_);
    for (int i = 0; i < kReasons + 5; ++i)
        shop.worker().connection_closed(
            refused_handshake("public", "made_up_" + std::to_string(i)));
    shop.worker().connection_closed(refused_handshake("nobody", "unknown_ca"));
    const Scrape found = scene::scrape(shop.registry);
    std::size_t series = 0;
    for (const auto& [line, value] : found)
        series += line.starts_with("flex_tls_handshake_failures_total{listener=\"public\"");
    EXPECT_EQ(series, static_cast<std::size_t>(kReasons));
    // Without a listener of that name its index in the newest plan is the best there is.
    EXPECT_EQ(at(found, refusals("other", "other")), 6);
    EXPECT_EQ(sum(found, "flex_tls_handshake_failures_total"), kReasons + 6);
}

// A series lives as long as its listener.
TEST(Handshakes, FailuresGoOnOverAReloadAndGoWithTheListener) {
    Shop shop;
    const auto refuse = [&] {
        shop.worker().connection_opened(1);
        shop.worker().connection_closed(refused_handshake("admin", "no_certificate"));
    };
    refuse();
    shop.apply(scene::shop(2));
    refuse();
    refuse();
    EXPECT_EQ(at(scene::scrape(shop.registry), refusals("admin", "no_certificate")), 3);
    scene::Plan without = scene::shop(3);
    without->listeners.pop_back();
    shop.apply(without);
    for (unsigned i = 0; i <= MetricsRegistry::kRetiredGraceScrapes; ++i)
        (void)scene::scrape(shop.registry);
    EXPECT_FALSE(has(scene::scrape(shop.registry), refusals("admin", "no_certificate")));
}

TEST(TlsConnections, ByVersionAndResumption) {
    Shop shop(2);
    const auto close = [&](unsigned worker, const char* listener, model::TlsVersion version,
                           bool resumed) {
        model::Connection connection;
        std::snprintf(connection.listener_name, sizeof connection.listener_name, "%s", listener);
        connection.listener = listener == std::string_view("nobody") ? 99 : 0;
        connection.tls = version;
        connection.tls_resumed = resumed;
        shop.worker(worker).connection_closed(connection);
    };
    using enum model::TlsVersion;
    const auto series = [](std::string_view listener, std::string_view version,
                           std::string_view resumed) {
        return std::string(R"(flex_tls_connections_total{listener=")")
            .append(listener)
            .append(R"(",version=")")
            .append(version)
            .append(R"(",resumed=")")
            .append(resumed)
            .append("\"}");
    };
    EXPECT_FALSE(has(scene::scrape(shop.registry), series("public", "TLSv1.3", "true")));
    for (const unsigned worker : {0u, 1u, 1u}) close(worker, "public", tls1_3, true);
    close(0, "public", tls1_3, false);
    close(0, "public", tls1_2, false);
    close(0, "admin", tls1_2, true);
    close(0, "public", none, false);
    close(0, "nobody", tls1_2, true);
    const Scrape found = scene::scrape(shop.registry);
    EXPECT_EQ(at(found, series("public", "TLSv1.3", "true")), 3);
    EXPECT_EQ(at(found, series("public", "TLSv1.3", "false")), 1);
    EXPECT_EQ(at(found, series("public", "TLSv1.2", "false")), 1);
    EXPECT_EQ(at(found, series("admin", "TLSv1.2", "true")), 1);
    EXPECT_EQ(at(found, series("other", "other", "other")), 1);
    EXPECT_EQ(sum(found, "flex_tls_connections_total"), 7);
    EXPECT_EQ(at(found, "flex_series"), static_cast<double>(found.size()));
}

std::string expiry(std::string_view listener, std::string_view name) {
    return std::string(R"(flex_certificate_expiry_timestamp_seconds{listener=")")
        .append(listener)
        .append(R"(",name=")")
        .append(name)
        .append("\"}");
}

TEST(Certificates, TheirEndsAreThoseOfTheLastReload) {
    MetricsRegistry registry(1, {});
    CertificateExpiry certificates;
    registry.add_external(certificates.family());
    EXPECT_EQ(scene::expose(registry, Exposition::text_0_0_4).find("flex_certificate"),
              std::string::npos);
    certificates.set({{"public", "shop.example", 1'803'546'000},
                      {"public", "shop.example", 1'803'500'000},  // for the other kind of key
                      {"public", "\xFF", 5},
                      {"public", "\xFE", 7},
                      {"partners", "*.acme.example", 1'900'000'000}});
    Scrape found = scene::scrape(registry);
    EXPECT_EQ(at(found, expiry("public", "shop.example")), 1'803'500'000);
    EXPECT_EQ(at(found, expiry("partners", "*.acme.example")), 1'900'000'000);
    EXPECT_EQ(at(found, expiry("public", "\xEF\xBF\xBD")), 5);  // once
    EXPECT_EQ(at(found, "flex_series"), static_cast<double>(found.size()));
    EXPECT_NE(scene::expose(registry, Exposition::text_0_0_4)
                  .find("# TYPE flex_certificate_expiry_timestamp_seconds gauge\n"),
              std::string::npos);
    certificates.set({{"public", "shop.example", 2'000'000'000}});
    found = scene::scrape(registry);
    EXPECT_EQ(at(found, expiry("public", "shop.example")), 2'000'000'000);
    EXPECT_FALSE(has(found, expiry("partners", "*.acme.example")));
    EXPECT_EQ(registry.value("flex_certificate_expiry_timestamp_seconds",
                             {{"listener", "public"}, {"name", "shop.example"}}),
              2'000'000'000);
}

}  // namespace
}  // namespace glassgate::telemetry
