#include "store/query/range_functions.h"

#include <cmath>

namespace glassgate::store::query {
namespace {

bool changed(double before, double now) noexcept {
    return now != before && !(std::isnan(now) && std::isnan(before));
}

bool went_down(double before, double now) noexcept { return now < before; }

// In how many places inside the window one value follows another in a certain way.
template <bool (*kDiffers)(double, double) noexcept>
void count_places(const RangeInput& in, std::span<double> out) {
    std::vector<uint32_t> up_to(in.values.size());  // places in [1, i]
    for (std::size_t i = 1; i < in.values.size(); ++i)
        up_to[i] = up_to[i - 1] + (kDiffers(in.values[i - 1], in.values[i]) ? 1 : 0);
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        out[step] = up_to[end - 1] - up_to[first];
    });
}

void count_over_time(const RangeInput& in, std::span<double> out) {
    for_each_window(in, [&](std::size_t step, std::size_t first, std::size_t end) {
        out[step] = static_cast<double>(end - first);
    });
}

void last_over_time(const RangeInput& in, std::span<double> out) {
    for_each_window(in, [&](std::size_t step, std::size_t, std::size_t end) {
        out[step] = in.values[end - 1];
    });
}

void present_over_time(const RangeInput& in, std::span<double> out) {
    for_each_window(in, [&](std::size_t step, std::size_t, std::size_t) { out[step] = 1; });
}

}  // namespace

Outcome<void> apply_range_function(FunctionId id, const RangeInput& in, Parameters parameters,
                                   Column& column) {
    const std::span<double> out = column.values;
    switch (id) {
        case FunctionId::rate:
            extrapolated_rate(RateKind::rate, in, column);
            break;
        case FunctionId::increase:
            extrapolated_rate(RateKind::increase, in, column);
            break;
        case FunctionId::delta:
            extrapolated_rate(RateKind::delta, in, column);
            break;
        case FunctionId::irate:
            instant_rate(true, in, out);
            break;
        case FunctionId::idelta:
            instant_rate(false, in, out);
            break;
        case FunctionId::deriv:
            deriv(in, out);
            break;
        case FunctionId::predict_linear:
            predict_linear(parameters[0], in, out);
            break;
        case FunctionId::holt_winters:
            return holt_winters(parameters[0], parameters[1], in, out);
        case FunctionId::changes:
            count_places<changed>(in, out);
            break;
        case FunctionId::resets:
            count_places<went_down>(in, out);
            break;
        case FunctionId::sum_over_time:
            sum_over_time(in, out);
            break;
        case FunctionId::avg_over_time:
            avg_over_time(in, out);
            break;
        case FunctionId::min_over_time:
            extreme_over_time(false, in, out);
            break;
        case FunctionId::max_over_time:
            extreme_over_time(true, in, out);
            break;
        case FunctionId::stddev_over_time:
            variance_over_time(true, in, out);
            break;
        case FunctionId::stdvar_over_time:
            variance_over_time(false, in, out);
            break;
        case FunctionId::quantile_over_time:
            quantile_over_time(parameters[0], in, out);
            break;
        case FunctionId::count_over_time:
            count_over_time(in, out);
            break;
        case FunctionId::last_over_time:
            last_over_time(in, out);
            break;
        case FunctionId::present_over_time:
        case FunctionId::absent_over_time:
            present_over_time(in, out);
            break;
        default:
            break;
    }
    return {};
}

}  // namespace glassgate::store::query
