// What a query costs, the columns already in memory. The first is the one the dashboards live on: a
// quantile of 100 routes over 30 minutes at 1 s, of 1 s samples.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "store/memory_source.h"
#include "store/query/engine.h"
#include "store/query/json_text.h"
#include "store/query/parser.h"

namespace glassgate::store::query {
namespace {

constexpr TimeMs kStartMs = 1'600'000'000'000;
constexpr int kSeconds = 2100;  // 30 minutes and the 5 before
constexpr std::string_view kEdges[] = {"1",   "2",   "5",    "10",   "25",   "50",    "100",
                                       "250", "500", "1000", "2500", "5000", "10000", "+Inf"};

Series one_series(std::string route, std::string_view le, int scale) {
    Series series;
    series.labels = {{"__name__", "flex_request_duration_ms_bucket"},
                     {"le", std::string(le)},
                     {"method", "GET"},
                     {"path", "/api/" + route},
                     {"route", std::move(route)}};
    double value = 0;
    for (int i = 0; i < kSeconds; ++i) {
        series.times_ms.push_back(kStartMs + i * 1000);
        series.values.push_back(value += (i * 7 + scale) % 11);
    }
    return series;
}

const MemorySource& source() {
    static const MemorySource made = [] {
        std::vector<Series> series;
        for (int route = 0; route < 100; ++route)
            for (int edge = 0; edge < 14; ++edge)
                series.push_back(one_series("route" + std::to_string(route), kEdges[edge], edge));
        return MemorySource(std::move(series));
    }();
    return made;
}

void range(benchmark::State& state, const char* expression, int64_t step_ms) {
    const auto expr = parse(expression);
    const TimeMs start = kStartMs + 300'000;
    const TimeMs end = start + 1800'000 - step_ms;
    std::size_t series = 0;
    source();
    for (auto _ : state) {
        const auto result = range_query(source(), **expr, start, end, step_ms);
        series = std::get<MatrixResult>(result->value).series.size();
        benchmark::DoNotOptimize(series);
    }
    state.counters["series"] = static_cast<double>(series);
    state.counters["samples/s"] =
        benchmark::Counter(1400.0 * kSeconds, benchmark::Counter::kIsIterationInvariantRate);
}

void quantile_of_routes(benchmark::State& state) {
    range(
        state,
        "histogram_quantile(0.99, sum by (le, route) (rate(flex_request_duration_ms_bucket[5m])))",
        1000);
}
BENCHMARK(quantile_of_routes)->Unit(benchmark::kMillisecond);

void quantile_of_routes_15s(benchmark::State& state) {
    range(
        state,
        "histogram_quantile(0.99, sum by (le, route) (rate(flex_request_duration_ms_bucket[5m])))",
        15'000);
}
BENCHMARK(quantile_of_routes_15s)->Unit(benchmark::kMillisecond);

void rate_alone(benchmark::State& state) {
    range(state, "sum(rate(flex_request_duration_ms_bucket[5m]))", 1000);
}
BENCHMARK(rate_alone)->Unit(benchmark::kMillisecond);

void selector_sum(benchmark::State& state) {
    range(state, "sum by (route) (flex_request_duration_ms_bucket)", 1000);
}
BENCHMARK(selector_sum)->Unit(benchmark::kMillisecond);

void max_over_time(benchmark::State& state) {
    range(state, "sum(max_over_time(flex_request_duration_ms_bucket[5m]))", 1000);
}
BENCHMARK(max_over_time)->Unit(benchmark::kMillisecond);

void avg_over_time(benchmark::State& state) {
    range(state, "sum(avg_over_time(flex_request_duration_ms_bucket[5m]))", 1000);
}
BENCHMARK(avg_over_time)->Unit(benchmark::kMillisecond);

void error_ratio(benchmark::State& state) {
    range(state,
          "rate(flex_request_duration_ms_bucket{le=\"500\"}[5m]) / on (route) "
          "rate(flex_request_duration_ms_bucket{le=\"+Inf\"}[5m]) > 0.05",
          1000);
}
BENCHMARK(error_ratio)->Unit(benchmark::kMillisecond);

void instant(benchmark::State& state) {
    const auto expr = parse(
        "histogram_quantile(0.99, sum by (le, route) (rate(flex_request_duration_ms_bucket[5m])))");
    source();
    for (auto _ : state)
        benchmark::DoNotOptimize(instant_query(source(), **expr, kStartMs + 2000'000));
}
BENCHMARK(instant)->Unit(benchmark::kMillisecond);

void parse_rule(benchmark::State& state) {
    for (auto _ : state)
        benchmark::DoNotOptimize(
            parse("(rate(flex_requests_errors_total[5m]) / rate(flex_requests_total[5m])) > 0.05"));
}
BENCHMARK(parse_rule);

void json_of_quantiles(benchmark::State& state) {
    const auto expr = parse(
        "histogram_quantile(0.99, sum by (le, route) (rate(flex_request_duration_ms_bucket[5m])))");
    const auto result =
        range_query(source(), **expr, kStartMs + 300'000, kStartMs + 2099'000, 1000);
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_success(out, *result);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * out.size()));
}
BENCHMARK(json_of_quantiles)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glassgate::store::query
