#include "store/query/value_functions.h"

#include <cmath>
#include <numbers>

#include "store/query/calendar.h"
#include "store/query/quantile.h"

namespace glassgate::store::query {
namespace {

using Parameters = std::span<const std::vector<double>>;

template <typename Fn>
void each_value(std::vector<double>& values, Fn&& fn) {
    for (double& value : values)
        if (!is_absent(value)) value = fn(value);
}

template <typename Fn>
void each_step(std::vector<double>& values, Fn&& fn) {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!is_absent(values[i])) values[i] = fn(i, values[i]);
}

// Go's math.Max and math.Min: NaN wins, and -0 is less than 0.
double max_of(double a, double b) noexcept {
    if (std::isinf(a) && a > 0) return a;
    if (std::isinf(b) && b > 0) return b;
    if (std::isnan(a) || std::isnan(b)) return std::nan("");
    if (a == 0 && b == 0) return std::signbit(a) ? b : a;
    return a > b ? a : b;
}

double min_of(double a, double b) noexcept {
    if (std::isinf(a) && a < 0) return a;
    if (std::isinf(b) && b < 0) return b;
    if (std::isnan(a) || std::isnan(b)) return std::nan("");
    if (a == 0 && b == 0) return std::signbit(a) ? a : b;
    return a < b ? a : b;
}

double sign(double v) noexcept { return v < 0 ? -1 : v > 0 ? 1 : v; }

void clamp(std::vector<double>& values, const std::vector<double>& least,
           const std::vector<double>& most) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (is_absent(values[i])) continue;
        values[i] = most[i] < least[i] ? absent() : max_of(least[i], min_of(most[i], values[i]));
    }
}

void round(std::vector<double>& values, Parameters parameters) {
    each_step(values, [&](std::size_t i, double v) {
        const double inverse = 1.0 / (parameters.empty() ? 1.0 : parameters[0][i]);
        return std::floor(v * inverse + 0.5) / inverse;
    });
}

template <auto kPart>
void calendar(std::vector<double>& values) {
    each_value(values,
               [](double v) { return static_cast<double>(calendar_time(to_seconds(v)).*kPart); });
}

// The values of the histograms; where there is none, no value.
template <typename Fn>
void of_histograms(Column& column, Fn&& fn) {
    for (std::size_t i = 0; i < column.values.size(); ++i) {
        const bool there = !column.histograms.empty() && column.histograms[i];
        column.values[i] = there ? fn(i, *column.histograms[i]) : absent();
    }
}

bool apply_histogram_function(FunctionId id, Column& column, Parameters parameters) {
    switch (id) {
        case FunctionId::histogram_count:
            of_histograms(column, [](std::size_t, const NativeHistogram& h) { return h.count; });
            return true;
        case FunctionId::histogram_sum:
            of_histograms(column, [](std::size_t, const NativeHistogram& h) { return h.sum; });
            return true;
        case FunctionId::histogram_fraction:
            of_histograms(column, [&](std::size_t i, const NativeHistogram& h) {
                return histogram_fraction(parameters[0][i], parameters[1][i], h);
            });
            return true;
        default:
            return false;
    }
}

bool apply_calendar_function(FunctionId id, std::vector<double>& values) {
    switch (id) {
        case FunctionId::days_in_month:
            calendar<&CalendarTime::days_in_month>(values);
            return true;
        case FunctionId::day_of_month:
            calendar<&CalendarTime::day>(values);
            return true;
        case FunctionId::day_of_week:
            calendar<&CalendarTime::day_of_week>(values);
            return true;
        case FunctionId::day_of_year:
            calendar<&CalendarTime::day_of_year>(values);
            return true;
        case FunctionId::hour:
            calendar<&CalendarTime::hour>(values);
            return true;
        case FunctionId::minute:
            calendar<&CalendarTime::minute>(values);
            return true;
        case FunctionId::month:
            calendar<&CalendarTime::month>(values);
            return true;
        case FunctionId::year:
            calendar<&CalendarTime::year>(values);
            return true;
        default:
            return false;
    }
}

using Math = double (*)(double);

Math math_function(FunctionId id) noexcept {
    switch (id) {
        case FunctionId::abs:
            return [](double v) { return std::fabs(v); };
        case FunctionId::acos:
            return [](double v) { return std::acos(v); };
        case FunctionId::acosh:
            return [](double v) { return std::acosh(v); };
        case FunctionId::asin:
            return [](double v) { return std::asin(v); };
        case FunctionId::asinh:
            return [](double v) { return std::asinh(v); };
        case FunctionId::atan:
            return [](double v) { return std::atan(v); };
        case FunctionId::atanh:
            return [](double v) { return std::atanh(v); };
        case FunctionId::ceil:
            return [](double v) { return std::ceil(v); };
        case FunctionId::cos:
            return [](double v) { return std::cos(v); };
        case FunctionId::cosh:
            return [](double v) { return std::cosh(v); };
        case FunctionId::deg:
            return [](double v) { return v * 180 / std::numbers::pi; };
        case FunctionId::exp:
            return [](double v) { return std::exp(v); };
        case FunctionId::floor:
            return [](double v) { return std::floor(v); };
        case FunctionId::ln:
            return [](double v) { return std::log(v); };
        case FunctionId::log10:
            return [](double v) { return std::log10(v); };
        case FunctionId::log2:
            return [](double v) { return std::log2(v); };
        case FunctionId::rad:
            return [](double v) { return v * std::numbers::pi / 180; };
        case FunctionId::sgn:
            return sign;
        case FunctionId::sin:
            return [](double v) { return std::sin(v); };
        case FunctionId::sinh:
            return [](double v) { return std::sinh(v); };
        case FunctionId::sqrt:
            return [](double v) { return std::sqrt(v); };
        case FunctionId::tan:
            return [](double v) { return std::tan(v); };
        case FunctionId::tanh:
            return [](double v) { return std::tanh(v); };
        default:
            return nullptr;
    }
}

}  // namespace

void apply_value_function(FunctionId id, Column& column, Parameters parameters) {
    std::vector<double>& values = column.values;
    if (apply_histogram_function(id, column, parameters)) {
        column.histograms.clear();
        return;
    }
    column.histograms.clear();
    if (const Math math = math_function(id)) return each_value(values, math);
    if (apply_calendar_function(id, values)) return;
    if (id == FunctionId::round) return round(values, parameters);
    if (id == FunctionId::clamp) return clamp(values, parameters[0], parameters[1]);
    const bool is_max = id == FunctionId::clamp_max;  // else clamp_min
    each_step(values, [&](std::size_t i, double v) {
        return is_max ? min_of(parameters[0][i], v) : max_of(parameters[0][i], v);
    });
}

}  // namespace glassgate::store::query
