// What a record costs the worker and a scrape costs the scraper.
//
//   BM_Fold       opening and closing one exchange; allocations per exchange are a counter of it
//   BM_Scrape     one exposition of so many series (lines): 10,000 in under 20 ms, 100,000 in under
//                 150 ms, in each format
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "telemetry/metrics/scene_test.h"

std::atomic<uint64_t> allocations{0};  // of the whole program; every benchmark here may read it

void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* p = std::malloc(size)) return p;
    std::abort();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace glassgate::telemetry {
namespace {

using scene::Call;
using scene::Plan;
using scene::Shop;

// As a gateway sees them: several routes and patterns, latencies spread over some octaves, a
// hundred clients, two policies, one attempt.
void BM_Fold(benchmark::State& state) {
    Shop shop;
    std::vector<Call> calls;
    calls.reserve(1024);
    for (uint32_t i = 0; i < 1024; ++i) {
        Call& call = calls.emplace_back(shop.plan);
        call.on(0, i % 2).took_ns(1'000'000 + i * 97'001 % 300'000'000);
        if (state.range(0) != 0)
            call.client("client-" + std::to_string(i % 100))
                .step(0, 0)
                .step(1, 0)
                .attempt(0, i % 2, model::AttemptResult::response, 3, true);
        if (state.range(0) == 2) call.traced(static_cast<uint8_t>(i | 1));
    }
    std::vector<const model::Exchange*> records;
    for (Call& call : calls) records.push_back(&call.record());
    MetricsRegistry::Cells& worker = shop.worker();
    const auto fold = [&](const model::Exchange& exchange) {
        worker.exchange_opened(exchange.listener);
        worker.exchange_closed(exchange);
    };
    for (const model::Exchange* record : records) fold(*record);
    const uint64_t before = allocations;
    std::size_t next = 0;
    for ([[maybe_unused]] auto _ : state) fold(*records[next++ % records.size()]);
    state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before),
                                                       benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_Fold)->ArgName("0_bare_1_full_2_traced")->Arg(0)->Arg(1)->Arg(2);

void BM_Connections(benchmark::State& state) {
    Shop shop;
    model::Connection connection;
    std::snprintf(connection.listener_name, sizeof connection.listener_name, "public");
    for ([[maybe_unused]] auto _ : state) {
        shop.worker().connection_opened(0);
        shop.worker().upstream_connections_changed("product-service", 1);
        shop.worker().upstream_connections_changed("product-service", -1);
        shop.worker().connection_closed(connection);
    }
}
BENCHMARK(BM_Connections);

void BM_Scrape(benchmark::State& state) {
    const auto exposition = static_cast<Exposition>(state.range(0));
    const auto wanted = static_cast<double>(state.range(1));
    MetricsSettings settings;
    settings.series_limit = 1'000'000;
    MetricsRegistry registry(2, settings);
    Plan plan = scene::shop(1);
    for (int i = 0; i < state.range(1) / 31; ++i)
        plan->routes.push_back(
            scene::route("route-" + std::to_string(i), {"/api/things/" + std::to_string(i)}));
    registry.plan_prepared(plan, settings);
    for (unsigned w = 0; w < 2; ++w) {
        registry.cells(w).plan_applied(plan);
        for (uint32_t r = 0; r < plan->routes.size(); ++r)
            for (uint32_t i = 0; i < 40; ++i)
                Call(plan)
                    .on(r)
                    .took_ms(1.0 + (r + i) * 37 % 400)
                    .traced(1)
                    .through(registry.cells(w));
    }
    std::string out;
    for ([[maybe_unused]] auto _ : state) {
        out.clear();
        registry.expose(exposition, out);
        benchmark::DoNotOptimize(out.data());
    }
    const double series = registry.value("flex_series", {});
    if (series < wanted) state.SkipWithError("fewer series than said");
    state.counters["series"] = series;
    state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(BM_Scrape)
    ->ArgNames({"format", "series"})
    ->ArgsProduct({{0, 1, 2}, {10'000, 100'000}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glassgate::telemetry
