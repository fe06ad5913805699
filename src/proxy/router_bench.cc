// Finding a route among five thousand. The counter "allocs" is heap allocations per match.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "proxy/plan.h"
#include "proxy/router.h"

namespace {
std::atomic<uint64_t> allocations{0};
}

void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* p = std::malloc(size)) return p;
    std::abort();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace glassgate::proxy {
namespace {

std::vector<RoutePlan> plans(int count) {
    std::vector<RoutePlan> routes;
    for (int i = 0; i < count; ++i) {
        const std::string n = std::to_string(i);
        RoutePlan plan;
        plan.paths = {"/svc" + n + "/items", "/svc" + n + "/items/:id", "/svc" + n + "/*"};
        routes.push_back(plan);
    }
    return routes;
}

void Match(benchmark::State& state) {
    const auto count = static_cast<int>(state.range(0));
    const Router router = Router::compile(plans(count));
    const std::string path = "/svc" + std::to_string(count / 2) + "/items/4711";
    const uint64_t before = allocations;
    for (auto _ : state)
        benchmark::DoNotOptimize(router.match(0, "shop.example.com", path, Method::get));
    state.counters["allocs"] = benchmark::Counter(static_cast<double>(allocations - before),
                                                  benchmark::Counter::kAvgIterations);
}
BENCHMARK(Match)->ArgName("routes")->Arg(5)->Arg(5000);

void Compile(benchmark::State& state) {
    const std::vector<RoutePlan> routes = plans(5000);
    for (auto _ : state) benchmark::DoNotOptimize(Router::compile(routes));
}
BENCHMARK(Compile)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glassgate::proxy
