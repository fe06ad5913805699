// quantile and count_values: aggregations that look at all the values of a group at once.
#include <bit>
#include <unordered_map>

#include "store/query/aggregate.h"
#include "store/query/number_text.h"
#include "store/query/quantile.h"
#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

std::string fixed_text(double value) {
    std::string text;
    append_fixed(text, value);
    return text;
}

// The series of count_values' result, found by the labels of a series and a value it has.
class ValueCounts {
public:
    ValueCounts(const Aggregate& node, const std::string& label, const Grid& grid, Budget& budget)
        : label_(label),
          names_(node.grouping),
          without_(node.without),
          grid_(grid),
          budget_(budget) {
        names_.push_back(without_ ? std::string(kMetricName) : label);
    }

    Outcome<void> add(const Column& column) {
        std::unordered_map<uint64_t, std::size_t> place_of;
        for (std::size_t i = 0; i < grid_.steps; ++i) {
            const double value = column.values[i];
            if (is_absent(value)) continue;
            const auto [place, is_new] = place_of.try_emplace(std::bit_cast<uint64_t>(value));
            if (is_new) place->second = TRY(result_for(column.labels, value));
            double& count = out_[place->second].values[i];
            count = is_absent(count) ? 1 : count + 1;
        }
        return {};
    }

    Columns take() { return std::move(out_); }

private:
    Outcome<std::size_t> result_for(Labels labels, double value) {
        set_label(labels, label_, fixed_text(value));
        if (without_)
            remove_labels(labels, names_);
        else
            keep_labels(labels, names_);
        key_of(labels, key_);
        const auto [index, is_new] = index_.add(key_);
        if (is_new) out_.push_back(TRY(new_column(std::move(labels), grid_, budget_)));
        return index;
    }

    const std::string& label_;
    Names names_;
    bool without_;
    const Grid& grid_;
    Budget& budget_;
    KeyIndex index_;
    std::string key_;
    Columns out_;
};

}  // namespace

Outcome<Columns> quantile_aggregation(const Aggregate& node, const std::vector<double>& q,
                                      const Columns& vector, const Grid& grid, Budget& budget) {
    Grouping grouping(node);
    Columns out;
    std::vector<std::vector<const Column*>> members;
    for (const Column& column : vector) {
        const auto [index, is_new] = grouping.group_of(column.labels);
        if (is_new) {
            Labels labels = column.labels;
            grouping.to_group_labels(labels);
            out.push_back(TRY(new_column(std::move(labels), grid, budget)));
            members.emplace_back();
        }
        members[index].push_back(&column);
    }
    std::vector<double> values;
    for (std::size_t group = 0; group < members.size(); ++group) {
        TRY_STATUS(budget.check());
        for (std::size_t i = 0; i < grid.steps; ++i) {
            values.clear();
            for (const Column* column : members[group])
                if (!is_absent(column->values[i])) values.push_back(column->values[i]);
            if (!values.empty()) out[group].values[i] = quantile_of(q[i], values);
        }
    }
    return out;
}

Outcome<Columns> count_values_aggregation(const Aggregate& node, const std::string& label,
                                          const Columns& vector, const Grid& grid, Budget& budget) {
    if (!valid_label_name(label)) return execution_error("invalid label name " + quoted(label));
    ValueCounts counts(node, label, grid, budget);
    for (const Column& column : vector) {
        TRY_STATUS(budget.check());
        TRY_STATUS(counts.add(column));
    }
    return counts.take();
}

}  // namespace glassgate::store::query
