// topk and bottomk: whole series of the input, at the steps where they are among the k.
#include <cmath>

#include "store/query/aggregate.h"
#include "store/query/go_order.h"
#include "store/query/number_text.h"

namespace glassgate::store::query {
namespace {

struct Ranked {
    double value;
    std::size_t series;
};

class Ranking {
public:
    Ranking(const Aggregate& node, const Columns& vector)
        : top_(node.op == Aggregator::topk), vector_(vector) {
        Grouping grouping(node);
        for (const Column& column : vector)
            group_of_.push_back(grouping.group_of(column.labels).index);
    }

    // The series chosen at a step, group by group in the order the groups appear there, best first.
    std::vector<Ranked> at(std::size_t step, std::size_t k) {
        const auto less = [this](const Ranked& a, const Ranked& b) {
            return ranks_before(top_, a.value, b.value);
        };
        std::vector<GoHeap<Ranked, decltype(less)>> heaps;
        std::vector<std::size_t> heap_of(group_of_.size(), kNone);
        for (std::size_t i = 0; i < vector_.size(); ++i) {
            const double value = vector_[i].values[step];
            if (is_absent(value)) continue;
            std::size_t& place = heap_of[group_of_[i]];
            if (place == kNone) {
                place = heaps.size();
                heaps.emplace_back(less);
            }
            offer(heaps[place], {value, i}, k);
        }
        std::vector<Ranked> chosen;
        for (auto& heap : heaps) {
            go_sort(heap.elements(), [&](const Ranked& a, const Ranked& b) { return less(b, a); });
            chosen.insert(chosen.end(), heap.elements().begin(), heap.elements().end());
        }
        return chosen;
    }

private:
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

    // The worst of the k is in front; of equal ones those that came first stay.
    template <typename Heap>
    void offer(Heap& heap, Ranked candidate, std::size_t k) const {
        if (heap.size() < k) return heap.push(candidate);
        const double worst = heap.front().value;
        const bool better = top_ ? worst < candidate.value : worst > candidate.value;
        if (!better && !std::isnan(worst)) return;
        if (k == 1) {
            heap.front() = candidate;
            return;
        }
        heap.pop();
        heap.push(candidate);
    }

    bool top_;
    const Columns& vector_;
    std::vector<std::size_t> group_of_;
};

}  // namespace

Outcome<Columns> rank_aggregation(const Aggregate& node, const std::vector<double>& k,
                                  Columns vector, const Grid& grid, Budget& budget) {
    constexpr double kMost = 9223372036854775808.0;  // 2^63
    Ranking ranking(node, vector);
    std::vector<std::vector<double>> chosen(vector.size());
    std::vector<std::size_t> order;  // of an instant query's result
    for (std::size_t step = 0; step < grid.steps; ++step) {
        if (step % 64 == 0) TRY_STATUS(budget.check());
        if (!(k[step] <= kMost && k[step] >= -kMost))
            return execution_error("Scalar value " + general_text(k[step]) + " overflows int64");
        if (k[step] < 1) continue;
        const auto count = static_cast<std::size_t>(std::min(k[step], 1e9));
        for (const Ranked& ranked : ranking.at(step, count)) {
            std::vector<double>& values = chosen[ranked.series];
            if (values.empty()) {
                values.assign(grid.steps, absent());
                order.push_back(ranked.series);
            }
            values[step] = ranked.value;
        }
    }
    Columns out;
    out.reserve(order.size());
    for (const std::size_t series : order) {
        Column& column = vector[series];
        column.values = std::move(chosen[series]);
        column.histograms.clear();
        out.push_back(std::move(column));
    }
    return out;
}

}  // namespace glassgate::store::query
