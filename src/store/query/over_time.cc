// Aggregations over time, on windows that slide.
#include <algorithm>
#include <cmath>
#include <deque>

#include "store/query/quantile.h"
#include "store/query/range_functions.h"

namespace glassgate::store::query {
namespace {

// Sums over a window that moves forward: O(1) a step on average and, since nothing is ever taken
// away from a sum, as exact as adding the window up anew. Two halves: sums from each sample up to
// the pivot, computed when the window's beginning passes it, and one sum from the pivot on.
class WindowSum {
public:
    explicit WindowSum(std::span<const double> values)
        : values_(values), to_pivot_(values.size()) {}

    [[nodiscard]] KahanSum of(std::size_t first, std::size_t end) {
        if (first >= pivot_) {
            pivot_ = end;
            KahanSum sum;
            for (std::size_t i = end; i-- > first;) {
                sum.add(values_[i]);
                to_pivot_[i] = sum;
            }
            from_pivot_ = {};
            end_ = end;
        }
        for (; end_ < end; ++end_) from_pivot_.add(values_[end_]);
        KahanSum whole = to_pivot_[first];
        whole.add(from_pivot_.sum);
        whole.lost += from_pivot_.lost;
        return whole;
    }

private:
    std::span<const double> values_;
    std::vector<KahanSum> to_pivot_;
    KahanSum from_pivot_;
    std::size_t pivot_ = 0, end_ = 0;
};

// The mean taken step by step, which does not overflow where a sum would.
double running_mean(std::span<const double> values) noexcept {
    KahanSum mean;
    double count = 0;
    for (const double value : values) {
        ++count;
        if (std::isinf(mean.sum)) {
            const bool same = std::isinf(value) && (mean.sum > 0) == (value > 0);
            if (same || std::isfinite(value)) continue;
        }
        mean.add(value / count - mean.sum / count);
    }
    return std::isinf(mean.sum) ? mean.sum : mean.total();
}

double variance(std::span<const double> values) noexcept {
    KahanSum mean, squares;
    double count = 0;
    for (const double value : values) {
        ++count;
        const double delta = value - mean.total();
        mean.add(delta / count);
        squares.add(delta * (value - mean.total()));
    }
    return squares.total() / count;
}

}  // namespace

void sum_over_time(const RangeInput& in, std::span<double> out) {
    WindowSum window(in.values);
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        const KahanSum sum = window.of(first, end);
        out[step] = std::isinf(sum.sum) ? sum.sum : sum.total();
    });
}

void avg_over_time(const RangeInput& in, std::span<double> out) {
    WindowSum window(in.values);
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        const KahanSum sum = window.of(first, end);
        out[step] = std::isfinite(sum.sum) ? sum.total() / static_cast<double>(end - first)
                                           : running_mean(in.values.subspan(first, end - first));
    });
}

void extreme_over_time(bool maximum, const RangeInput& in, std::span<double> out) {
    // Places of values that may still become the extreme; NaN never does beside a number.
    std::deque<std::size_t> candidates;
    std::size_t seen = 0;
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        for (seen = std::max(seen, first); seen < end; ++seen) {
            const double value = in.values[seen];
            if (std::isnan(value)) continue;
            while (!candidates.empty() && (maximum ? in.values[candidates.back()] < value
                                                   : in.values[candidates.back()] > value))
                candidates.pop_back();
            candidates.push_back(seen);
        }
        while (!candidates.empty() && candidates.front() < first) candidates.pop_front();
        out[step] = candidates.empty() ? in.values[first] : in.values[candidates.front()];
    });
}

void variance_over_time(bool root, const RangeInput& in, std::span<double> out) {
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        const double value = variance(in.values.subspan(first, end - first));
        out[step] = root ? std::sqrt(value) : value;
    });
}

void quantile_over_time(std::span<const double> q, const RangeInput& in, std::span<double> out) {
    std::vector<double> window;
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        window.assign(in.values.begin() + static_cast<std::ptrdiff_t>(first),
                      in.values.begin() + static_cast<std::ptrdiff_t>(end));
        out[step] = quantile_of(q[step], window);
    });
}

}  // namespace glassgate::store::query
