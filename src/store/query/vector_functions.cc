#include "store/query/vector_functions.h"

#include <limits>
#include <set>

#include "store/query/go_order.h"
#include "store/query/label_sets.h"

namespace glassgate::store::query {
namespace {

const std::vector<Matcher>* matchers_of(const Expr& argument) noexcept {
    const Expr& inner = inside_parens(argument);
    if (const auto* selector = std::get_if<VectorSelector>(&inner.node)) return &selector->matchers;
    if (const auto* matrix = std::get_if<MatrixSelector>(&inner.node))
        return &matrix->selector.matchers;
    return nullptr;
}

}  // namespace

Labels labels_of_absence(const Expr& argument) {
    Labels labels;
    const std::vector<Matcher>* matchers = matchers_of(argument);
    if (matchers == nullptr) return labels;
    // A label that is matched twice is left out, even where both say the same.
    std::set<std::string_view> seen;
    for (const Matcher& matcher : *matchers) {
        if (matcher.name == kMetricName) continue;
        const bool first = matcher.kind == Matcher::Kind::equal && seen.insert(matcher.name).second;
        set_label(labels, matcher.name, first ? std::string_view(matcher.value) : "");
    }
    return labels;
}

Outcome<Columns> absence(const Expr& argument, const Columns& vector, const Grid& grid,
                         Budget& budget) {
    Column result = TRY(new_column(labels_of_absence(argument), grid, budget));
    result.values.assign(grid.steps, 1);
    for (const Column& column : vector)
        for (std::size_t i = 0; i < grid.steps; ++i)
            if (!is_absent(column.values[i])) result.values[i] = absent();
    Columns out;
    if (has_value(result)) out.push_back(std::move(result));
    return out;
}

std::vector<double> only_value(const Columns& vector, const Grid& grid) {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> out(grid.steps, absent());
    for (const Column& column : vector)
        for (std::size_t i = 0; i < grid.steps; ++i)
            if (!is_absent(column.values[i])) out[i] = is_absent(out[i]) ? column.values[i] : kNaN;
    for (double& value : out)
        if (is_absent(value)) value = kNaN;
    return out;
}

void sort_by_value(bool ascending, Columns& vector) {
    if (vector.empty() || vector[0].values.size() != 1) return;
    // By descending rank, then turned round: that is how NaN comes last either way.
    go_sort(vector, [ascending](const Column& a, const Column& b) {
        return ranks_before(!ascending, b.values[0], a.values[0]);
    });
}

}  // namespace glassgate::store::query
