#include "store/query/columns.h"

#include <algorithm>
#include <string>

#include "store/query/label_sets.h"

namespace glassgate::store::query {
namespace {

// Moves the values of `from` into the gaps of `into`; false when both have one at a step.
bool fill_gaps(Column& into, Column& from) {
    const std::size_t steps = into.values.size();
    if (into.histograms.empty() && !from.histograms.empty()) into.histograms.resize(steps);
    for (std::size_t i = 0; i < steps; ++i) {
        if (is_absent(from.values[i])) continue;
        if (!is_absent(into.values[i])) return false;
        into.values[i] = from.values[i];
        if (!from.histograms.empty()) into.histograms[i] = std::move(from.histograms[i]);
    }
    return true;
}

}  // namespace

Outcome<Column> new_column(Labels labels, const Grid& grid, Budget& budget) {
    Column column;
    column.charge = TRY(Charge::of(budget, grid.steps, grid.steps * sizeof(double)));
    column.labels = std::move(labels);
    column.values.assign(grid.steps, absent());
    return column;
}

bool has_value(const Column& column) noexcept {
    return std::ranges::any_of(column.values, [](double value) { return !is_absent(value); });
}

std::unexpected<QueryError> same_labelset_error() {
    return execution_error("vector cannot contain metrics with the same labelset");
}

Outcome<void> unite_same_labels(Columns& columns) {
    std::erase_if(columns, [](const Column& column) { return !has_value(column); });
    if (columns.size() < 2) return {};
    KeyIndex seen;
    std::string key;
    for (Column& column : columns) {
        key_of(column.labels, key);
        const auto [index, is_new] = seen.add(key);
        Column& first = columns[index];
        if (!is_new) {
            if (!fill_gaps(first, column)) return same_labelset_error();
        } else if (&first != &column) {
            first = std::move(column);
        }
    }
    columns.resize(seen.size());
    return {};
}

}  // namespace glassgate::store::query
