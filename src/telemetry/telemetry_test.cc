// The whole of it: workers on threads of their own, real sinks, reloads, and the law.
#include "telemetry/telemetry.h"

#include <nlohmann/json.hpp>

#include "telemetry/metrics/registry.h"
#include "telemetry/telemetry_fixture_test.h"

namespace glassgate::telemetry {
namespace {

namespace fs = std::filesystem;
using model::PlanNames;
using testing::TelemetryTest;

TEST_F(TelemetryTest, OneExchangeIsOneLineOneCountOneSample) {
    const auto names = plan({"response.bytes", "route.id"});
    start();
    apply(names);
    close(names, 42);
    telemetry->stop(10'000);
    EXPECT_EQ(lines(),
              (std::vector<std::string>{R"({"response.bytes":42,"route.id":"product-catalog"})"}));
    EXPECT_EQ(counts("log_file").delivered, 1u);
    MetricsRegistry& metrics = telemetry->metrics();
    EXPECT_EQ(metrics.value("flex_telemetry_records_total",
                            {{"sink", "log_file"}, {"outcome", "delivered"}}),
              1);
    EXPECT_EQ(metrics.value("flex_telemetry_queue_bytes", {{"sink", "log_file"}}), 0);
    EXPECT_EQ(metrics.value(
                  "flex_requests_total",
                  {{"route", "product-catalog"}, {"method", "GET"}, {"path", "/api/products/:id"}}),
              1);
}

TEST_F(TelemetryTest, ALogThatCannotBeOpenedIsAnError) {
    settings.logging.outputs = {file("missing/access.log")};
    EXPECT_FALSE(Telemetry::create(1, settings));
}

TEST_F(TelemetryTest, WithoutASinkNothingIsMadeAndWithALaterOneTheLawHolds) {
    settings.logging.enabled = false;
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    for (int i = 0; i < 10; ++i) close(names);
    EXPECT_TRUE(telemetry->sink_counts().empty());
    settings.logging.enabled = true;
    ASSERT_TRUE(telemetry->reconfigure(settings, names));
    close(names);
    telemetry->stop(10'000);
    EXPECT_EQ(counts("log_file").closed(), 1u);  // of those closed since it is there
    EXPECT_EQ(access_lines().size(), 1u);
}

TEST_F(TelemetryTest, AnUnwantedRecordIsCountedAsFiltered) {
    const auto names = plan({"response.bytes"});
    settings.logging.level = model::Level::error;
    start();
    apply(names);
    for (int i = 0; i < 10; ++i) close(names);
    telemetry->stop(10'000);
    EXPECT_EQ(counts("log_file").filtered, 10u);
    EXPECT_TRUE(lines().empty());
}

TEST_F(TelemetryTest, TheLawHoldsAtEveryInstantAndWorkersKeepTheirOrder) {
    constexpr unsigned kWorkers = 2;
    constexpr uint64_t kEach = 20'000;
    const auto names = plan({"response.bytes", "client.id"});
    settings.logging.queue_bytes = 64 * 1024;
    settings.logging.outputs.push_back(file("second.log"));
    start(kWorkers);
    ASSERT_TRUE(telemetry->reconfigure(settings, names));
    std::atomic<unsigned> running{kWorkers};
    std::vector<std::thread> workers;
    for (unsigned w = 0; w < kWorkers; ++w)
        workers.emplace_back([&, w] {
            telemetry->recorder(w).plan_applied(names);
            for (uint64_t i = 0; i < kEach; ++i) close(names, w * kEach + i, w);
            --running;
        });
    const std::vector<std::pair<std::string, std::string>> every_request = {
        {"route", "product-catalog"}, {"method", "GET"}, {"path", "/api/products/:id"}};
    while (running != 0) {
        const double before = telemetry->metrics().value("flex_requests_total", every_request);
        const uint64_t closed = counts("log_file").closed(), second = counts("log_file_2").closed();
        const double after = telemetry->metrics().value("flex_requests_total", every_request);
        // The metrics are folded before the record is handed over, by one for each worker.
        EXPECT_GE(static_cast<double>(closed) + kWorkers, before);
        EXPECT_LE(static_cast<double>(closed), after);
        EXPECT_GE(second, closed);
    }
    for (std::thread& worker : workers) worker.join();
    telemetry->stop(20'000);
    for (const char* sink : {"log_file", "log_file_2"}) {
        const SinkCounts c = counts(sink);
        EXPECT_EQ(c.closed(), kWorkers * kEach);
        EXPECT_EQ(c.queued, 0u);
        EXPECT_GT(c.delivered, 0u);
    }
    EXPECT_EQ(telemetry->metrics().value("flex_requests_total", every_request), kWorkers * kEach);
    EXPECT_EQ(access_lines().size(), counts("log_file").delivered);
    std::array<int64_t, kWorkers> last{-1, -1};
    for (const std::string& line : access_lines()) {
        const auto value = nlohmann::json::parse(line)["response.bytes"].get<int64_t>();
        int64_t& mine = last[static_cast<std::size_t>(value) / kEach];
        EXPECT_GT(value, mine);
        mine = value;
    }
}

TEST_F(TelemetryTest, AFullDiskIsCountedAndToldOnce) {
    settings.logging.outputs = {file("good.log"), file("full")};
    settings.logging.outputs[1].path = "/dev/full";
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    for (int i = 0; i < 100; ++i) close(names);
    ASSERT_TRUE(wait(
        [&] { return counts("log_file").delivered == 100 && counts("log_file_2").queued == 0; }));
    EXPECT_EQ(counts("log_file_2").lost, 100u);
    // The other log tells it.
    const auto told = [&](const char* event) {
        int times = 0;
        for (const std::string& line : lines("good.log"))
            times += line.find(event) != std::string::npos;
        return times;
    };
    ASSERT_TRUE(
        wait([&] { return told("\"telemetry_lost\"") >= 1 && told("\"log_write_failed\"") >= 1; }));
    EXPECT_EQ(told("\"log_write_failed\""), 1);
    telemetry->stop(10'000);
    EXPECT_EQ(counts("log_file_2").closed(), 100u);
    for (const std::string& line : lines("good.log"))
        if (line.find("telemetry_lost") != std::string::npos) {
            const auto event = nlohmann::json::parse(line);
            EXPECT_EQ(event["sink"], "log_file_2");
            EXPECT_NE(event["reason"].get<std::string>().find("No space left"), std::string::npos);
        }
}

TEST_F(TelemetryTest, AFullRingIsLostForEverySink) {
    const auto names = plan({"response.bytes", "request.path"});
    settings.logging.queue_bytes = 64u << 20;
    start();
    apply(names);
    // Faster than the collector can look: 4 MiB are full within a rest of it.
    testing::ExampleExchange example;
    example.x.names = names.get();
    example.x.path = example.keep(std::string(20'000, 'x'));
    constexpr uint64_t kRecords = 2000;
    for (uint64_t i = 0; i < kRecords; ++i) telemetry->recorder(0).exchange_closed(example.x);
    telemetry->stop(20'000);
    const SinkCounts c = counts("log_file");
    EXPECT_EQ(c.closed(), kRecords);
    EXPECT_GT(c.lost, 0u);
    EXPECT_GT(c.delivered, 0u);
    EXPECT_EQ(access_lines().size(), c.delivered);
    int told = 0;
    for (const std::string& line : lines())
        told += line.find(R"("sink":"all")") != std::string::npos;
    EXPECT_GE(told, 1);
}

TEST_F(TelemetryTest, EveryRecordIsWrittenWithTheFieldsOfItsPlan) {
    const auto old_plan = plan({"jwt.sub", "response.bytes"});
    start();
    apply(old_plan);
    testing::ExampleExchange example;
    example.x.ending = model::Ending::completed;
    example.x.status = 200;
    const auto close_with = [&](const std::shared_ptr<PlanNames>& names, std::string_view first,
                                std::string_view second) {
        example.x.names = names.get();
        example.x.captures[0] = example.keep(first);
        example.x.captures[1] = example.keep(second);
        telemetry->recorder(0).exchange_closed(example.x);
    };
    const auto new_plan = plan({"request.headers.x-tenant", "jwt.sub"});  // the slots change places
    apply(new_plan);
    close_with(old_plan, "alice", "");
    close_with(new_plan, "retail", "bob");
    close_with(old_plan, "carol", "");
    telemetry->stop(10'000);
    EXPECT_EQ(lines(),
              (std::vector<std::string>{R"({"jwt.sub":"alice","response.bytes":93})",
                                        R"({"request.headers.x-tenant":"retail","jwt.sub":"bob"})",
                                        R"({"jwt.sub":"carol","response.bytes":93})"}));
    EXPECT_EQ(counts("log_file").delivered, 3u);
}

TEST_F(TelemetryTest, AReloadChangesTheSinksAndLosesNothing) {
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    for (uint64_t i = 0; i < 100; ++i) close(names, i);
    settings.logging.outputs = {file("new.log"), file("access.log")};
    ASSERT_TRUE(telemetry->reconfigure(settings, names));
    for (uint64_t i = 100; i < 200; ++i) close(names, i);
    settings.logging.outputs = {file("new.log")};
    ASSERT_TRUE(telemetry->reconfigure(settings, names));
    for (uint64_t i = 200; i < 300; ++i) close(names, i);
    telemetry->stop(10'000);
    EXPECT_EQ(access_lines().size(), 200u);
    EXPECT_EQ(access_lines("new.log").size(), 200u);
    EXPECT_EQ(access_lines().front(), R"({"response.bytes":0})");
    EXPECT_EQ(access_lines("new.log").front(), R"({"response.bytes":100})");
    EXPECT_EQ(counts("log_file").delivered, 200u);  // the one that stayed kept its name
    EXPECT_EQ(counts("log_file_2").delivered, 200u);
}

TEST_F(TelemetryTest, AChangedSinkKeepsItsNameAndItsCounts) {
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    for (int i = 0; i < 50; ++i) close(names);
    settings.logging.outputs[0].rotate_max_bytes = 1u << 30;
    ASSERT_TRUE(telemetry->reconfigure(settings, names));
    for (int i = 0; i < 50; ++i) close(names);
    EXPECT_EQ(counts("log_file").closed(), 100u);
    ASSERT_TRUE(wait([&] { return counts("log_file").delivered == 100; }));
    telemetry->stop(10'000);
    EXPECT_EQ(telemetry->sink_counts().size(), 1u);
    EXPECT_EQ(counts("log_file").closed(), 100u);
    EXPECT_EQ(access_lines().size(), 100u);
}

TEST_F(TelemetryTest, AReloadThatFailsChangesNothing) {
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    const Settings before = settings;
    const auto next = plan({"route.id"});
    settings.logging.outputs = {file("access.log"), file("missing/x.log")};
    EXPECT_FALSE(telemetry->reconfigure(settings, next));
    settings.tracing.enabled = true;
    settings.tracing.endpoint = "nonsense://x";
    settings.logging = before.logging;
    EXPECT_FALSE(telemetry->reconfigure(settings, next));
    close(names, 7);
    telemetry->stop(10'000);
    EXPECT_EQ(lines(), (std::vector<std::string>{R"({"response.bytes":7})"}));
}

TEST_F(TelemetryTest, TracesThatNobodyTakesAreCountedToo) {
    settings.tracing.enabled = true;
    settings.tracing.endpoint = "http://127.0.0.1:1";  // nobody listens
    settings.tracing.flush_ms = 1;
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    testing::ExampleExchange example;
    example.x.names = names.get();
    for (int i = 0; i < 20; ++i) {
        example.x.sampled = i % 2 == 0;
        telemetry->recorder(0).exchange_closed(example.x);
    }
    telemetry->stop(500);
    const SinkCounts c = counts("otlp_traces");
    EXPECT_EQ(c.sampled_out, 10u);
    EXPECT_EQ(c.lost, 10u);
    EXPECT_EQ(c.closed(), 20u);
    EXPECT_EQ(counts("log_file").delivered, 20u);
}

TEST_F(TelemetryTest, NamesLiveUntilTheirLastRecordHasBeenRead) {
    start();
    auto names = plan({"route.id"});
    const std::weak_ptr<PlanNames> alive = names;
    apply(names);
    for (int i = 0; i < 500; ++i) close(names);
    telemetry->recorder(0).plan_retired(names->generation);
    names.reset();
    const auto next = plan({"route.id"});
    apply(next);  // the old names may or may not be gone by now; nothing may refer to freed ones
    close(next);
    std::string out;
    EXPECT_TRUE(wait([&] {
        telemetry->recorder(0).connection_closed({});
        telemetry->metrics().expose(Exposition::text_0_0_4, out);    // tidies
        (void)telemetry->reconfigure(settings, plan({"route.id"}));  // forgets what has been tidied
        return alive.expired();
    }));
    telemetry->stop(10'000);
    EXPECT_EQ(access_lines().size(), 501u);
}

TEST_F(TelemetryTest, EventsOfWorkersAndOfTheControlPlaneAreWritten) {
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    telemetry->event(model::Event(model::EventKind::config_applied, 1'795'770'863'000'000'000)
                         .with("generation", 7));
    telemetry->recorder(0).event(
        model::Event(model::EventKind::circuit_breaker_open, 0).with("route", "r"));
    settings.logging.level = model::Level::warn;
    ASSERT_TRUE(wait([&] { return counts("log_file").events_delivered == 2; }));
    ASSERT_TRUE(telemetry->reconfigure(settings, names));
    telemetry->event(model::Event(model::EventKind::config_applied, 0));
    telemetry->stop(10'000);
    EXPECT_EQ(counts("log_file").events_filtered, 1u);
    const std::vector<std::string> all = lines();
    ASSERT_EQ(all.size(), 2u);
    const std::string config =
        R"({"timestamp":"2026-11-27T09:14:23.000Z","level":"INFO","event":"config_applied","generation":7})";
    EXPECT_TRUE(all[0] == config || all[1] == config);
    EXPECT_EQ(telemetry->metrics().value("flex_telemetry_events_total",
                                         {{"sink", "log_file"}, {"outcome", "delivered"}}),
              2);
}

TEST_F(TelemetryTest, AFloodOfLimitedRequestsIsAFewLinesThatAddUp) {
    const auto names = plan({"response.status"});
    start();
    apply(names);
    testing::ExampleExchange example;
    example.x.names = names.get();
    example.x.ending = model::Ending::rate_limited;
    example.x.status = 429;
    for (int i = 0; i < 1000; ++i) telemetry->recorder(0).exchange_closed(example.x);
    telemetry->stop(10'000);
    EXPECT_EQ(access_lines().size(), 1000u);
    uint64_t told = 0, event_lines = 0;
    for (const std::string& line : lines()) {
        const auto event = nlohmann::json::parse(line);
        if (!event.contains("event")) continue;
        EXPECT_EQ(event["event"], "rate_limit_exceeded");
        told += event.value("count", 1);
        ++event_lines;
    }
    EXPECT_EQ(told, 1000u);
    EXPECT_LT(event_lines, 30u);
}

TEST_F(TelemetryTest, TheTapSeesWhatTheLogSees) {
    settings.logging.enabled = false;
    const auto names = plan({"response.bytes"});
    start();
    std::atomic<int> exchanges{0}, events{0};
    telemetry->set_tap(
        {[&](const model::Exchange&) { ++exchanges; }, [&](const model::Event&) { ++events; }});
    apply(names);
    close(names);
    telemetry->event(model::Event(model::EventKind::config_applied, 0));
    EXPECT_TRUE(wait([&] { return exchanges == 1 && events == 1; }));
    telemetry->set_tap({});
    close(names);
    telemetry->stop(10'000);
    EXPECT_EQ(exchanges, 1);
}

TEST_F(TelemetryTest, LogsAreReopened) {
    const auto names = plan({"response.bytes"});
    start();
    apply(names);
    close(names, 1);
    ASSERT_TRUE(wait([&] { return counts("log_file").delivered == 1; }));
    fs::rename(folder / "access.log", folder / "moved");
    telemetry->reopen_logs();
    ASSERT_TRUE(wait([&] { return fs::exists(folder / "access.log"); }));
    close(names, 2);
    telemetry->stop(10'000);
    EXPECT_EQ(access_lines("moved").size(), 1u);
    EXPECT_EQ(access_lines().size(), 1u);
}

}  // namespace
}  // namespace glassgate::telemetry
