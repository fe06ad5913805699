// rate, increase, delta, irate, idelta.
#include <algorithm>
#include <cmath>

#include "store/query/native_histogram.h"
#include "store/query/range_functions.h"

namespace glassgate::store::query {
namespace {

// How far beyond its samples a window's slope is taken to go on, as a factor of the increase seen.
// Where samples are regular the distances repeat from step to step, and so does the factor.
class Extrapolation {
public:
    Extrapolation(RateKind kind, const RangeInput& in) noexcept
        : in_(in), range_s_(static_cast<double>(in.range_ms) / 1000), kind_(kind) {}

    // For the window's samples [first, end).
    void measure(std::size_t step, std::size_t first, std::size_t end) noexcept {
        const TimeMs window_end = in_.window_end(step);
        const int64_t to_start_ms = in_.times_ms[first] - (window_end - in_.range_ms);
        const int64_t to_end_ms = window_end - in_.times_ms[end - 1];
        const int64_t sampled_ms = in_.times_ms[end - 1] - in_.times_ms[first];
        if (to_start_ms == to_start_ms_ && to_end_ms == to_end_ms_ && sampled_ms == sampled_ms_ &&
            end - first == count_)
            return;
        to_start_ms_ = to_start_ms;
        to_end_ms_ = to_end_ms;
        sampled_ms_ = sampled_ms;
        count_ = end - first;
        to_start_s_ = static_cast<double>(to_start_ms) / 1000;
        to_end_s_ = static_cast<double>(to_end_ms) / 1000;
        sampled_s_ = static_cast<double>(sampled_ms) / 1000;
        factor_ = factor(to_start_s_);
    }

    // Counters are not negative: where the slope reaches zero within the distance to the start, the
    // series is taken to start there.
    [[nodiscard]] double for_counter(double first_value, double increase) const noexcept {
        if (!(increase > 0 && first_value >= 0)) return factor_;
        // Not near the start of the series: the division is not needed to know.
        if (first_value * sampled_s_ > to_start_s_ * increase * 1.000001) return factor_;
        const double to_zero_s = sampled_s_ * (first_value / increase);
        return to_zero_s < to_start_s_ ? factor(to_zero_s) : factor_;
    }
    [[nodiscard]] double plain() const noexcept { return factor_; }

private:
    [[nodiscard]] double factor(double to_start_s) const noexcept {
        const double between_s = sampled_s_ / static_cast<double>(count_ - 1);
        const double threshold_s = between_s * 1.1;
        double covered_s = sampled_s_;
        covered_s += to_start_s < threshold_s ? to_start_s : between_s / 2;
        covered_s += to_end_s_ < threshold_s ? to_end_s_ : between_s / 2;
        const double of_increase = covered_s / sampled_s_;
        return kind_ == RateKind::rate ? of_increase / range_s_ : of_increase;
    }

    const RangeInput& in_;
    double range_s_;
    RateKind kind_;
    int64_t to_start_ms_ = -1, to_end_ms_ = -1, sampled_ms_ = -1;
    std::size_t count_ = 0;
    double to_start_s_ = 0, to_end_s_ = 0, sampled_s_ = 0;
    double factor_ = 0;
};

// Where a counter went down, and for each window what it had reached there.
class Resets {
public:
    explicit Resets(std::span<const double> values) : values_(values) {
        for (std::size_t i = 1; i < values.size(); ++i)
            if (values[i] < values[i - 1]) places_.push_back(i);
        if (places_.size() <= kFew) return;
        before_.reserve(places_.size() + 1);
        before_.push_back(0);
        for (const std::size_t place : places_)
            before_.push_back(before_.back() + values[place - 1]);
        if (!std::isfinite(before_.back())) before_.clear();
    }

    // Adds what was lost inside [first, end). Windows must move forward.
    [[nodiscard]] double corrected(double increase, std::size_t first, std::size_t end) noexcept {
        while (begin_ < places_.size() && places_[begin_] <= first) ++begin_;
        if (begin_ == places_.size() || places_[begin_] >= end) return increase;
        if (before_.empty()) {
            for (std::size_t i = begin_; i < places_.size() && places_[i] < end; ++i)
                increase += values_[places_[i] - 1];
            return increase;
        }
        end_ = std::max(end_, begin_);
        while (end_ < places_.size() && places_[end_] < end) ++end_;
        return increase + (before_[end_] - before_[begin_]);
    }

private:
    static constexpr std::size_t kFew = 64;  // adding these up beats remembering their sums

