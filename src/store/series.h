// What the series store hands to the query engine: series as columns, found by matchers.
//
// The engine knows no other source of samples; the store, a file of OpenMetrics text and a test's
// literal series are all a `Source`.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/labels.h"

namespace glassgate::store {

// Milliseconds since the Unix epoch; any sign.
using TimeMs = int64_t;

// A staleness marker: this exact NaN, as in Prometheus' model/value. Compare bits, not values.
inline constexpr uint64_t kStaleBits = 0x7ff0000000000002ULL;
[[nodiscard]] inline bool is_stale(double value) noexcept {
    return std::bit_cast<uint64_t>(value) == kStaleBits;
}
[[nodiscard]] inline double stale_marker() noexcept { return std::bit_cast<double>(kStaleBits); }

// A native histogram's sample with absolute bucket counts (Prometheus' model/histogram, float
// form). Bucket i covers (base^(i-1), base^i], base = 2^(2^-schema).
struct NativeHistogram {
    struct Bucket {
        int32_t index = 0;
        double count = 0;
        bool operator==(const Bucket&) const = default;
    };
    int32_t schema = 0;  // -4 .. 8
    bool gauge = false;  // else a counter: may be reset
    double zero_threshold = 0;
    double zero_count = 0;
    double count = 0;
    double sum = 0;
    std::vector<Bucket> positive;  // ascending index
    std::vector<Bucket> negative;
    bool operator==(const NativeHistogram&) const = default;
};

// Columns of one series, ascending in time. `histograms` is empty for a series of plain numbers;
// otherwise as long as the others, and where it is not null it is the sample and `values` there is
// 0 (or the staleness marker, with a null histogram).
struct Series {
    Labels labels;
    std::vector<TimeMs> times_ms;
    std::vector<double> values;
    std::vector<std::shared_ptr<const NativeHistogram>> histograms;
};

struct Matcher {
    enum class Kind : uint8_t { equal, not_equal, regex, not_regex };
    std::string name;
    Kind kind = Kind::equal;
    std::string value;  // regex: RE2, anchored at both ends
};

// What a query may use; 0: no limit. Checked while samples are collected and while it computes.
struct Limits {
    uint64_t max_samples = 50'000'000;
    uint64_t max_bytes = 0;
    uint64_t deadline_ns = 0;                      // mono clock
    const std::atomic<bool>* cancelled = nullptr;  // set by anybody; the query ends soon after
};

// One series while it is being visited: nothing of it outlives the call.
struct SeriesView {
    const Labels& labels;
    std::span<const TimeMs> times_ms;
    std::span<const double> values;
    std::span<const std::shared_ptr<const NativeHistogram>> histograms;  // as in Series
};

class Source {
public:
    virtual ~Source() = default;
    // Series all matchers fit, sorted by labels, with the samples of [from_ms, to_ms] (both ends
    // included). A series without a sample there is left out. A missing label matches as "".
    // Any thread. Error: a limit was reached, or the query was cancelled.
    [[nodiscard]] virtual Result<std::vector<Series>> select(const std::vector<Matcher>& matchers,
                                                             TimeMs from_ms, TimeMs to_ms,
                                                             const Limits& limits) const = 0;
    // Label sets of the series that have (or may have) samples in the range; sorted.
    [[nodiscard]] virtual Result<std::vector<Labels>> series(const std::vector<Matcher>& matchers,
                                                             TimeMs from_ms,
                                                             TimeMs to_ms) const = 0;

    // What select() returns, one series after the other and without keeping them: a source that
    // decodes can reuse one buffer, one that has columns need not copy them. An error of `each`
    // ends the visit and is returned.
    [[nodiscard]] virtual Status visit(const std::vector<Matcher>& matchers, TimeMs from_ms,
                                       TimeMs to_ms, const Limits& limits,
                                       const std::function<Status(const SeriesView&)>& each) const {
        const std::vector<Series> found = TRY(select(matchers, from_ms, to_ms, limits));
        for (const Series& s : found)
            TRY_STATUS(each(SeriesView{s.labels, s.times_ms, s.values, s.histograms}));
        return {};
    }
};

}  // namespace glassgate::store
