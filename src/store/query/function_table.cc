#include "store/query/function_table.h"

#include <algorithm>
#include <array>

namespace glassgate::store::query {
namespace {

using enum ValueType;
using Id = FunctionId;

constexpr std::array kVector = {vector};
constexpr std::array kMatrix = {matrix};
constexpr std::array kScalar = {scalar};
constexpr std::array kVectorScalar = {vector, scalar};
constexpr std::array kVectorScalars = {vector, scalar, scalar};
constexpr std::array kMatrixScalar = {matrix, scalar};
constexpr std::array kMatrixScalars = {matrix, scalar, scalar};
constexpr std::array kScalarMatrix = {scalar, matrix};
constexpr std::array kScalarVector = {scalar, vector};
constexpr std::array kScalarsVector = {scalar, scalar, vector};
constexpr std::array kVectorStrings3 = {vector, string, string, string};
constexpr std::array kVectorStrings4 = {vector, string, string, string, string};
constexpr std::span<const ValueType> kNothing;

constexpr Function kFunctions[] = {
    {"abs", Id::abs, kVector, 0, vector},
    {"absent", Id::absent, kVector, 0, vector},
    {"absent_over_time", Id::absent_over_time, kMatrix, 0, vector},
    {"acos", Id::acos, kVector, 0, vector},
    {"acosh", Id::acosh, kVector, 0, vector},
    {"asin", Id::asin, kVector, 0, vector},
    {"asinh", Id::asinh, kVector, 0, vector},
    {"atan", Id::atan, kVector, 0, vector},
    {"atanh", Id::atanh, kVector, 0, vector},
    {"avg_over_time", Id::avg_over_time, kMatrix, 0, vector},
    {"ceil", Id::ceil, kVector, 0, vector},
    {"changes", Id::changes, kMatrix, 0, vector},
    {"clamp", Id::clamp, kVectorScalars, 0, vector},
    {"clamp_max", Id::clamp_max, kVectorScalar, 0, vector},
    {"clamp_min", Id::clamp_min, kVectorScalar, 0, vector},
    {"cos", Id::cos, kVector, 0, vector},
    {"cosh", Id::cosh, kVector, 0, vector},
    {"count_over_time", Id::count_over_time, kMatrix, 0, vector},
    {"day_of_month", Id::day_of_month, kVector, 1, vector, true},
    {"day_of_week", Id::day_of_week, kVector, 1, vector, true},
    {"day_of_year", Id::day_of_year, kVector, 1, vector, true},
    {"days_in_month", Id::days_in_month, kVector, 1, vector, true},
    {"deg", Id::deg, kVector, 0, vector},
    {"delta", Id::delta, kMatrix, 0, vector},
    {"deriv", Id::deriv, kMatrix, 0, vector},
    {"exp", Id::exp, kVector, 0, vector},
    {"floor", Id::floor, kVector, 0, vector},
    {"histogram_count", Id::histogram_count, kVector, 0, vector},
    {"histogram_fraction", Id::histogram_fraction, kScalarsVector, 0, vector},
    {"histogram_quantile", Id::histogram_quantile, kScalarVector, 0, vector},
    {"histogram_sum", Id::histogram_sum, kVector, 0, vector},
    {"holt_winters", Id::holt_winters, kMatrixScalars, 0, vector},
    {"hour", Id::hour, kVector, 1, vector, true},
    {"idelta", Id::idelta, kMatrix, 0, vector},
    {"increase", Id::increase, kMatrix, 0, vector},
    {"irate", Id::irate, kMatrix, 0, vector},
    {"label_join", Id::label_join, kVectorStrings3, -1, vector},
    {"label_replace", Id::label_replace, kVectorStrings4, 0, vector},
    {"last_over_time", Id::last_over_time, kMatrix, 0, vector},
    {"ln", Id::ln, kVector, 0, vector},
    {"log10", Id::log10, kVector, 0, vector},
    {"log2", Id::log2, kVector, 0, vector},
    {"max_over_time", Id::max_over_time, kMatrix, 0, vector},
    {"min_over_time", Id::min_over_time, kMatrix, 0, vector},
    {"minute", Id::minute, kVector, 1, vector, true},
    {"month", Id::month, kVector, 1, vector, true},
    {"pi", Id::pi, kNothing, 0, scalar},
    {"predict_linear", Id::predict_linear, kMatrixScalar, 0, vector, true},
    {"present_over_time", Id::present_over_time, kMatrix, 0, vector},
    {"quantile_over_time", Id::quantile_over_time, kScalarMatrix, 0, vector},
    {"rad", Id::rad, kVector, 0, vector},
    {"rate", Id::rate, kMatrix, 0, vector},
    {"resets", Id::resets, kMatrix, 0, vector},
    {"round", Id::round, kVectorScalar, 1, vector},
    {"scalar", Id::scalar, kVector, 0, scalar},
    {"sgn", Id::sgn, kVector, 0, vector},
    {"sin", Id::sin, kVector, 0, vector},
    {"sinh", Id::sinh, kVector, 0, vector},
    {"sort", Id::sort, kVector, 0, vector},
    {"sort_desc", Id::sort_desc, kVector, 0, vector},
    {"sqrt", Id::sqrt, kVector, 0, vector},
    {"stddev_over_time", Id::stddev_over_time, kMatrix, 0, vector},
    {"stdvar_over_time", Id::stdvar_over_time, kMatrix, 0, vector},
    {"sum_over_time", Id::sum_over_time, kMatrix, 0, vector},
    {"tan", Id::tan, kVector, 0, vector},
    {"tanh", Id::tanh, kVector, 0, vector},
    {"time", Id::time, kNothing, 0, scalar, true},
    {"timestamp", Id::timestamp, kVector, 0, vector, true},
    {"vector", Id::vector, kScalar, 0, vector},
    {"year", Id::year, kVector, 1, vector, true},
};

}  // namespace

std::span<const Function> all_functions() noexcept { return kFunctions; }

const Function* find_function(std::string_view name) noexcept {
    const auto* found =
        std::lower_bound(std::begin(kFunctions), std::end(kFunctions), name,
                         [](const Function& f, std::string_view n) { return f.name < n; });
    return found != std::end(kFunctions) && found->name == name ? found : nullptr;
}

}  // namespace glassgate::store::query
