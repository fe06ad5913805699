// For benchmarks of policies: a chain of them, and what a request through it costs in time and heap
// allocations.
#pragma once

#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/clock.h"
#include "http/h1.h"
#include "policy/policy.h"
#include "shared/breaker_board.h"
#include "shared/quota_ledger.h"

namespace glassgate::policy {

extern std::atomic<uint64_t> allocations;  // of this process so far

inline Node scalar(std::string text) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.scalar = std::move(text);
    return node;
}
inline Node settings(std::vector<std::pair<std::string, Node>> entries) {
    Node node;
    node.kind = Node::Kind::map;
    node.entries = std::move(entries);
    node.key_positions.resize(node.entries.size());
    return node;
}

struct Bench {
    explicit Bench(const std::string& head_text) : text(head_text) {
        std::size_t resume = 0;
        GW_CHECK(http::parse_request_head(text, http::HeadLimits{}, resume, head).state ==
                 http::ParseState::complete);
    }
    void add(std::string_view kind, const Node& node) {
        Diagnostics diagnostics;
        CompileContext context{diagnostics, "bench", "route", "upstream",
                               "route/" + std::string(kind) + "/1"};
        plans.push_back(find_policy(kind)->compile(node, context));
        GW_CHECK(plans.back() != nullptr);
        policies.push_back(plans.back()->instantiate(env));
    }
    // One request through the chain and to its end.
    void request() {
        arena.reset();
        r.reset();
        r.head = &head;
        r.path = head.path;
        r.client_address = "192.0.2.7";
        r.exchange = &exchange;
        r.arena = &arena;
        r.now_ns = now_ns += 1000;
        for (const auto& policy : policies) benchmark::DoNotOptimize(policy->on_request(r).index());
        exchange.closed_ns = now_ns;
        for (const auto& policy : policies) policy->on_finished(r, exchange);
    }
    void run(benchmark::State& state) {
        exchange.ending = model::Ending::completed;
        exchange.status = 200;
        for (int i = 0; i < 100; ++i) request();
        const uint64_t before = allocations.load();
        for (auto _ : state) request();
        state.counters["allocations"] = benchmark::Counter(
            static_cast<double>(allocations.load() - before), benchmark::Counter::kAvgIterations);
    }

    shared::QuotaLedger quotas;
    shared::BreakerBoard breakers;
    model::NullRecorder recorder;
    Random random{1};
    WorkerEnv env{0, &quotas, &breakers, &recorder, &random};
    std::string text;
    http::RequestHead head;
    model::Exchange exchange;
    Arena arena;
    Request r;
    uint64_t now_ns = kNsPerSecond;
    std::vector<std::unique_ptr<PolicyPlan>> plans;
    std::vector<std::unique_ptr<Policy>> policies;
};

}  // namespace glassgate::policy
