// What each policy costs a request, in ns and heap allocations (which must be 0 in steady state).
#include <cstdlib>
#include <new>

#include "policy/chain_bench.h"

namespace glassgate::policy {
std::atomic<uint64_t> allocations{0};
}
using glassgate::policy::allocations;

void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* memory = std::malloc(size)) return memory;
    std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace glassgate::policy {
namespace {

const std::string kHead =
    "GET /api/products/42 HTTP/1.1\r\nHost: shop\r\nUser-Agent: mobile-app v3.2\r\nAccept: */*\r\n"
    "client_id: mob-4f7a\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";

Node basic_source() {
    Node sources;
    sources.kind = Node::Kind::list;
    sources.items.push_back(settings({{"query", scalar("client_id")}}));
    sources.items.push_back(settings({{"basic", scalar("true")}}));
    return settings({{"sources", sources}});
}

void client_id_header(benchmark::State& state) {
    Bench bench(kHead);
    bench.add("client-id", settings({{"nameHeader", scalar("user-agent")}}));
    bench.run(state);
}
void client_id_basic(benchmark::State& state) {
    Bench bench(kHead);
    bench.add("client-id", basic_source());
    bench.run(state);
}
void rate_limit_admits(benchmark::State& state) {
    Bench bench(kHead);
    bench.add("rate-limit", settings({{"limit", scalar("60000000/s")}}));
    bench.run(state);
}
void rate_limit_without_headers(benchmark::State& state) {
    Bench bench(kHead);
    bench.add("rate-limit",
              settings({{"limit", scalar("60000000/s")}, {"exposeHeaders", scalar("false")}}));
    bench.run(state);
}
void rate_limit_refuses(benchmark::State& state) {
    Bench bench(kHead);
    bench.add("rate-limit", settings({{"limit", scalar("1/day")}}));
    bench.run(state);
}
void circuit_breaker_closed(benchmark::State& state) {
    Bench bench(kHead);
    bench.add("circuit-breaker", Node{});
    bench.run(state);
}
void response_timeout(benchmark::State& state) {
    Bench bench(kHead);
    bench.add("response-timeout", settings({{"timeoutMs", scalar("5000")}}));
    bench.run(state);
}
void whole_chain(benchmark::State& state) {
    Bench bench(kHead);
    bench.add("client-id", settings({{"nameHeader", scalar("user-agent")}}));
    bench.add("rate-limit", settings({{"limit", scalar("60000000/s")}}));
    bench.add("circuit-breaker", Node{});
    bench.add("response-timeout", settings({{"timeoutMs", scalar("5000")}}));
    bench.run(state);
}
BENCHMARK(client_id_header);
BENCHMARK(client_id_basic);
BENCHMARK(rate_limit_admits);
BENCHMARK(rate_limit_without_headers);
BENCHMARK(rate_limit_refuses);
BENCHMARK(circuit_breaker_closed);
BENCHMARK(response_timeout);
BENCHMARK(whole_chain);

// ---- the quota table alone
// --------------------------------------------------------------------------

constexpr shared::QuotaTerms kTerms{100, 60'000};

// Every request from a client that was seen before; 100,000 clients in turn.
void quota_known_keys(benchmark::State& state) {
    shared::QuotaLedger ledger;
    const auto space = ledger.space("k", 100'000);
    std::vector<std::string> keys;
    for (int i = 0; i < 100'000; ++i) keys.push_back("client-" + std::to_string(i));
    for (const std::string& key : keys)
        space->take(space->key(shared::QuotaSubject::named, key), kTerms, 0);
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            space->take(space->key(shared::QuotaSubject::named, keys[i]), kTerms, 1));
        i = i + 7919 < keys.size() ? i + 7919 : i + 7919 - keys.size();
    }
}
// A flood of made-up keys while the table is full of live windows; 1000 requests a ms.
void quota_flood_when_full(benchmark::State& state) {
    shared::QuotaLedger ledger;
    const auto space = ledger.space("k", 100'000);
    for (int i = 0; i < 100'000; ++i)
        space->take(space->key(shared::QuotaSubject::named, std::to_string(i)), kTerms, 0);
    uint64_t made_up = 0;
    for (auto _ : state) {
        const std::string_view text(reinterpret_cast<const char*>(&made_up), sizeof made_up);
        benchmark::DoNotOptimize(space->take(space->key(shared::QuotaSubject::named, text), kTerms,
                                             made_up / 1000 % 50'000));
        ++made_up;
    }
}
// A flood of made-up keys with windows so short that there is always room: every request takes a
// slot from a window that is over.
void quota_flood_recycling(benchmark::State& state) {
    shared::QuotaLedger ledger;
    const auto space = ledger.space("k", 100'000);
    uint64_t made_up = 0;
    for (auto _ : state) {
        const std::string_view text(reinterpret_cast<const char*>(&made_up), sizeof made_up);
        benchmark::DoNotOptimize(
            space->take(space->key(shared::QuotaSubject::named, text), {100, 50}, made_up / 1000));
        ++made_up;
    }
}
void quota_one_key_contended(benchmark::State& state) {
    static shared::QuotaLedger ledger;
    static const auto space = ledger.space("k", 100'000);
    const auto key = space->key(shared::QuotaSubject::named, "mob-4f7a");
    for (auto _ : state) benchmark::DoNotOptimize(space->take(key, kTerms, 1));
}
BENCHMARK(quota_known_keys);
BENCHMARK(quota_flood_when_full);
BENCHMARK(quota_flood_recycling);
BENCHMARK(quota_one_key_contended)->Threads(1)->Threads(2);

}  // namespace
}  // namespace glassgate::policy
