#include "alert/rules/test_source.h"

#include <algorithm>

#include "store/matcher_set.h"

namespace glassgate::alert {

TestSource::TestSource(std::vector<store::Series> input) {
    for (store::Series& series : input) input_.push_back({std::move(series), 0});
}

void TestSource::advance(TimeMs to_ms) {
    for (Loading& loading : input_) {
        const store::Series& from = loading.from;
        for (; loading.next < from.times_ms.size() && from.times_ms[loading.next] <= to_ms;
             ++loading.next)
            append(from.labels, from.times_ms[loading.next], from.values[loading.next],
                   from.histograms.empty() ? nullptr : from.histograms[loading.next]);
    }
}

void TestSource::append(const store::Labels& labels, TimeMs at_ms, double value,
                        const store::query::HistogramPtr& histogram) {
    const std::string name(store::value_of(labels, store::kMetricName));
    store::Series& series = by_name_[name][labels];
    if (series.labels.empty()) series.labels = labels;
    if (!series.times_ms.empty() && series.times_ms.back() >= at_ms) return;
    if (histogram != nullptr && series.histograms.empty())
        series.histograms.resize(series.times_ms.size());
    series.times_ms.push_back(at_ms);
    series.values.push_back(value);
    if (histogram != nullptr || !series.histograms.empty()) series.histograms.push_back(histogram);
}

Status TestSource::visit(const std::vector<store::Matcher>& matchers, TimeMs from_ms, TimeMs to_ms,
                         const store::Limits&,
                         const std::function<Status(const store::SeriesView&)>& each) const {
    const store::MatcherSet set = TRY(store::compile_matchers(matchers));
    const auto wanted = std::find_if(matchers.begin(), matchers.end(), [](const store::Matcher& m) {
        return m.name == store::kMetricName && m.kind == store::Matcher::Kind::equal;
    });
    const auto visit_all = [&](const std::map<store::Labels, store::Series>& all) -> Status {
        for (const auto& [labels, s] : all) {
            if (!store::matches(set, labels)) continue;
            const auto begin = s.times_ms.begin();
            const auto first = std::lower_bound(begin, s.times_ms.end(), from_ms);
            const auto last = std::upper_bound(first, s.times_ms.end(), to_ms);
            if (first == last) continue;
            const auto offset = static_cast<std::size_t>(first - begin);
            const auto count = static_cast<std::size_t>(last - first);
            store::SeriesView view{labels,
                                   std::span(s.times_ms).subspan(offset, count),
                                   std::span(s.values).subspan(offset, count),
                                   {}};
            if (!s.histograms.empty())
                view.histograms = std::span(s.histograms).subspan(offset, count);
            TRY_STATUS(each(view));
        }
        return {};
    };
    if (wanted != matchers.end()) {
        const auto found = by_name_.find(wanted->value);
        return found == by_name_.end() ? Status{} : visit_all(found->second);
    }
    // In the order of labels, which the metric name alone does not give.
    std::map<store::Labels, store::Series> copies;
    for (const auto& [name, group] : by_name_)
        for (const auto& [labels, s] : group)
            if (store::matches(set, labels)) copies.emplace(labels, s);
    return visit_all(copies);
}

Result<std::vector<store::Series>> TestSource::select(const std::vector<store::Matcher>& matchers,
                                                      TimeMs from_ms, TimeMs to_ms,
                                                      const store::Limits& limits) const {
    std::vector<store::Series> found;
    TRY_STATUS(
        visit(matchers, from_ms, to_ms, limits, [&](const store::SeriesView& view) -> Status {
            found.push_back({view.labels,
                             {view.times_ms.begin(), view.times_ms.end()},
                             {view.values.begin(), view.values.end()},
                             {view.histograms.begin(), view.histograms.end()}});
            return {};
        }));
    return found;
}

Result<std::vector<store::Labels>> TestSource::series(const std::vector<store::Matcher>& matchers,
                                                      TimeMs from_ms, TimeMs to_ms) const {
    std::vector<store::Labels> found;
    TRY_STATUS(visit(matchers, from_ms, to_ms, {}, [&](const store::SeriesView& view) -> Status {
        found.push_back(view.labels);
        return {};
    }));
    return found;
}

}  // namespace glassgate::alert
