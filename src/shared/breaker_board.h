// BreakerBoard: the circuit breakers, one per (route, upstream), seen by all workers.
//
// A breaker is closed (requests pass, failures in a row are counted), open (requests are refused
// for a while) or half open (a few probes pass; when all have succeeded it closes, one failure
// opens it again).
//
// Proof: a breaker is one atomic word changed by compare-and-swap only, so every transition has
// exactly one winner, and only the winner is told (so one event is raised). A breaker without
// failures is only read: in steady state no worker writes a line another one reads.
//
// Evidence counts only for the state it was gathered in. A probe's ticket names its half-open spell
// (by the time that spell ends at the latest); reports of an earlier spell are ignored. An ordinary
// request's ticket is the time it was admitted; if the circuit has closed since, what that request
// met was the upstream before it recovered, and its outcome is ignored.
//
// A probe that never reports cannot keep the circuit half open for ever: after kProbePatienceMs a
// new spell begins with new probes.
//
// Times are monotonic ms; they may differ by a few ms between workers. They are kept in 40 bits
// (34.8 years) and compared modulo that.
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
    static constexpr uint32_t kMaxFailures = 2047;
    static constexpr uint32_t kMaxProbes = 2047;
    static constexpr uint64_t kProbePatienceMs = 60'000;

    enum class Admission : uint8_t { pass, probe, refuse };
    // To be given back, once, with the outcome: failed, succeeded or abandoned.
    struct Ticket {
        bool probe = false;
        uint64_t time_ms = 0;  // probe: its half-open spell; otherwise when it was admitted
    };
    struct Admitted {
        Admission admission = Admission::pass;
        bool became_half_open = false;  // by this request
        uint64_t wait_ms = 0;  // refused: until the circuit may let one through; at least 0
        Ticket ticket;
    };
    // May a request go through now? At most `probes` (1 to kMaxProbes) in a half-open spell.
    Admitted admit(uint64_t now_ms, uint32_t probes) noexcept;

    // The failures in a row if this one opened the circuit; 0 if it did not.
    uint32_t failed(const Ticket& ticket, uint64_t now_ms, uint32_t consecutive_failures,
                    uint32_t open_ms) noexcept;
    // True if this one closed the circuit.
    bool succeeded(const Ticket& ticket, uint64_t now_ms, uint32_t probes) noexcept;
    // Neither: the client went away, a later policy refused. The place of a probe is free again.
    void abandoned(const Ticket& ticket) noexcept;

    // Open although its time is over reads open: it stays so until a request comes to probe.
    [[nodiscard]] BreakerState state() const noexcept;

private:
    // state: 2 bits | a: 11 | b: 11 | time: 40
    //   closed:    a = failures in a row, time = when it closed
    //   open:      time = when to let probes through
    //   half open: a = probes admitted, b = probes that succeeded, time = when patience ends
    std::atomic<uint64_t> word_{0};
    // Failures in a row over all spells since it was last closed; written by those who open it.
    std::atomic<uint32_t> streak_{0};
};

class BreakerBoard {
public:
    // Control and worker threads, at load only. A breaker lives as long as a policy instance holds
    // it; a reload makes its instances before the old ones go, so the state survives it.
    [[nodiscard]] std::shared_ptr<Breaker> find(const std::string& route,
                                                const std::string& upstream);
    void for_each(const std::function<void(const std::string& route, const std::string& upstream,
                                           const Breaker& breaker)>& use) const;

private:
    mutable std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, std::weak_ptr<Breaker>> breakers_;
};

}  // namespace glassgate::shared
