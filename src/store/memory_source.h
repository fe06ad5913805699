// Series held in memory as columns: a file of samples, the series of a test.
#pragma once

#include <vector>

#include "store/series.h"

namespace glassgate::store {

// Immutable after it is made; any thread, any number at once.
class MemorySource final : public Source {
public:
    // The series in any order; their label sets differ and their samples ascend in time.
    explicit MemorySource(std::vector<Series> series);

    [[nodiscard]] Result<std::vector<Series>> select(const std::vector<Matcher>& matchers,
                                                     TimeMs from_ms, TimeMs to_ms,
                                                     const Limits& limits) const override;
    [[nodiscard]] Result<std::vector<Labels>> series(const std::vector<Matcher>& matchers,
                                                     TimeMs from_ms, TimeMs to_ms) const override;
    // Without copying a sample.
    [[nodiscard]] Status visit(const std::vector<Matcher>& matchers, TimeMs from_ms, TimeMs to_ms,
                               const Limits& limits,
                               const std::function<Status(const SeriesView&)>& each) const override;

    [[nodiscard]] const std::vector<Series>& all() const noexcept { return series_; }

private:
    std::vector<Series> series_;  // sorted by labels
};

}  // namespace glassgate::store
