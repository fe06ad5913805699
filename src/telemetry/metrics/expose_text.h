// Text 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/) and what
// OpenMetrics 1.0 does differently.
#pragma once

#include <string>
#include <vector>

#include "telemetry/metrics/family_visitor.h"

namespace glassgate::telemetry {

class TextExposer : public FamilyVisitor {
public:
    explicit TextExposer(std::string& out) : out_(out) {}
    void begin(const FamilyHead& family) override;
    void integer(const LabelSet& labels, int64_t value) override;
    void real(const LabelSet& labels, double value) override;
    void histogram(const LabelSet& labels, const HistogramReading& reading) override;
    void end() override {}
    void finish() override {}

protected:
    virtual void write_head(const FamilyHead& family);
    virtual void append_edge(double edge);
    virtual void append_exemplar(const ExemplarReading&) {}

    std::string& out_;

private:
    void append_sample(std::string_view suffix, const LabelSet& labels);

    std::string name_;
    std::string bucket_open_;               // name_bucket{
    std::vector<std::string> edge_closes_;  // le="500"} for each edge, then +Inf
};

class OpenMetricsExposer final : public TextExposer {
public:
    using TextExposer::TextExposer;
    void finish() override;

protected:
    void write_head(const FamilyHead& family) override;
    void append_edge(double edge) override;
    void append_exemplar(const ExemplarReading& exemplar) override;
};

}  // namespace glassgate::telemetry
