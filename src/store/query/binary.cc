#include "store/query/binary.h"

#include <algorithm>

#include "store/query/label_sets.h"
#include "store/query/operators.h"

namespace glassgate::store::query {
namespace {

// fn(step, value) for each value there is.
template <typename Fn>
void each_value(Column& column, Fn&& fn) {
    double* values = column.values.data();
    const std::size_t steps = column.values.size();
    for (std::size_t i = 0; i < steps; ++i)
        if (!is_absent(values[i])) values[i] = fn(i, values[i]);
}

void compare_column(BinaryOp op, bool return_bool, bool swapped, Column& column,
                    const std::vector<double>& scalar) {
    with_comparison(op, [&](auto holds) {
        each_value(column, [&](std::size_t i, double v) {
            const bool keep = swapped ? holds(scalar[i], v) : holds(v, scalar[i]);
            if (return_bool) return keep ? 1.0 : 0.0;
            return keep ? v : absent();
        });
    });
}

void calculate_column(BinaryOp op, bool swapped, Column& column,
                      const std::vector<double>& scalar) {
    with_arithmetic(op, [&](auto f) {
        if (swapped)
            each_value(column, [&](std::size_t i, double v) { return f(scalar[i], v); });
        else
            each_value(column, [&](std::size_t i, double v) { return f(v, scalar[i]); });
    });
}

}  // namespace

void scalar_binary(BinaryOp op, std::vector<double>& left, const std::vector<double>& right) {
    if (is_comparison(op))
        with_comparison(op, [&](auto holds) {
            for (std::size_t i = 0; i < left.size(); ++i) left[i] = holds(left[i], right[i]);
        });
    else
        with_arithmetic(op, [&](auto f) {
            for (std::size_t i = 0; i < left.size(); ++i) left[i] = f(left[i], right[i]);
        });
}

Outcome<void> vector_scalar_binary(BinaryOp op, bool return_bool, bool swapped, Columns& vector,
                                   const std::vector<double>& scalar) {
    for (Column& column : vector) {
        if (is_comparison(op))
            compare_column(op, return_bool, swapped, column, scalar);
        else
            calculate_column(op, swapped, column, scalar);
        // Where no value was kept there is no histogram; where one was, it stays as it is.
        for (std::size_t i = 0; i < column.histograms.size(); ++i)
            if (is_absent(column.values[i])) column.histograms[i].reset();
        if (drops_name(op) || return_bool) drop_name(column.labels);
    }
    return unite_same_labels(vector);
}

void match_key(const VectorMatching& matching, const Labels& labels, std::string& key) {
    if (matching.on) return key_with(labels, matching.labels, key);
    Names names = matching.labels;
    names.emplace_back(kMetricName);
    key_without(labels, names, key);
}

}  // namespace glassgate::store::query
