// and, or, unless: series of one side, at the steps where the other has or has not a match.
#include <algorithm>

#include "store/query/binary.h"
#include "store/query/label_sets.h"

namespace glassgate::store::query {
namespace {

// At which steps a side has a value, for each key of its series.
class Presence {
public:
    Presence(const VectorMatching& matching, const Columns& columns) : matching_(matching) {
        for (const Column& column : columns) {
            match_key(matching_, column.labels, key_);
            const auto [index, is_new] = index_.add(key_);
            if (is_new) there_.emplace_back(column.values.size(), false);
            std::vector<bool>& there = there_[index];
            for (std::size_t i = 0; i < there.size(); ++i)
                if (!is_absent(column.values[i])) there[i] = true;
        }
    }

    // nullptr: nowhere.
    const std::vector<bool>* of(const Labels& labels) {
        match_key(matching_, labels, key_);
        const std::size_t index = index_.find(key_);
        return index == KeyIndex::npos ? nullptr : &there_[index];
    }

private:
    const VectorMatching& matching_;
    KeyIndex index_;
    std::vector<std::vector<bool>> there_;
    std::string key_;
};

// Keeps the values at the steps where the other side has a match, or has none.
void keep_where(Columns& columns, Presence& other, bool matched) {
    for (Column& column : columns) {
        const std::vector<bool>* there = other.of(column.labels);
        for (std::size_t i = 0; i < column.values.size(); ++i) {
            if ((there != nullptr && (*there)[i]) == matched) continue;
            column.values[i] = absent();
            if (!column.histograms.empty()) column.histograms[i].reset();
        }
    }
    std::erase_if(columns, [](const Column& column) { return !has_value(column); });
}

}  // namespace

Outcome<Columns> set_binary(const Binary& node, Columns left, Columns right) {
    const VectorMatching& matching = *node.matching;
    if (node.op != BinaryOp::or_) {
        Presence other(matching, right);
        keep_where(left, other, node.op == BinaryOp::and_);
        return left;
    }
    Presence other(matching, left);
    keep_where(right, other, false);
    left.insert(left.end(), std::make_move_iterator(right.begin()),
                std::make_move_iterator(right.end()));
    TRY_STATUS(unite_same_labels(left));
    return left;
}

}  // namespace glassgate::store::query
