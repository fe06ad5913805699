// A range selector's samples under the windows of a query's steps.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "store/query/columns.h"

namespace glassgate::store::query {

// One series' samples, without staleness markers, and the windows over them.
struct RangeInput {
    std::span<const TimeMs> times_ms;
    std::span<const double> values;
    std::span<const HistogramPtr> histograms;  // empty: only numbers
    Grid grid;
    int64_t range_ms = 0;
    int64_t offset_ms = 0;
    std::optional<TimeMs> fixed_end_ms;  // with @: the window's end at every step
    const Budget* budget = nullptr;      // asked now and then whether to go on

    // A window is [end - range, end], both included.
    [[nodiscard]] TimeMs window_end(std::size_t step) const noexcept {
        return fixed_end_ms ? *fixed_end_ms : grid.at(step) - offset_ms;
    }
    [[nodiscard]] TimeMs window_begin(std::size_t step) const noexcept {
        return window_end(step) - range_ms;
    }
};

// Samples that a function may have looked at; about a millisecond.
inline constexpr std::size_t kWorkBetweenChecks = 1'000'000;

// Calls use(step, first, end) for each step with samples [first, end) in its window. Windows move
// forward, so that all steps together cost O(samples + steps). Stops when the query's time is up.
template <typename Use>
void for_each_window(const RangeInput& in, Use&& use) {
    const std::size_t count = in.times_ms.size();
    const TimeMs* times = in.times_ms.data();
    std::size_t first = 0, end = 0, work = 0;
    for (std::size_t step = 0; step < in.grid.steps; ++step) {
        const TimeMs window_end = in.window_end(step);
        const TimeMs window_begin = window_end - in.range_ms;
        while (end < count && times[end] <= window_end) ++end;
        while (first < end && times[first] < window_begin) ++first;
        if (first == end) continue;
        use(step, first, end);
        if ((work += end - first) > kWorkBetweenChecks) [[unlikely]] {
            if (in.budget != nullptr && !in.budget->check()) return;
            work = 0;
        }
    }
}

// A sum in two parts: what the first lost to rounding is in the second (Neumaier).
struct KahanSum {
    double sum = 0;
    double lost = 0;

    void add(double value) noexcept {
        const double next = sum + value;
        const bool larger = (sum < 0 ? -sum : sum) >= (value < 0 ? -value : value);
        lost += larger ? (sum - next) + value : (value - next) + sum;
        sum = next;
    }
    [[nodiscard]] double total() const noexcept { return sum + lost; }
};

}  // namespace glassgate::store::query
