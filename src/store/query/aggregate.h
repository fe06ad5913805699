// Aggregations. The simple ones take one series after the other and keep only the groups, so that
// what is below may be evaluated series by series; the others need the whole vector.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/query/columns.h"
#include "store/query/expr.h"
#include "store/query/label_sets.h"

namespace glassgate::store::query {

// By which labels series come together.
class Grouping {
public:
    explicit Grouping(const Aggregate& node) : names_(node.grouping), without_(node.without) {
        if (without_) names_.emplace_back(kMetricName);
    }

    // The number of the series' group, from 0 on in the order they are first seen.
    [[nodiscard]] KeyIndex::Place group_of(const Labels& labels);
    void to_group_labels(Labels& labels) const;

private:
    Names names_;
    bool without_;
    KeyIndex index_;
    std::string key_;
};

// sum, avg, count, min, max, group, stddev, stdvar.
class StreamingAggregation {
public:
    StreamingAggregation(const Aggregate& node, const Grid& grid, Budget& budget);
    ~StreamingAggregation();
    [[nodiscard]] static bool serves(Aggregator op) noexcept { return !takes_parameter(op); }

    [[nodiscard]] Outcome<void> add(Column&& column);
    [[nodiscard]] Outcome<Columns> finish();

private:
    struct Group;
    void add_numbers(Group& group, const Column& column);
    void add_histograms(Group& group, const Column& column);

    Aggregator op_;
    Grid grid_;
    Budget& budget_;
    Grouping grouping_;
    std::vector<Group> groups_;
};

// topk, bottomk (aggregate_rank.cc); quantile, count_values (aggregate_values.cc).
[[nodiscard]] Outcome<Columns> rank_aggregation(const Aggregate& node, const std::vector<double>& k,
                                                Columns vector, const Grid& grid, Budget& budget);
[[nodiscard]] Outcome<Columns> quantile_aggregation(const Aggregate& node,
                                                    const std::vector<double>& q,
                                                    const Columns& vector, const Grid& grid,
                                                    Budget& budget);
[[nodiscard]] Outcome<Columns> count_values_aggregation(const Aggregate& node,
                                                        const std::string& label,
                                                        const Columns& vector, const Grid& grid,
                                                        Budget& budget);

}  // namespace glassgate::store::query
