// Exemplars: for single measurements, the trace they belong to. Memory only and bounded: each
// metric keeps its newest, so that a busy one does not push out the others'. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "store/labels.h"
#include "store/matcher_set.h"
#include "store/series.h"

namespace glassgate::store {

struct Exemplar {
    Labels labels;  // trace_id, as a rule
    double value = 0;
    TimeMs t_ms = 0;
    bool operator==(const Exemplar&) const = default;
};

struct SeriesExemplars {
    Labels series;
    std::vector<Exemplar> exemplars;  // ascending in time
};

class Exemplars {
public:
    explicit Exemplars(uint32_t most) noexcept : most_(most) {}

    void add(Labels series, Exemplar exemplar);
    // Those in [from, to] of series that all matchers fit, sorted by labels.
    [[nodiscard]] std::vector<SeriesExemplars> select(const MatcherSet& matchers, TimeMs from_ms,
                                                      TimeMs to_ms) const;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::size_t bytes() const;

private:
    struct Kept {
        Labels series;
        Exemplar exemplar;
    };
    static std::size_t footprint(const Kept& kept) noexcept;
    void drop_oldest(std::deque<Kept>& ring);

    const std::size_t most_;
    mutable std::mutex mutex_;
    std::map<std::string, std::deque<Kept>, std::less<>> by_metric_;  // none is empty
    std::size_t size_ = 0, bytes_ = 0;
};

}  // namespace glassgate::store
