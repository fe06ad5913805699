// StoreFeed: the gateway's own metrics as the built-in store takes them, read from the workers'
// cells as a scrape reads them. What a Sampler calls each second; its thread.
#pragma once

#include <string>
#include <vector>

#include "store/feed/feed.h"
#include "telemetry/metrics/family_visitor.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::gateway {

// Series get the names of the text format. Native histograms become one series of histograms each,
// and, as in the text format, the classic series of their edges, so that queries written for either
// work. Exemplars go with the bucket they came from and with the native histogram.
class StoreFeed final : public telemetry::FamilyVisitor {
public:
    explicit StoreFeed(telemetry::MetricsRegistry& registry) : registry_(registry) {}

    // One round; the feed has begun it and ends it.
    void read(store::Feed& feed);

private:
    void begin(const telemetry::FamilyHead& family) override;
    void integer(const telemetry::LabelSet& labels, int64_t value) override;
    void real(const telemetry::LabelSet& labels, double value) override;
    void histogram(const telemetry::LabelSet& labels,
                   const telemetry::HistogramReading& reading) override;
    void end() override {}
    void finish() override {}

    void classic(const telemetry::LabelSet& labels, const telemetry::HistogramReading& reading);
    void exemplar(const telemetry::ExemplarReading& exemplar);

    telemetry::MetricsRegistry& registry_;
    store::Feed* feed_ = nullptr;
    std::string family_;
    store::SeriesKind kind_ = store::SeriesKind::gauge;
    std::vector<std::string> edges_;  // le of each, then +Inf
};

}  // namespace glassgate::gateway
