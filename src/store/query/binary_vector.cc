// Arithmetic and comparisons between the series of two vectors that match.
#include <algorithm>
#include <utility>

#include "store/query/binary.h"
#include "store/query/label_sets.h"
#include "store/query/native_histogram.h"
#include "store/query/operators.h"

namespace glassgate::store::query {
namespace {

using Card = VectorMatching::Card;

const NativeHistogram* histogram_at(const Column& column, std::size_t step) noexcept {
    return column.histograms.empty() ? nullptr : column.histograms[step].get();
}

std::size_t first_common_step(const std::vector<double>& a, const std::vector<double>& b) noexcept {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!is_absent(a[i]) && !is_absent(b[i])) return i;
    return a.size();
}

class VectorBinary {
public:
    VectorBinary(const Binary& node, const Grid& grid, Budget& budget)
        : node_(node), matching_(*node.matching), grid_(grid), budget_(budget) {}

    Outcome<Columns> run(Columns left, Columns right) {
        if (left.empty() || right.empty()) return Columns{};
        swapped_ = matching_.card == Card::one_to_many;
        if (swapped_) std::swap(left, right);
        // From here on, `left` is the side that may have several series for one of the other.
        left_ = std::move(left);
        right_ = std::move(right);
        TRY_STATUS(index_right());
        count_left();
        for (std::size_t i = 0; i < left_.size(); ++i) TRY_STATUS(match(left_[i], left_keys_[i]));
        TRY_STATUS(unite_same_labels(out_));
        return std::move(out_);
    }

private:
    // Series of the right side by key, which must be unique at each step.
    Outcome<void> index_right() {
        std::string key;
        for (std::size_t i = 0; i < right_.size(); ++i) {
            TRY_STATUS(budget_.check());
            match_key(matching_, right_[i].labels, key);
            const auto [index, is_new] = keys_.add(key);
            if (is_new) right_of_.emplace_back();
            for (const std::size_t other : right_of_[index])
                TRY_STATUS(check_unique(right_[i], right_[other]));
            right_of_[index].push_back(i);
        }
        return {};
    }

    // Two series of one key may not have a value at the same step, if the left side has any there.
    Outcome<void> check_unique(const Column& a, const Column& b) const {
        for (std::size_t i = 0; i < a.values.size(); ++i) {
            if (is_absent(a.values[i]) || is_absent(b.values[i])) continue;
            const bool left_has_any = std::ranges::any_of(
                left_, [&](const Column& column) { return !is_absent(column.values[i]); });
            if (!left_has_any) continue;
            Labels group = a.labels;
            if (matching_.on) {
                keep_labels(group, matching_.labels);
            } else {
                drop_name(group);
                remove_labels(group, matching_.labels);
            }
            return execution_error("found duplicate series for the match group " +
                                   labels_text(group) + " on the " + (swapped_ ? "left" : "right") +
                                   " hand-side of the operation: [" + labels_text(a.labels) + ", " +
                                   labels_text(b.labels) +
                                   "];many-to-many matching not allowed: matching labels must be "
                                   "unique on one side");
        }
        return {};
    }

    void count_left() {
        std::string key;
        for (const Column& column : left_) {
            match_key(matching_, column.labels, key);
            left_keys_.push_back(keys_.find(key));
            if (left_keys_.back() == KeyIndex::npos) continue;
            if (left_count_.empty()) left_count_.resize(keys_.size());
            ++left_count_[left_keys_.back()];
        }
        taken_.resize(keys_.size());
    }

    Outcome<void> match(Column& left, std::size_t key) {
        if (key == KeyIndex::npos) return {};
        const std::vector<std::size_t>& candidates = right_of_[key];
        for (std::size_t i = 0; i + 1 < candidates.size(); ++i) {
            Column copy = TRY(copy_of(left));
            TRY_STATUS(match_pair(std::move(copy), right_[candidates[i]], key));
        }
        return match_pair(std::move(left), right_[candidates.back()], key);
    }

    Outcome<Column> copy_of(const Column& column) {
        Column copy = TRY(new_column(column.labels, grid_, budget_));
        copy.values = column.values;
        copy.histograms = column.histograms;
        return copy;
    }

    // `left` becomes the result.
    Outcome<void> match_pair(Column left, const Column& right, std::size_t key) {
        TRY_STATUS(budget_.check());
        const bool may_collide = left_count_[key] > 1;
        std::vector<double> kept;  // where the pair has a result, shown or not
        if (!left.histograms.empty() || !right.histograms.empty())
            calculate_with_histograms(left, right, kept);
        else
            calculate(left.values, right.values);
        if (kept.empty() && may_collide) kept = left.values;
        if (may_collide && matching_.card == Card::one_to_one) TRY_STATUS(take_key(key, kept));
        result_labels(left.labels, right.labels);
        return place(std::move(left), key);
    }

