// OpenMetrics 1.0
// (https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md).
#include "base/clock.h"
#include "telemetry/metrics/expose_text.h"
#include "telemetry/metrics/number_text.h"

namespace glassgate::telemetry {

void OpenMetricsExposer::write_head(const FamilyHead& family) {
    std::string_view name = family.name;
    FamilyType type = family.type;
    if (type == FamilyType::counter) {
        if (clashes_in_open_metrics(name))
            type = FamilyType::unknown;
        else
            name.remove_suffix(6);  // the family of foo_total is foo
    }
    out_.append("# HELP ").append(name).append(" ");
    append_help(out_, family.help, true);
    out_.append("\n# TYPE ").append(name).append(" ").append(to_text(type)).append("\n");
}

// "Canonical numbers": whole edges have a point, as in Prometheus' protobuf parser.
void OpenMetricsExposer::append_edge(double edge) { append_canonical_edge(out_, edge); }

void OpenMetricsExposer::append_exemplar(const ExemplarReading& exemplar) {
    out_.append(" # {trace_id=\"");
    append_hex(out_, exemplar.trace_id);
    out_.append("\"} ");
    append_number(out_, exemplar.value);
    out_.push_back(' ');
    append_number(out_, static_cast<int64_t>(exemplar.wall_ns / kNsPerSecond));
    const uint64_t ms = exemplar.wall_ns % kNsPerSecond / kNsPerMs;
    const char fraction[] = {'.', static_cast<char>('0' + ms / 100),
                             static_cast<char>('0' + ms / 10 % 10),
                             static_cast<char>('0' + ms % 10)};
    out_.append(fraction, sizeof fraction);
}

void OpenMetricsExposer::finish() { out_.append("# EOF\n"); }

}  // namespace glassgate::telemetry
