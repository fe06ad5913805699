#include "store/query/aggregate.h"

#include <cmath>

#include "store/query/native_histogram.h"

namespace glassgate::store::query {
namespace {

// Folds a series' values into its group's: fold(group's value, value).
template <typename Fold>
void fold_values(std::vector<double>& group, const std::vector<double>& values, Fold&& fold) {
    double* g = group.data();
    const double* v = values.data();
    const std::size_t steps = values.size();
    for (std::size_t i = 0; i < steps; ++i) {
        if (is_absent(v[i])) continue;
        g[i] = is_absent(g[i]) ? v[i] : fold(g[i], v[i]);
    }
}

bool all_there(const std::vector<double>& values) noexcept {
    bool there = true;
    for (const double value : values) there &= !is_absent(value);
    return there;
}

// Whether one series alone aggregates to its own values.
bool keeps_values(Aggregator op) noexcept {
    return op == Aggregator::sum || op == Aggregator::min || op == Aggregator::max;
}

// The mean with one value more; divided first, so that it does not overflow.
double next_mean(double mean, double value, double count) noexcept {
    if (std::isinf(mean)) {
        const bool same = std::isinf(value) && (mean > 0) == (value > 0);
        if (same || std::isfinite(value)) return mean;
    }
    return mean + (value / count - mean / count);
}

}  // namespace

KeyIndex::Place Grouping::group_of(const Labels& labels) {
    if (without_)
        key_without(labels, names_, key_);
    else
        key_with(labels, names_, key_);
    return index_.add(key_);
}

void Grouping::to_group_labels(Labels& labels) const {
    if (without_)
        remove_labels(labels, names_);
    else
        keep_labels(labels, names_);
}

struct StreamingAggregation::Group {
    Column result;
    std::vector<double> counts;  // avg, count, stddev, stdvar
    std::vector<double> means;   // stddev, stdvar
    std::vector<bool> mixed;     // sum: numbers and histograms at the same step
    bool all_there = false;      // a value at every step
};

StreamingAggregation::StreamingAggregation(const Aggregate& node, const Grid& grid, Budget& budget)
    : op_(node.op), grid_(grid), budget_(budget), grouping_(node) {}

StreamingAggregation::~StreamingAggregation() = default;

Outcome<void> StreamingAggregation::add(Column&& column) {
    const auto [index, is_new] = grouping_.group_of(column.labels);
    if (is_new) {
        grouping_.to_group_labels(column.labels);
        Group& group = groups_.emplace_back();
        if (keeps_values(op_)) {  // the first series' values are the group's, until others come
            group.all_there = all_there(column.values);
            group.result = std::move(column);
            if (!group.result.histograms.empty()) group.mixed.resize(grid_.steps);
            if (op_ != Aggregator::sum) group.result.histograms.clear();
            return {};
        }
        group.result = TRY(new_column(std::move(column.labels), grid_, budget_));
        group.counts.resize(grid_.steps);
        if (op_ == Aggregator::stddev || op_ == Aggregator::stdvar) group.means.resize(grid_.steps);
    }
    Group& group = groups_[index];
    if (!column.histograms.empty() && op_ == Aggregator::sum)
        add_histograms(group, column);
    else
        add_numbers(group, column);
    return {};
}

void StreamingAggregation::add_numbers(Group& group, const Column& column) {
    std::vector<double>& result = group.result.values;
    const std::vector<double>& values = column.values;
    switch (op_) {
        case Aggregator::sum:
            if (!group.result.histograms.empty()) return add_histograms(group, column);
            if (const bool dense = all_there(values); dense && group.all_there) {
                for (std::size_t i = 0; i < values.size(); ++i) result[i] += values[i];
                return;
            } else {
                group.all_there = group.all_there || dense;
            }
            return fold_values(result, values, [](double a, double b) { return a + b; });
        case Aggregator::min:
            return fold_values(result, values,
                               [](double a, double b) { return a > b || std::isnan(a) ? b : a; });
        case Aggregator::max:
            return fold_values(result, values,
                               [](double a, double b) { return a < b || std::isnan(a) ? b : a; });
        default:
            break;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double value = values[i];
        if (is_absent(value)) continue;
        const double count = ++group.counts[i];
        if (op_ == Aggregator::count) {
            result[i] = count;
        } else if (op_ == Aggregator::group) {
            result[i] = 1;
        } else if (op_ == Aggregator::avg) {
            result[i] = count == 1 ? value : next_mean(result[i], value, count);
        } else if (count == 1) {
            group.means[i] = value;
            result[i] = 0;
        } else {
            const double delta = value - group.means[i];
            group.means[i] += delta / count;
            result[i] += delta * (value - group.means[i]);
        }
    }
}

// Numbers and histograms do not add up: where both are, there is no sum.
void StreamingAggregation::add_histograms(Group& group, const Column& column) {
    Column& result = group.result;
    result.histograms.resize(grid_.steps);
    group.mixed.resize(grid_.steps);
    for (std::size_t i = 0; i < grid_.steps; ++i) {
        if (is_absent(column.values[i])) continue;
        const HistogramPtr* added =
            column.histograms.empty() || !column.histograms[i] ? nullptr : &column.histograms[i];
        if (is_absent(result.values[i])) {
            result.values[i] = column.values[i];
            if (added != nullptr) result.histograms[i] = *added;
        } else if ((added != nullptr) != (result.histograms[i] != nullptr)) {
            group.mixed[i] = true;
        } else if (added == nullptr) {
            result.values[i] += column.values[i];
        } else {
            const NativeHistogram& sum = *result.histograms[i];
            result.histograms[i] = std::make_shared<NativeHistogram>(sum_of(sum, **added));
        }
    }
}

Outcome<Columns> StreamingAggregation::finish() {
    Columns out;
    out.reserve(groups_.size());
    for (Group& group : groups_) {
        std::vector<double>& values = group.result.values;
        for (std::size_t i = 0; i < group.mixed.size(); ++i) {
            if (!group.mixed[i]) continue;
            values[i] = absent();
            group.result.histograms[i].reset();
        }
        if (op_ == Aggregator::stddev || op_ == Aggregator::stdvar) {
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (is_absent(values[i])) continue;
                values[i] /= group.counts[i];
                if (op_ == Aggregator::stddev) values[i] = std::sqrt(values[i]);
            }
        }
        if (has_value(group.result)) out.push_back(std::move(group.result));
    }
    return out;
}

}  // namespace glassgate::store::query
