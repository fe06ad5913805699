// TestSource: the series of a rule test, of which only the part up to a time is there yet, and what
// rules record meanwhile. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "alert/rules/group_run.h"
#include "store/series.h"

namespace glassgate::alert {

class TestSource final : public store::Source, public SampleSink {
public:
    explicit TestSource(std::vector<store::Series> input);

    // What the input has up to this time can be seen; later recorded samples always.
    void advance(TimeMs to_ms);

    // A sample that is not newer than the series' newest is dropped, as storage does.
    void append(const store::Labels& labels, TimeMs at_ms, double value,
                const store::query::HistogramPtr& histogram) override;
    void end(const store::Labels& labels, TimeMs at_ms, bool) override {
        append(labels, at_ms, store::stale_marker(), nullptr);
    }

    [[nodiscard]] Result<std::vector<store::Series>> select(
        const std::vector<store::Matcher>& matchers, TimeMs from_ms, TimeMs to_ms,
        const store::Limits& limits) const override;
    [[nodiscard]] Result<std::vector<store::Labels>> series(
        const std::vector<store::Matcher>& matchers, TimeMs from_ms, TimeMs to_ms) const override;
    [[nodiscard]] Status visit(
        const std::vector<store::Matcher>& matchers, TimeMs from_ms, TimeMs to_ms,
        const store::Limits& limits,
        const std::function<Status(const store::SeriesView&)>& each) const override;

private:
    struct Loading {
        store::Series from;
        std::size_t next = 0;
    };
    std::vector<Loading> input_;
    // By metric name, so that a selector looks at few.
    std::map<std::string, std::map<store::Labels, store::Series>, std::less<>> by_name_;
};

}  // namespace glassgate::alert
