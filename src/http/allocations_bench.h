// For benchmarks: how often the heap was asked so far.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace glassgate::http {

[[nodiscard]] uint64_t heap_allocations() noexcept;

// The counter "allocs": heap allocations per iteration.
class CountAllocations {
public:
    explicit CountAllocations(benchmark::State& state)
        : state_(state), before_(heap_allocations()) {}
    ~CountAllocations() {
        state_.counters["allocs"] = benchmark::Counter(
            static_cast<double>(heap_allocations() - before_), benchmark::Counter::kAvgIterations);
    }
    CountAllocations(const CountAllocations&) = delete;
    CountAllocations& operator=(const CountAllocations&) = delete;

private:
    benchmark::State& state_;
    uint64_t before_;
};

}  // namespace glassgate::http
