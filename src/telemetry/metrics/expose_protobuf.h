// Delimited io.prometheus.client.MetricFamily messages (prometheus/client_model, metrics.proto),
// with native histograms.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "telemetry/metrics/family_visitor.h"

namespace glassgate::telemetry {

// Metric.label fields for these labels; appended to a Metric message as they are.
[[nodiscard]] std::string encode_labels(
    const std::vector<std::pair<std::string_view, std::string_view>>& labels);

class ProtobufExposer final : public FamilyVisitor {
public:
    explicit ProtobufExposer(std::string& out) : out_(out) {}
    void begin(const FamilyHead& family) override;
    void integer(const LabelSet& labels, int64_t value) override;
    void real(const LabelSet& labels, double value) override;
    void histogram(const LabelSet& labels, const HistogramReading& reading) override;
    void end() override;
    void finish() override {}

private:
    void append_classic(const HistogramReading& reading);
    void append_native(const NativeReading& native);
    void append_metric(const LabelSet& labels);

    std::string& out_;
    FamilyType type_ = FamilyType::counter;
    std::span<const double> edges_;
    // Scratch, so that a scrape allocates once.
    std::string family_, value_, metric_;
    struct Span {
        int offset;
        uint32_t length;
    };
    std::vector<Span> spans_;
    std::vector<int64_t> deltas_;
};

}  // namespace glassgate::telemetry
