// FamilyVisitor: what an exposition format has to be able to write. The scraper walks all families
// through one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "telemetry/metrics/catalogue.h"
#include "telemetry/metrics/native_histogram.h"

namespace glassgate::telemetry {

struct FamilyHead {
    std::string_view name;
    FamilyType type;
    std::string_view help;
    std::span<const double> edges;  // histograms
};

// One label set, rendered once and for all.
struct LabelSet {
    std::string_view text;   // route="a",method="GET": without braces
    std::string_view proto;  // Metric.label fields, encoded
};

struct HistogramReading {
    uint64_t count = 0;
    double sum = 0;
    std::span<const uint64_t> cumulative;        // one per edge
    const NativeReading* native = nullptr;       // for native families
    std::span<const ExemplarReading> exemplars;  // one per edge, then +Inf; or empty
};

class FamilyVisitor {
public:
    virtual ~FamilyVisitor() = default;
    // A family has at least one series; all of them follow its head.
    virtual void begin(const FamilyHead& family) = 0;
    virtual void integer(const LabelSet& labels, int64_t value) = 0;
    virtual void real(const LabelSet& labels, double value) = 0;
    virtual void histogram(const LabelSet& labels, const HistogramReading& reading) = 0;
    virtual void end() = 0;     // of the family
    virtual void finish() = 0;  // of the exposition
};

}  // namespace glassgate::telemetry
