// What is no request: interim records of long streams, and connections that were refused.
#include <map>
#include <nlohmann/json.hpp>

#include "telemetry/metrics/registry.h"
#include "telemetry/telemetry_fixture_test.h"

namespace glassgate::telemetry {
namespace {

using testing::TelemetryTest;

// A long stream: interim lines while it lives, one final one. In no count are they requests.
TEST_F(TelemetryTest, InterimRecordsAreLinesButNoExchanges) {
    const auto names = plan({"response.bytes", "response.ending"});
    settings.tracing.enabled = true;
    settings.tracing.endpoint = "http://127.0.0.1:1";
    start();
    apply(names);
    std::atomic<int> final_seen{0}, interim_seen{0};
    telemetry->set_tap(
        {[&](const model::Exchange& x) { ++(x.final ? final_seen : interim_seen); }, {}});
    testing::ExampleExchange example;
    example.x.names = names.get();
    example.x.sampled = false;
    example.x.stream = model::StreamKind::websocket;
    example.x.ending = model::Ending::upstream_timeout;  // of an interim record it says nothing
    example.x.final = false;
    model::Recorder& recorder = telemetry->recorder(0);
    recorder.exchange_opened(0);
    for (uint64_t bytes : {100, 200}) {
        example.x.response_bytes = bytes;
        recorder.exchange_closed(example.x);
    }
    example.x.final = true;
    example.x.ending = model::Ending::upgraded;
    example.x.status = 101;
    example.x.response_bytes = 300;
    recorder.exchange_closed(example.x);
    telemetry->stop(10'000);
    EXPECT_EQ(lines(), (std::vector<std::string>{
                           R"({"response.bytes":100,"response.ending":null,"interim":true})",
                           R"({"response.bytes":200,"response.ending":null,"interim":true})",
                           R"({"response.bytes":300,"response.ending":"upgraded"})"}));
    const SinkCounts log = counts("log_file"), traces = counts("otlp_traces");
    EXPECT_EQ(log.closed(), 1u);
    EXPECT_EQ(log.delivered, 1u);
    EXPECT_EQ(log.events_delivered, 2u);
    EXPECT_EQ(traces.closed(), 1u);
    EXPECT_EQ(traces.sampled_out, 1u);
    EXPECT_EQ(traces.events_filtered, 2u);
    EXPECT_EQ(interim_seen, 2);
    EXPECT_EQ(final_seen, 1);
    MetricsRegistry& metrics = telemetry->metrics();
    EXPECT_EQ(
        metrics.value("flex_exchanges_total", {{"ending", "upgraded"}, {"origin", "client"}}) +
            metrics.value("flex_exchanges_total", {{"ending", "upgraded"}, {"origin", "upstream"}}),
        1);
    EXPECT_EQ(metrics.value("flex_telemetry_records_total",
                            {{"sink", "log_file"}, {"outcome", "delivered"}}),
              1);
    EXPECT_EQ(metrics.value("flex_telemetry_events_total",
                            {{"sink", "log_file"}, {"outcome", "delivered"}}),
              2);
}

// The law, with more interim records than the rings and the queue can take.
TEST_F(TelemetryTest, AFloodOfInterimRecordsLosesNoFinalOne) {
    const auto names = plan({"response.bytes", "request.path"});
    settings.logging.queue_bytes = 4u << 20;
    start();
    apply(names);
    testing::ExampleExchange example;
    example.x.names = names.get();
    example.x.status = 200;
    example.x.path = example.keep(std::string(20'000, 'x'));
    constexpr uint64_t kInterim = 1000, kFinal = 20;
    example.x.final = false;
    for (uint64_t i = 0; i < kInterim; ++i) telemetry->recorder(0).exchange_closed(example.x);
    example.x.final = true;
    example.x.ending = model::Ending::completed;
    for (uint64_t i = 0; i < kFinal; ++i) telemetry->recorder(0).exchange_closed(example.x);
    telemetry->stop(20'000);
    const SinkCounts c = counts("log_file");
    EXPECT_EQ(c.closed(), kFinal);
    EXPECT_EQ(c.delivered, kFinal);
    EXPECT_GT(c.events_lost, 0u);
    uint64_t told = 0;  // the lines about the loss are events, too
    for (const std::string& line : lines()) told += line.find("telemetry_lost") != line.npos;
    EXPECT_EQ(c.events(), kInterim + told);
}

// A flood of one kind from one address is two lines: the first, and how many followed.
TEST_F(TelemetryTest, ConnectionsGivenUpInSelfDefenceAreCoalescedLines) {
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    model::Connection refused;
    std::snprintf(refused.listener_name, sizeof refused.listener_name, "public");
    using enum model::ConnectionEnding;
    for (const auto ending : {h2_rapid_reset, proxy_protocol_error})
        for (int port = 1; port <= 40; ++port) {
            refused.ending = ending;
            std::snprintf(refused.reason, sizeof refused.reason, "%s",
                          ending == proxy_protocol_error ? "bad_checksum" : "");
            std::snprintf(refused.peer, sizeof refused.peer, "192.0.2.9:%d", port);
            telemetry->recorder(0).connection_closed(refused);
        }
    telemetry->stop(10'000);
    std::map<std::string, int> counts;
    std::map<std::string, int> lines_of;
    for (const std::string& line : lines()) {
        const auto event = nlohmann::json::parse(line);
        EXPECT_EQ(event["event"], "connection_refused");
        EXPECT_EQ(event["listener"], "public");
        const std::string reason = event["reason"];
        counts[reason] += event.value("count", 1);
        ++lines_of[reason];
        if (reason == "proxy_protocol_error") {
            EXPECT_EQ(event["detail"], "bad_checksum");
        }
    }
    EXPECT_EQ(counts,
              (std::map<std::string, int>{{"h2_rapid_reset", 40}, {"proxy_protocol_error", 40}}));
    EXPECT_EQ(lines_of,
              (std::map<std::string, int>{{"h2_rapid_reset", 2}, {"proxy_protocol_error", 2}}));
}

TEST_F(TelemetryTest, ARefusedHandshakeIsALineWithItsReason) {
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    model::Connection refused;
    refused.ending = model::ConnectionEnding::tls_handshake_failed;
    std::snprintf(refused.listener_name, sizeof refused.listener_name, "public");
    std::snprintf(refused.peer, sizeof refused.peer, "192.0.2.9:4711");
    std::snprintf(refused.reason, sizeof refused.reason, "no_certificate");
    std::snprintf(refused.detail, sizeof refused.detail, "the client sent no certificate");
    telemetry->recorder(0).connection_closed(refused);
    telemetry->stop(10'000);
    const std::vector<std::string> all = lines();
    ASSERT_EQ(all.size(), 1u);
    const auto event = nlohmann::json::parse(all[0]);
    EXPECT_EQ(event["event"], "tls_handshake_failed");
    EXPECT_EQ(event["reason"], "no_certificate");
    EXPECT_EQ(event["detail"], "the client sent no certificate");
}

}  // namespace
}  // namespace glassgate::telemetry
