// deriv, predict_linear, holt_winters.
#include <cmath>
#include <limits>

#include "store/query/number_text.h"
#include "store/query/range_functions.h"

namespace glassgate::store::query {
namespace {

struct Line {
    double slope = 0;
    double intercept = 0;
};

// Least squares through samples [first, end); the intercept is at the given time.
Line regression(const RangeInput& in, std::size_t first, std::size_t end, TimeMs intercept_ms) {
    const double first_value = in.values[first];
    bool constant = true;
    KahanSum x_sum, y_sum, xy_sum, xx_sum;
    for (std::size_t i = first; i < end; ++i) {
        const double y = in.values[i];
        if (y != first_value && i > first) constant = false;
        const double x = static_cast<double>(in.times_ms[i] - intercept_ms) / 1e3;
        x_sum.add(x);
        y_sum.add(y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    if (constant) {
        if (!std::isinf(first_value)) return {0, first_value};
        constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
        return {kNaN, kNaN};
    }
    const auto n = static_cast<double>(end - first);
    const double x = x_sum.total(), y = y_sum.total();
    const double covariance = xy_sum.total() - x * y / n;
    const double variance = xx_sum.total() - x * x / n;
    const double slope = covariance / variance;
    return {slope, y / n - slope * x / n};
}

}  // namespace

void deriv(const RangeInput& in, std::span<double> out) {
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        if (end - first >= 2) out[step] = regression(in, first, end, in.times_ms[first]).slope;
    });
}

void predict_linear(std::span<const double> seconds, const RangeInput& in, std::span<double> out) {
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        if (end - first < 2) return;
        const Line line = regression(in, first, end, in.grid.at(step));
        out[step] = line.slope * seconds[step] + line.intercept;
    });
}

Outcome<void> holt_winters(std::span<const double> smoothing, std::span<const double> trend,
                           const RangeInput& in, std::span<double> out) {
    std::string error;
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        const double sf = smoothing[step], tf = trend[step];
        if (!error.empty()) return;
        if (sf <= 0 || sf >= 1)
            error = "invalid smoothing factor. Expected: 0 < sf < 1, got: " + six_digits(sf);
        else if (tf <= 0 || tf >= 1)
            error = "invalid trend factor. Expected: 0 < tf < 1, got: " + six_digits(tf);
        if (!error.empty() || end - first < 2) return;
        double before = 0, smoothed = in.values[first];
        double slope = in.values[first + 1] - in.values[first];
        for (std::size_t i = first + 1; i < end; ++i) {
            const double raw = sf * in.values[i];
            if (i > first + 1) slope = tf * (smoothed - before) + (1 - tf) * slope;
            const double carried = (1 - sf) * (smoothed + slope);
            before = smoothed;
            smoothed = raw + carried;
        }
        out[step] = smoothed;
    });
    if (!error.empty()) return execution_error(std::move(error));
    return {};
}

}  // namespace glassgate::store::query
