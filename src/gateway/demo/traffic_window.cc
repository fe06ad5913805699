#include "gateway/demo/traffic_window.h"

#include <algorithm>

namespace glassgate::gateway::demo {

void TrafficWindow::add(int64_t second, std::size_t row, const Outcome& outcome) {
    if (seconds_.empty()) seconds_.push_back({second, std::vector<TrafficCell>(rows_)});
    while (seconds_.back().index < second) {
        seconds_.push_back({seconds_.back().index + 1, std::vector<TrafficCell>(rows_)});
        if (seconds_.size() > keep_) seconds_.pop_front();
    }
    const int64_t at = std::max(second - seconds_.front().index, int64_t{0});
    TrafficCell& cell = seconds_[static_cast<std::size_t>(at)].cells[std::min(row, rows_ - 1)];
    ++cell.requests;
    if (outcome.error) ++cell.errors;
    if (outcome.limited) ++cell.limited;
    if (outcome.auth_failure) ++cell.auth_failures;
    cell.latency.add(outcome.latency_ns);
}

std::vector<TrafficCell> TrafficWindow::by_row(int64_t from, int64_t to) const {
    std::vector<TrafficCell> sums(rows_);
    for (const Second& s : seconds_) {
        if (s.index < from || s.index >= to) continue;
        for (std::size_t i = 0; i < rows_; ++i) sums[i].merge(s.cells[i]);
    }
    return sums;
}

TrafficCell TrafficWindow::total(int64_t from, int64_t to) const {
    TrafficCell sum;
    for (const Second& s : seconds_) {
        if (s.index < from || s.index >= to) continue;
        for (const TrafficCell& cell : s.cells) sum.merge(cell);
    }
    return sum;
}

}  // namespace glassgate::gateway::demo
