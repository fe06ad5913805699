#include "telemetry/pipeline/worker_recorder.h"

#include <gtest/gtest.h>

#include "telemetry/project/span_example_test.h"

namespace glassgate::telemetry {
namespace {

struct CountingCells final : MetricsRegistry::Cells {
    void plan_applied(std::shared_ptr<const model::PlanNames>) override { ++plans; }
    void plan_retired(uint64_t) override { --plans; }
    void connection_opened(uint32_t) noexcept override { ++connections; }
    void connection_closed(const model::Connection&) noexcept override { --connections; }
    void exchange_opened(uint32_t) noexcept override { ++active; }
    void exchange_closed(const model::Exchange& x) noexcept override { active -= x.final; }
    void upstream_connections_changed(std::string_view, int delta) noexcept override {
        upstream += delta;
    }
    int plans = 0, connections = 0, active = 0, upstream = 0;
};

struct Nothing {
    void exchange(const model::Exchange&) const {}
    void connection(const model::Connection&) const {}
    void event(const model::Event&) const {}
};

TEST(WorkerRecorder, NamesLiveUntilTheRingHasBeenReadPastTheirRetirement) {
    CountingCells cells;
    WorkerRecorder recorder(cells, 1u << 14);
    recorder.set_wanted(true);
    testing::ExampleExchange example;
    auto names = std::make_shared<model::PlanNames>(example.names);
    const std::weak_ptr<model::PlanNames> alive = names;
    recorder.plan_applied(names);
    example.x.names = names.get();
    recorder.exchange_closed(example.x);
    names.reset();
    recorder.plan_retired(example.names.generation);
    recorder.connection_closed({});
    EXPECT_FALSE(alive.expired());  // a record in the ring refers to them
    recorder.ring().drain(Nothing{}, 1);
    recorder.connection_closed({});
    EXPECT_TRUE(alive.expired());
    EXPECT_EQ(cells.plans, 0);
}

TEST(WorkerRecorder, EverythingIsFoldedWhetherWantedOrNot) {
    CountingCells cells;
    WorkerRecorder recorder(cells, 1u << 14);
    const testing::ExampleExchange example;
    recorder.connection_opened(0);
    recorder.exchange_opened(0);
    recorder.exchange_closed(example.x);
    recorder.upstream_connections_changed("up", 2);
    recorder.event(model::Event(model::EventKind::dns_failed, 0));
    EXPECT_EQ(recorder.unwanted_exchanges(), 1u);
    EXPECT_EQ(recorder.ring().pushed_exchanges() + recorder.ring().pushed_events(), 0u);
    recorder.set_wanted(true);
    recorder.exchange_opened(0);
    recorder.exchange_closed(example.x);
    EXPECT_EQ(recorder.unwanted_exchanges(), 1u);
    EXPECT_EQ(recorder.ring().pushed_exchanges(), 1u);
    EXPECT_EQ(cells.active, 0);
    EXPECT_EQ(cells.connections, 1);
    EXPECT_EQ(cells.upstream, 2);
}

TEST(WorkerRecorder, AnInterimRecordGoesOnAsAnEventAndIsNoExchangeClosed) {
    CountingCells cells;
    WorkerRecorder recorder(cells, 1u << 14);
    testing::ExampleExchange example;
    example.x.final = false;
    recorder.exchange_opened(0);
    recorder.exchange_closed(example.x);  // nobody looks
    EXPECT_EQ(recorder.unwanted_exchanges(), 0u);
    EXPECT_EQ(recorder.ring().pushed_events(), 0u);
    recorder.set_wanted(true);
    recorder.exchange_closed(example.x);
    EXPECT_EQ(recorder.ring().pushed_events(), 1u);
    EXPECT_EQ(recorder.ring().pushed_exchanges(), 0u);
    EXPECT_EQ(cells.active, 1);
}

TEST(WorkerRecorder, OfConnectionsOnlyRefusedOnesGoOn) {
    CountingCells cells;
    WorkerRecorder recorder(cells, 1u << 14);
    recorder.set_wanted(true);
    model::Connection connection;
    recorder.connection_closed(connection);
    EXPECT_EQ(recorder.ring().pushed_events(), 0u);
    using enum model::ConnectionEnding;
    for (const auto ending : {idle_timeout, protocol_error, client_reset, timed_out, drained}) {
        connection.ending = ending;
        recorder.connection_closed(connection);
    }
    EXPECT_EQ(recorder.ring().pushed_events(), 0u);
    for (const auto ending : {tls_handshake_failed, limit_exceeded, proxy_protocol_error,
                              h2_protocol_error, h2_rapid_reset, h2_timeout}) {
        connection.ending = ending;
        recorder.connection_closed(connection);
    }
    EXPECT_EQ(recorder.ring().pushed_events(), 6u);
}

}  // namespace
}  // namespace glassgate::telemetry
