// One access line: nanoseconds, and allocations, of which there must be none.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>

#include "telemetry/pipeline/ring.h"
#include "telemetry/project/json_line.h"
#include "telemetry/project/redact.h"
#include "telemetry/project/span.h"
#include "telemetry/project/span_example_test.h"

extern std::atomic<uint64_t> allocations;  // metrics/registry_bench.cc

namespace glassgate::telemetry {
namespace {

LineFormat format_of(std::initializer_list<const char*> names, model::PlanNames& plan) {
    LoggingSettings settings;
    for (const char* name : names) {
        settings.fields.push_back(*plan.captured.add(name));
        settings.field_names.emplace_back(name);
    }
    return compile_line_format(settings);
}

template <typename Write>
void measure(benchmark::State& state, Write write) {
    std::string out;
    out.reserve(1u << 20);
    write(out);
    const std::size_t bytes = out.size();
    const uint64_t before = allocations.load();
    for (auto _ : state) {
        out.clear();
        write(out);
        benchmark::DoNotOptimize(out.data());
    }
    state.counters["allocations"] =
        static_cast<double>(allocations.load() - before) / static_cast<double>(state.iterations());
    state.counters["bytes"] = static_cast<double>(bytes);
}

// The mission's list.
void json_line(benchmark::State& state) {
    testing::ExampleExchange example;
    const LineFormat format =
        format_of({"request.id", "request.timestamp", "request.path", "request.method",
                   "request.remoteAddress", "response.status", "response.duration_ms", "jwt.sub",
                   "jwt.org_id", "tls.clientCertSubject", "policy.outcomes"},
                  example.names);
    std::string scratch;
    measure(state, [&](std::string& out) { append_json_line(example.x, format, scratch, out); });
}
BENCHMARK(json_line);

void json_line_with_user_agent_and_query(benchmark::State& state) {
    testing::ExampleExchange example;
    const LineFormat format =
        format_of({"request.id", "request.timestamp", "request.path", "request.query",
                   "request.method", "request.userAgent", "response.status", "client.id"},
                  example.names);
    example.x.user_agent = example.keep(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
        "Safari/537.36");
    example.x.query = example.keep("page=2&size=50&sort=price&token=abcdef");
    std::string scratch;
    measure(state, [&](std::string& out) { append_json_line(example.x, format, scratch, out); });
}
BENCHMARK(json_line_with_user_agent_and_query);

void spans(benchmark::State& state) {
    const testing::ExampleExchange example;
    SpanProjector projector({true, 0, redact_text, redact_query_values});
    measure(state, [&](std::string& out) { (void)projector.project(example.x, out); });
}
BENCHMARK(spans);

struct Nothing {
    void exchange(const model::Exchange& x) const { benchmark::DoNotOptimize(x.status); }
    void connection(const model::Connection&) const {}
    void event(const model::Event&) const {}
};

void ring_push_and_drain(benchmark::State& state) {
    const testing::ExampleExchange example;
    RecordRing ring;
    measure(state, [&](std::string&) {
        ring.push(example.x);
        ring.drain(Nothing{}, 1);
    });
}
BENCHMARK(ring_push_and_drain);

}  // namespace
}  // namespace glassgate::telemetry
