// A scripted registry, exposed in all three formats into files, for real consumers to judge
// (tests/e2e/test_exposition.py). Where nobody asks for the files they go to the tests' own folder.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "telemetry/metrics/certificate_expiry.h"
#include "telemetry/metrics/process.h"
#include "telemetry/metrics/scene_test.h"

namespace glassgate::telemetry {
namespace {

using model::AttemptResult;
using model::Ending;
using scene::Call;
using scene::Shop;

constexpr unsigned kLatencies = 1000;

// From 5 ms to 2 s, evenly on a logarithmic scale.
uint64_t latency_ns(unsigned i) {
    return static_cast<uint64_t>(5e6 * std::pow(400.0, static_cast<double>(i) / (kLatencies - 1)));
}

void play(Shop& shop) {
    for (unsigned i = 0; i < kLatencies; ++i) {
        Call call(shop.plan);
        call.took_ns(latency_ns(i)).client("mob-4f7a").step(0, 0).step(1, 0);
        call.attempt(0, i % 2, AttemptResult::response, 3, i % 10 != 0);
        if (i % 100 == 99) call.traced(static_cast<uint8_t>(i / 4 + 1));
        call.through(shop.worker(i % 2));
    }
    Call(shop.plan)
        .ended(Ending::rate_limited)
        .step(0, 1)
        .client("a \"b\" \\ c\nd")
        .through(shop.worker(), 7);
    Call(shop.plan).ended(Ending::auth_failed).through(shop.worker(), 2);
    Call(shop.plan)
        .ended(Ending::upstream_timeout)
        .took_ms(5003)
        .attempt(0, 0, AttemptResult::timeout, 5000)
        .through(shop.worker(1), 3);
    Call(shop.plan)
        .on(0, 1)
        .ended(Ending::upgraded)
        .took_ms(90'000)
        .streaming(model::StreamKind::websocket, 12)
        .through(shop.worker());
    Call(shop.plan).on(model::kNone).ended(Ending::no_route).through(shop.worker(), 5);
    Call(shop.plan).on(1).method(Method::post).grpc(0).through(shop.worker(), 40);
    Call(shop.plan).on(1).method(Method::post).grpc(14).through(shop.worker(1), 2);
    shop.worker().connection_opened(0);
    shop.worker().connection_opened(0);
    shop.worker().connection_closed(scene::refused_handshake("public", "certificate_expired"));
    shop.worker(1).upstream_connections_changed("product-service", 2);
}

void add_externals(MetricsRegistry& registry) {
    const auto add = [&](const char* name, MetricType type, std::vector<Sample> samples) {
        registry.add_external({name, "", type, [samples](std::vector<Sample>& out) {
                                   out.insert(out.end(), samples.begin(), samples.end());
                               }});
    };
    add("flex_circuit_breaker_state", MetricType::gauge,
        {{{{"route", "product-catalog"}, {"upstream", "product-service"}}, 2},
         {{{"route", "quoted \"route\" \\ with\nnewline"}, {"upstream", "cart"}}, 0}});
    add("flex_telemetry_records_total", MetricType::counter,
        {{{{"sink", "otlp"}, {"outcome", "delivered"}}, 1017},
         {{{"sink", "otlp"}, {"outcome", "lost"}}, 1}});
    add("flex_config_last_reload_timestamp_seconds", MetricType::gauge, {{{}, 1795770862.5}});
    add("flex_config_generation", MetricType::gauge, {{{}, std::nan("")}});
    add("flex_telemetry_queue_bytes", MetricType::gauge, {{{{"sink", "log_stdout"}}, HUGE_VAL}});
    CertificateExpiry certificates;
    certificates.set({{"public", "shop.example", 1'803'546'000}});
    registry.add_external(certificates.family());
    registry.add_external(build_info("1.2.3", "0123456789ab"));
}

void write(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good()) << path;
}

TEST(Scripted, WritesItsExpositions) {
    const char* asked = std::getenv("GLASSGATE_EXPOSITION_DIR");
    const std::filesystem::path folder = asked != nullptr ? asked : testing::TempDir();
    Shop shop(2);
    add_externals(shop.registry);
    play(shop);
    write(folder / "metrics.txt", scene::expose(shop.registry, Exposition::text_0_0_4));
    write(folder / "metrics.openmetrics", scene::expose(shop.registry, Exposition::open_metrics));
    write(folder / "metrics.protobuf", scene::expose(shop.registry, Exposition::protobuf));
    std::string latencies;
    for (unsigned i = 0; i < kLatencies; ++i)
        latencies.append(std::to_string(latency_ns(i))).append("\n");
    write(folder / "latencies_ns.txt", latencies);
    EXPECT_GT(std::filesystem::file_size(folder / "metrics.protobuf"), 10'000u);
}

}  // namespace
}  // namespace glassgate::telemetry
