// How the built-in services behave: pure functions of load, time and a random source.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "gateway/demo/scenario.h"

namespace glassgate::gateway::demo {

// What a service does with one request.
struct Behaviour {
    enum class Kind : uint8_t { answer, hang };  // hang: never answers
    Kind kind = Kind::answer;
    uint16_t status = 200;
    uint64_t delay_ns = 0;  // until the answer
};

// The pressure on the product service, 0 (well) to 1 (as slow as it gets). It grows while the
// arrivals exceed the capacity and falls while they do not: what relieves the service is fewer
// requests, whatever the reason for their being fewer.
class Pressure {
public:
    explicit Pressure(const ProductServiceFigures& figures) noexcept : figures_(figures) {}

    void arrived(uint64_t now_ns) noexcept;  // one request; now_ns never goes back
    void advance(uint64_t now_ns) noexcept;  // also without arrivals
    [[nodiscard]] double value() const noexcept { return pressure_; }
    [[nodiscard]] double load_per_second() const noexcept { return load_; }
    // True for the requests of a stall: the connections to its database are all taken, and who
    // comes now waits for ever.
    [[nodiscard]] bool stalls(uint64_t now_ns) noexcept;

private:
    ProductServiceFigures figures_;
    uint64_t step_started_ns_ = 0;
    uint32_t in_step_ = 0;
    double load_ = 0;  // arrivals per second, smoothed
    double pressure_ = 0;
    uint64_t next_stall_ns_ = 0;
    uint32_t stall_left_ = 0;
};

// A log-normal duration with this median; sigma is the deviation of its logarithm.
[[nodiscard]] uint64_t log_normal_ns(double median_ms, double sigma, Random& random) noexcept;

// An answer of the endpoint under this pressure (only the product service's endpoints heed it).
// Hanging is decided by Pressure::stalls.
[[nodiscard]] Behaviour behave(Endpoint endpoint, double pressure, Random& random) noexcept;

}  // namespace glassgate::gateway::demo
