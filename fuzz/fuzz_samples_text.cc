// Any bytes as a text of samples, in either format: series or a complaint with a line. What is
// accepted is what the engine relies on: sorted labels, ascending times, columns of one length.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "store/memory_source.h"
#include "store/open_metrics_source.h"

namespace {

using namespace glassgate;
using namespace glassgate::store;

void check_series(const Series& series) {
    GW_CHECK(!value_of(series.labels, kMetricName).empty());
    GW_CHECK(std::ranges::is_sorted(series.labels));
    GW_CHECK(std::ranges::adjacent_find(series.labels, {}, &Label::name) == series.labels.end());
    for (const Label& label : series.labels) GW_CHECK(!label.value.empty());
    GW_CHECK(!series.times_ms.empty() && series.times_ms.size() == series.values.size());
    GW_CHECK(series.histograms.empty() || series.histograms.size() == series.times_ms.size());
    GW_CHECK(std::ranges::adjacent_find(series.times_ms, std::greater_equal<>()) ==
             series.times_ms.end());
}

void check(const std::string& text) {
    auto read = read_samples(text);
    if (!read) {
        GW_CHECK(read.error().message.starts_with("line "));
        return;
    }
    const std::size_t count = read->size();
    for (const Series& series : *read) check_series(series);
    const MemorySource source(*std::move(read));
    const auto all = source.series({}, -(TimeMs{1} << 53), TimeMs{1} << 53);
    GW_CHECK(all.has_value() && all->size() == count);
    GW_CHECK(std::ranges::adjacent_find(*all, std::greater_equal<>()) == all->end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    check(text);
    check(text + "\n# EOF\n");
    return 0;
}
