#include "gateway/demo/service_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/clock.h"

namespace glassgate::gateway::demo {
namespace {

constexpr uint64_t kStepNs = 100 * kNsPerMs;
constexpr double kStepS = 0.1;

// Medians in ms and the chance of a 503 of its own, calm and under full pressure.
struct EndpointFigures {
    double calm_median_ms, full_median_ms;
    double calm_failures, full_failures;
};
constexpr EndpointFigures kFigures[kEndpointCount] = {
    {27, 206, 0.001, 0.017},  // products
    {18, 103, 0.001, 0.008},  // product
    {27, 27, 0.002, 0.002},   // cart
    {38, 38, 0, 0},           // checkout
    {0, 0, 0, 0},             // health: at once
};
constexpr double kSigma = 0.48;  // P99 is three times the median

}  // namespace

void Pressure::advance(uint64_t now_ns) noexcept {
    if (step_started_ns_ == 0) step_started_ns_ = now_ns;
    while (now_ns >= step_started_ns_ + kStepNs) {
        load_ += (in_step_ / kStepS - load_) * (kStepS / figures_.smoothing_s);
        in_step_ = 0;
        step_started_ns_ += kStepNs;
        const bool too_much = load_ > figures_.capacity_per_second;
        pressure_ += too_much ? kStepS / figures_.rise_s : -kStepS / figures_.fall_s;
        pressure_ = std::clamp(pressure_, 0.0, 1.0);
    }
}

void Pressure::arrived(uint64_t now_ns) noexcept {
    advance(now_ns);
    ++in_step_;
}

bool Pressure::stalls(uint64_t now_ns) noexcept {
    if (pressure_ < figures_.stall_pressure) {
        stall_left_ = 0;
        return false;
    }
    if (now_ns >= next_stall_ns_) {
        next_stall_ns_ = now_ns + static_cast<uint64_t>(figures_.stall_period_s * 1e9);
        stall_left_ = figures_.stall_requests;
    }
    if (stall_left_ == 0) return false;
    --stall_left_;
    return true;
}

uint64_t log_normal_ns(double median_ms, double sigma, Random& random) noexcept {
    // Box and Muller; unit() may be 0, 1 - unit() may not.
    const double normal = std::sqrt(-2 * std::log(1 - random.unit())) *
                          std::cos(2 * std::numbers::pi * random.unit());
    return static_cast<uint64_t>(median_ms * std::exp(sigma * normal) * 1e6);
}

Behaviour behave(Endpoint endpoint, double pressure, Random& random) noexcept {
    const EndpointFigures& f = kFigures[static_cast<std::size_t>(endpoint)];
    Behaviour b;
    if (f.full_median_ms > 0) {
        const double median =
            f.calm_median_ms * std::pow(f.full_median_ms / f.calm_median_ms, pressure);
        b.delay_ns = log_normal_ns(median, kSigma, random);
    }
    const double failures = f.calm_failures + pressure * (f.full_failures - f.calm_failures);
    if (failures > 0 && random.unit() < failures) b.status = 503;
    return b;
}

}  // namespace glassgate::gateway::demo
