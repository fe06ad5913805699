// TrafficWindow: counts and durations by endpoint for each of the last seconds, so that a rate or a
// percentile over any recent span can be said.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "gateway/demo/latency_histogram.h"

namespace glassgate::gateway::demo {

struct TrafficCell {
    uint64_t requests = 0, errors = 0, limited = 0, auth_failures = 0;
    LatencyHistogram latency;

    void merge(const TrafficCell& other) {
        requests += other.requests;
        errors += other.errors;
        limited += other.limited;
        auth_failures += other.auth_failures;
        latency.merge(other.latency);
    }
    [[nodiscard]] double error_share() const noexcept {
        return requests == 0 ? 0 : static_cast<double>(errors) / static_cast<double>(requests);
    }
};

struct Outcome {
    uint64_t latency_ns = 0;
    bool error = false, limited = false, auth_failure = false;
};

class TrafficWindow {
public:
    TrafficWindow(std::size_t rows, std::size_t keep_seconds) : rows_(rows), keep_(keep_seconds) {}

    // What is older than the kept span is counted into the oldest second.
    void add(int64_t second, std::size_t row, const Outcome& outcome);
    // Sum over the seconds from (including) to (excluding); one cell per row.
    [[nodiscard]] std::vector<TrafficCell> by_row(int64_t from, int64_t to) const;
    [[nodiscard]] TrafficCell total(int64_t from, int64_t to) const;

private:
    struct Second {
        int64_t index;
        std::vector<TrafficCell> cells;
    };
    std::size_t rows_, keep_;
    std::deque<Second> seconds_;  // consecutive, oldest first
};

}  // namespace glassgate::gateway::demo
