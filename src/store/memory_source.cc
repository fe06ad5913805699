#include "store/memory_source.h"

#include <algorithm>

#include "base/clock.h"
#include "store/query/matcher.h"

namespace glassgate::store {
namespace {

Status check(const Limits& limits, uint64_t samples) {
    if (limits.cancelled != nullptr && limits.cancelled->load(std::memory_order_relaxed))
        return failure("the query was cancelled");
    if (limits.deadline_ns != 0 && mono_now_ns() > limits.deadline_ns)
        return failure("the query's time is up");
    if (limits.max_samples != 0 && samples > limits.max_samples)
        return failure("too many samples: the limit is " + std::to_string(limits.max_samples));
    return {};
}

// The samples of [from, to].
SeriesView between(const Series& series, TimeMs from_ms, TimeMs to_ms) {
    const auto begin = series.times_ms.begin();
    const auto first = std::lower_bound(begin, series.times_ms.end(), from_ms);
    const auto last = std::upper_bound(first, series.times_ms.end(), to_ms);
    const auto offset = static_cast<std::size_t>(first - begin);
    const auto count = static_cast<std::size_t>(last - first);
    SeriesView view{series.labels, {}, {}, {}};
    view.times_ms = std::span(series.times_ms).subspan(offset, count);
    view.values = std::span(series.values).subspan(offset, count);
    if (!series.histograms.empty())
        view.histograms = std::span(series.histograms).subspan(offset, count);
    return view;
}

}  // namespace

MemorySource::MemorySource(std::vector<Series> series) : series_(std::move(series)) {
    std::ranges::sort(series_, {}, &Series::labels);
}

Status MemorySource::visit(const std::vector<Matcher>& matchers, TimeMs from_ms, TimeMs to_ms,
                           const Limits& limits,
                           const std::function<Status(const SeriesView&)>& each) const {
    const std::vector<query::CompiledMatcher> compiled = TRY(query::compile(matchers));
    for (const Series& candidate : series_) {
        if (!query::all_match(compiled, candidate.labels)) continue;
        const SeriesView view = between(candidate, from_ms, to_ms);
        if (view.times_ms.empty()) continue;
        TRY_STATUS(check(limits, 0));  // whoever keeps samples counts them
        TRY_STATUS(each(view));
    }
    return {};
}

Result<std::vector<Series>> MemorySource::select(const std::vector<Matcher>& matchers,
                                                 TimeMs from_ms, TimeMs to_ms,
                                                 const Limits& limits) const {
    std::vector<Series> found;
    uint64_t samples = 0;
    const auto copy = [&](const SeriesView& view) -> Status {
        samples += view.times_ms.size();
        TRY_STATUS(check(limits, samples));
        found.push_back({view.labels,
                         {view.times_ms.begin(), view.times_ms.end()},
                         {view.values.begin(), view.values.end()},
                         {view.histograms.begin(), view.histograms.end()}});
        return {};
    };
    TRY_STATUS(visit(matchers, from_ms, to_ms, limits, copy));
    return found;
}

Result<std::vector<Labels>> MemorySource::series(const std::vector<Matcher>& matchers,
                                                 TimeMs from_ms, TimeMs to_ms) const {
    std::vector<Labels> found;
    TRY_STATUS(visit(matchers, from_ms, to_ms, {}, [&](const SeriesView& view) -> Status {
        found.push_back(view.labels);
        return {};
    }));
    return found;
}

}  // namespace glassgate::store
