// BreakerBoard: the circuit breakers, one per (route, upstream), seen by all workers.
//
// Proof: a breaker's state is one atomic word changed by compare-and-swap only, so every transition
// has exactly one winner, and only the winner is told (so one event is raised). A breaker without
// failures is only read: in steady state no worker writes a line another one reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace glassgate::shared {

enum class BreakerState : uint8_t { closed = 0, half_open = 1, open = 2 };

class Breaker {
public:
    enum class Admission : uint8_t { pass, probe, refuse };
    struct Admitted {
        Admission admission = Admission::pass;
        bool became_half_open = false;
    };
    // May a request go through now? `probe`: it decides about closing; report its outcome.
    Admitted admit(uint64_t now_ms, uint32_t probes) noexcept;
    // Outcome of an admitted request. True when this one opened or closed the circuit.
    bool failed(uint64_t now_ms, uint32_t consecutive_failures, uint32_t open_ms, bool probe) noexcept;
    bool succeeded(bool probe) noexcept;
    // Neither: the client went away, a later policy refused.
    void abandoned(bool probe) noexcept;

    [[nodiscard]] BreakerState state(uint64_t now_ms) const noexcept;

private:
    // state: 2 bits | probes under way: 6 | consecutive failures: 16 | open until, ms: 40
    std::atomic<uint64_t> word_{0};
};

class BreakerBoard {
public:
    // Control and worker threads, at load only.
    std::shared_ptr<Breaker> find(const std::string& route, const std::string& upstream);
    void for_each(const std::function<void(const std::string& route, const std::string& upstream,
                                           const Breaker& breaker)>& use) const;

private:
    mutable std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, std::weak_ptr<Breaker>> breakers_;
};

}  // namespace glassgate::shared