    std::span<const double> values_;
    std::vector<std::size_t> places_;
    std::vector<double> before_;  // sums of what was reached before each reset
    std::size_t begin_ = 0, end_ = 0;
};

void numbers_rate(RateKind kind, const RangeInput& in, std::span<double> out) {
    Extrapolation extrapolation(kind, in);
    const double* values = in.values.data();
    if (kind == RateKind::delta) {
        for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
            if (end - first < 2) return;
            extrapolation.measure(step, first, end);
            out[step] = (values[end - 1] - values[first]) * extrapolation.plain();
        });
        return;
    }
    Resets resets(in.values);
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        if (end - first < 2) return;
        extrapolation.measure(step, first, end);
        const double increase = resets.corrected(values[end - 1] - values[first], first, end);
        out[step] = increase * extrapolation.for_counter(values[first], increase);
    });
}

// The histograms' increase inside [first, end); nothing when one of them is a number.
std::optional<NativeHistogram> histogram_increase(const RangeInput& in, std::size_t first,
                                                  std::size_t end, bool counter,
                                                  const std::vector<bool>& reset_at) {
    const NativeHistogram* begin = in.histograms[first].get();
    const NativeHistogram* last = in.histograms[end - 1].get();
    if (last == nullptr) return std::nullopt;
    int32_t schema = std::min(begin->schema, last->schema);
    for (std::size_t i = first + 1; i + 1 < end; ++i) {
        if (!in.histograms[i]) return std::nullopt;
        if (counter) schema = std::min(schema, in.histograms[i]->schema);
    }
    NativeHistogram increase = to_schema(*last, schema);
    subtract(increase, *begin);
    if (counter)
        for (std::size_t i = first + 1; i < end; ++i)
            if (reset_at[i]) add(increase, *in.histograms[i - 1]);
    compact(increase);
    return increase;
}

// Windows with histograms, numbers or both; a window with both has no value.
void histogram_rate(RateKind kind, const RangeInput& in, Column& out) {
    const bool counter = kind != RateKind::delta;
    std::vector<bool> reset_at(in.times_ms.size());
    for (std::size_t i = 1; counter && i < reset_at.size(); ++i)
        if (in.histograms[i] && in.histograms[i - 1])
            reset_at[i] = detect_reset(*in.histograms[i], *in.histograms[i - 1]);
    Extrapolation extrapolation(kind, in);
    out.histograms.resize(in.grid.steps);
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        if (end - first < 2) return;
        extrapolation.measure(step, first, end);
        if (in.histograms[first]) {
            auto increase = histogram_increase(in, first, end, counter, reset_at);
            if (!increase) return;
            scale(*increase, extrapolation.plain());
            out.values[step] = 0;
            out.histograms[step] = std::make_shared<NativeHistogram>(*std::move(increase));
            return;
        }
        double increase = in.values[end - 1] - in.values[first];
        for (std::size_t i = first + 1; i < end; ++i) {
            if (in.histograms[i]) return;
            if (counter && in.values[i] < in.values[i - 1]) increase += in.values[i - 1];
        }
        out.values[step] =
            increase * (counter ? extrapolation.for_counter(in.values[first], increase)
                                : extrapolation.plain());
    });
}

}  // namespace

void extrapolated_rate(RateKind kind, const RangeInput& in, Column& out) {
    if (in.histograms.empty())
        numbers_rate(kind, in, out.values);
    else
        histogram_rate(kind, in, out);
}

void instant_rate(bool per_second, const RangeInput& in, std::span<double> out) {
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        if (end - first < 2) return;
        const double last = in.values[end - 1], previous = in.values[end - 2];
        const bool reset = per_second && last < previous;
        double change = reset ? last : last - previous;
        if (per_second)
            change /= static_cast<double>(in.times_ms[end - 1] - in.times_ms[end - 2]) / 1000;
        out[step] = change;
    });
}

}  // namespace glassgate::store::query