    // One series of the left side only, at each step.
    Outcome<void> take_key(std::size_t key, std::vector<double>& kept) {
        std::vector<double>& taken = taken_[key];
        if (taken.empty()) {
            taken = std::move(kept);
            return {};
        }
        if (first_common_step(taken, kept) != taken.size())
            return execution_error(
                "multiple matches for labels: many-to-one matching must be explicit "
                "(group_left/group_right)");
        for (std::size_t i = 0; i < taken.size(); ++i)
            if (!is_absent(kept[i])) taken[i] = kept[i];
        return {};
    }

    // Results of one key with the same labels must not meet at a step.
    Outcome<void> place(Column result, std::size_t key) {
        if (!has_value(result)) return {};
        if (matching_.card != Card::one_to_one && left_count_[key] > 1) {
            key_of(result.labels, text_);
            text_ += std::to_string(key);
            const auto [index, is_new] = placed_.add(text_);
            if (is_new)
                placed_at_.emplace_back();
            else
                for (const std::size_t other : placed_at_[index])
                    if (first_common_step(out_[other].values, result.values) != grid_.steps)
                        return execution_error(
                            "multiple matches for labels: grouping labels must ensure unique "
                            "matches");
            placed_at_[index].push_back(out_.size());
        }
        out_.push_back(std::move(result));
        return {};
    }

    void calculate(std::vector<double>& left, const std::vector<double>& right) const {
        const std::size_t steps = left.size();
        double* l = left.data();
        const double* r = right.data();
        if (!is_comparison(node_.op)) {
            with_arithmetic(node_.op, [&](auto f) {
                for (std::size_t i = 0; i < steps; ++i) {
                    const bool both = !is_absent(l[i]) && !is_absent(r[i]);
                    l[i] = !both ? absent() : swapped_ ? f(r[i], l[i]) : f(l[i], r[i]);
                }
            });
            return;
        }
        with_comparison(node_.op, [&](auto holds) {
            for (std::size_t i = 0; i < steps; ++i) {
                if (is_absent(l[i]) || is_absent(r[i])) {
                    l[i] = absent();
                    continue;
                }
                // The value that is kept is the one written on the left.
                const double a = swapped_ ? r[i] : l[i], b = swapped_ ? l[i] : r[i];
                const bool keep = holds(a, b);
                l[i] = node_.return_bool ? (keep ? 1.0 : 0.0) : keep ? a : absent();
            }
        });
    }

    // Where both are histograms or both are numbers there is a result; only a sum of histograms is
    // one. `kept` also tells of the others, which still count as matched.
    void calculate_with_histograms(Column& left, const Column& right, std::vector<double>& kept) {
        std::vector<HistogramPtr> sums(grid_.steps);
        std::vector<bool> mixed(grid_.steps);
        for (std::size_t i = 0; i < grid_.steps; ++i) {
            if (is_absent(left.values[i]) || is_absent(right.values[i])) continue;
            const NativeHistogram* l = histogram_at(left, i);
            const NativeHistogram* r = histogram_at(right, i);
            mixed[i] = (l == nullptr) != (r == nullptr);
            if (node_.op == BinaryOp::add && l != nullptr && r != nullptr)
                sums[i] =
                    std::make_shared<NativeHistogram>(swapped_ ? sum_of(*r, *l) : sum_of(*l, *r));
        }
        calculate(left.values, right.values);
        kept = left.values;
        for (std::size_t i = 0; i < grid_.steps; ++i)
            if (mixed[i]) left.values[i] = absent();
        left.histograms = std::move(sums);
    }

    void result_labels(Labels& labels, const Labels& one_side) const {
        if (drops_name(node_.op) || node_.return_bool) drop_name(labels);
        if (matching_.card == Card::one_to_one) {
            if (matching_.on)
                keep_labels(labels, matching_.labels);
            else
                remove_labels(labels, matching_.labels);
        }
        for (const std::string& name : matching_.include)
            set_label(labels, name, value_of(one_side, name));
    }

    const Binary& node_;
    const VectorMatching& matching_;
    const Grid& grid_;
    Budget& budget_;
    bool swapped_ = false;
    Columns left_, right_, out_;
    KeyIndex keys_;                                   // of the right side
    std::vector<std::vector<std::size_t>> right_of_;  // by key
    std::vector<std::size_t> left_keys_;              // by series of the left side
    std::vector<std::size_t> left_count_;             // by key
    std::vector<std::vector<double>> taken_;          // by key
    KeyIndex placed_;
    std::vector<std::vector<std::size_t>> placed_at_;
    std::string text_;
};

}  // namespace

Outcome<Columns> vector_binary(const Binary& node, Columns left, Columns right, const Grid& grid,
                               Budget& budget) {
    return VectorBinary(node, grid, budget).run(std::move(left), std::move(right));
}

}  // namespace glassgate::store::query
