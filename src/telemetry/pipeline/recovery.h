// RecoveryWatch: tells that a route is recovering (event error_rate_recovering): its error rate
// over the last 15 seconds has come under half of its peak, after it had been above 5 %. Once an
// episode.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::telemetry {

class RecoveryWatch {
public:
    static constexpr std::size_t kWindowSeconds = 15;
    static constexpr double kHigh = 0.05;              // an episode begins above
    static constexpr double kTarget = 0.01;            // and is over below
    static constexpr uint64_t kRequestsMin = 20;       // in the window, or the rate says nothing
    static constexpr std::size_t kRoutesMax = 10'000;  // further ones are not watched

    using Emit = std::function<void(const model::Event&)>;
    explicit RecoveryWatch(Emit emit) : emit_(std::move(emit)) {}

    void note(const model::Exchange& exchange, uint64_t now_ns);
    void tick(uint64_t now_ns);  // does its work once a second

private:
    // Latencies by quarter octaves from 64 us to 67 s.
    static constexpr std::size_t kLatencyBuckets = 80;
    using Latencies = std::array<uint32_t, kLatencyBuckets>;
    struct Second {
        uint32_t requests = 0, errors = 0;
    };
    enum class State : uint8_t { calm, high, recovering };
    struct Route {
        std::string id;
        State state = State::calm;
        double extreme = 0;  // high: the peak; recovering: the lowest since
        std::array<Second, kWindowSeconds> seconds{};
        // From the first error on: most routes never need them.
        std::unique_ptr<std::array<Latencies, kWindowSeconds>> latencies;
        uint64_t last_seen_s = 0;
    };
    Route* route_of(const model::Exchange& exchange);
    void advance(uint64_t now_s);
    void judge(Route& route);
    void tell(const Route& route, double rate);
    static uint64_t p99_ms(const Route& route) noexcept;
    static std::size_t bucket_of(uint64_t ns) noexcept;

    const Emit emit_;
    std::unordered_map<std::string, std::unique_ptr<Route>> routes_;  // by id: outlive a reload
    // The routes of the plan of the last record, by index.
    const model::PlanNames* names_ = nullptr;
    uint64_t generation_ = 0;
    std::vector<Route*> by_index_;
    uint64_t second_ = 0;
};

}  // namespace glassgate::telemetry
