#include "store/exemplars.h"

#include <algorithm>

namespace glassgate::store {

std::size_t Exemplars::footprint(const Kept& kept) noexcept {
    std::size_t bytes = sizeof(Kept);
    for (const Labels* labels : {&kept.series, &kept.exemplar.labels})
        for (const Label& label : *labels)
            bytes += sizeof(Label) + label.name.capacity() + label.value.capacity();
    return bytes;
}

void Exemplars::drop_oldest(std::deque<Kept>& ring) {
    bytes_ -= footprint(ring.front());
    ring.pop_front();
    --size_;
}

void Exemplars::add(Labels series, Exemplar exemplar) {
    if (most_ == 0) return;
    const std::lock_guard lock(mutex_);
    if (size_ >= most_) {
        const auto longest = std::max_element(
            by_metric_.begin(), by_metric_.end(),
            [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
        drop_oldest(longest->second);
        if (longest->second.empty()) by_metric_.erase(longest);
    }
    std::string metric(value_of(series, kMetricName));
    auto& ring = by_metric_[std::move(metric)];
    ring.push_back({std::move(series), std::move(exemplar)});
    bytes_ += footprint(ring.back());
    ++size_;
}

std::vector<SeriesExemplars> Exemplars::select(const MatcherSet& matchers, TimeMs from_ms,
                                               TimeMs to_ms) const {
    std::map<Labels, std::vector<Exemplar>> found;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [metric, ring] : by_metric_)
            for (const Kept& kept : ring)
                if (kept.exemplar.t_ms >= from_ms && kept.exemplar.t_ms <= to_ms &&
                    matches(matchers, kept.series))
                    found[kept.series].push_back(kept.exemplar);
    }
    std::vector<SeriesExemplars> out;
    for (auto& [series, exemplars] : found) {
        std::sort(exemplars.begin(), exemplars.end(),
                  [](const auto& a, const auto& b) { return a.t_ms < b.t_ms; });
        out.push_back({series, std::move(exemplars)});
    }
    return out;
}

std::size_t Exemplars::size() const {
    const std::lock_guard lock(mutex_);
    return size_;
}
std::size_t Exemplars::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

}  // namespace glassgate::store
