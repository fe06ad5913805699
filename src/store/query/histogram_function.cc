// histogram_quantile over a vector.
#include <algorithm>
#include <cmath>

#include "store/query/label_sets.h"
#include "store/query/number_text.h"
#include "store/query/quantile.h"
#include "store/query/vector_functions.h"

namespace glassgate::store::query {
namespace {

constexpr std::string_view kBucketLabel = "le";

struct BucketColumn {
    double upper_bound;
    const Column* column;
};

bool is_native(const Column& column, std::size_t step) noexcept {
    return !column.histograms.empty() && column.histograms[step];
}

// The series that differ in le only: one histogram.
struct ClassicHistogram {
    Labels labels;
    std::vector<BucketColumn> buckets;  // by bound

    // Whether a step has a bucket.
    [[nodiscard]] bool has_any(std::size_t step) const {
        return std::ranges::any_of(buckets, [step](const BucketColumn& bucket) {
            return !is_absent(bucket.column->values[step]) && !is_native(*bucket.column, step);
        });
    }
};

class HistogramQuantiles {
public:
    HistogramQuantiles(const std::vector<double>& q, const Columns& vector, const Grid& grid,
                       Budget& budget)
        : q_(q), vector_(vector), grid_(grid), budget_(budget) {}

    Outcome<Columns> run() {
        collect();
        for (const Column& column : vector_)
            if (!column.histograms.empty()) TRY_STATUS(of_native(column));
        for (ClassicHistogram& histogram : classic_) TRY_STATUS(of_classic(histogram));
        TRY_STATUS(unite_same_labels(out_));
        return std::move(out_);
    }

private:
    void collect() {
        const Names bucket_label = {std::string(kBucketLabel)};
        std::string key;
        for (const Column& column : vector_) {
            const auto bound = parse_float(value_of(column.labels, kBucketLabel));
            if (!bound || std::isnan(*bound)) continue;  // no bucket
            key_without(column.labels, bucket_label, key);
            const auto [index, is_new] = keys_.add(key);
            if (is_new) {
                ClassicHistogram& made = classic_.emplace_back();
                made.labels = column.labels;
                drop_name(made.labels);
                set_label(made.labels, kBucketLabel, "");
            }
            classic_[index].buckets.push_back({*bound, &column});
        }
        for (ClassicHistogram& histogram : classic_)
            std::ranges::sort(histogram.buckets, [](const BucketColumn& a, const BucketColumn& b) {
                return a.upper_bound != b.upper_bound ? a.upper_bound < b.upper_bound
                                                      : a.column < b.column;
            });
    }

    Outcome<void> of_classic(const ClassicHistogram& histogram) {
        TRY_STATUS(budget_.check());
        Column result = TRY(new_column(histogram.labels, grid_, budget_));
        std::vector<ClassicBucket> buckets(histogram.buckets.size());
        const bool plain = std::ranges::all_of(
            histogram.buckets, [](const BucketColumn& b) { return b.column->histograms.empty(); });
        for (std::size_t step = 0; step < grid_.steps; ++step) {
            std::size_t count = 0;
            for (const BucketColumn& bucket : histogram.buckets) {
                const double value = bucket.column->values[step];
                if (is_absent(value) || (!plain && is_native(*bucket.column, step))) continue;
                buckets[count++] = {bucket.upper_bound, value};
            }
            if (count == 0 || is_ambiguous(histogram, step)) continue;
            result.values[step] = bucket_quantile(q_[step], std::span(buckets).first(count));
        }
        if (has_value(result)) out_.push_back(std::move(result));
        return {};
    }

    // A native histogram of the same name and labels: neither is evaluated.
    Outcome<void> of_native(const Column& column) {
        std::string key;
        key_of(column.labels, key);
        const std::size_t same = keys_.find(key);
        if (same != KeyIndex::npos) native_of_.resize(classic_.size());
        if (same != KeyIndex::npos) native_of_[same] = &column;
        Labels labels = column.labels;
        drop_name(labels);
        Column result = TRY(new_column(std::move(labels), grid_, budget_));
        for (std::size_t step = 0; step < grid_.steps; ++step) {
            if (!column.histograms[step]) continue;
            if (same != KeyIndex::npos && classic_[same].has_any(step)) continue;
            result.values[step] = histogram_quantile(q_[step], *column.histograms[step]);
        }
        if (has_value(result)) out_.push_back(std::move(result));
        return {};
    }

    bool is_ambiguous(const ClassicHistogram& histogram, std::size_t step) const {
        if (native_of_.empty()) return false;
        const Column* native = native_of_[static_cast<std::size_t>(&histogram - classic_.data())];
        return native != nullptr && native->histograms[step];
    }

    const std::vector<double>& q_;
    const Columns& vector_;
    const Grid& grid_;
    Budget& budget_;
    KeyIndex keys_;
    std::vector<ClassicHistogram> classic_;
    std::vector<const Column*> native_of_;  // by classic histogram; empty: none has one
    Columns out_;
};

}  // namespace

Outcome<Columns> histogram_quantiles(const std::vector<double>& q, Columns vector, const Grid& grid,
                                     Budget& budget) {
    return HistogramQuantiles(q, vector, grid, budget).run();
}

}  // namespace glassgate::store::query
