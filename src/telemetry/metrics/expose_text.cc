#include "telemetry/metrics/expose_text.h"

#include "telemetry/metrics/number_text.h"

namespace glassgate::telemetry {

void TextExposer::write_head(const FamilyHead& family) {
    // A counter whose name lacks _total is `untyped`: Prometheus' own lint asks for that.
    const std::string_view type =
        family.type == FamilyType::unknown ? "untyped" : to_text(family.type);
    out_.append("# HELP ").append(family.name).append(" ");
    append_help(out_, family.help, false);
    out_.append("\n# TYPE ").append(family.name).append(" ").append(type).append("\n");
}

void TextExposer::append_edge(double edge) { append_number(out_, edge); }

void TextExposer::begin(const FamilyHead& family) {
    write_head(family);
    name_ = family.name;
    if (family.type != FamilyType::histogram) return;
    bucket_open_ = name_ + "_bucket{";
    edge_closes_.clear();
    for (std::size_t i = 0; i <= family.edges.size(); ++i) {
        const std::size_t start = out_.size();  // rendered in place, then cut off again
        out_.append("le=\"");
        if (i < family.edges.size())
            append_edge(family.edges[i]);
        else
            out_.append("+Inf");
        out_.append("\"} ");
        edge_closes_.push_back(out_.substr(start));
        out_.resize(start);
    }
}

void TextExposer::append_sample(std::string_view suffix, const LabelSet& labels) {
    out_.append(name_).append(suffix);
    if (!labels.text.empty()) out_.append("{").append(labels.text).append("}");
    out_.push_back(' ');
}

void TextExposer::integer(const LabelSet& labels, int64_t value) {
    append_sample({}, labels);
    append_number(out_, value);
    out_.push_back('\n');
}

void TextExposer::real(const LabelSet& labels, double value) {
    append_sample({}, labels);
    append_number(out_, value);
    out_.push_back('\n');
}

void TextExposer::histogram(const LabelSet& labels, const HistogramReading& reading) {
    for (std::size_t i = 0; i < edge_closes_.size(); ++i) {
        out_.append(bucket_open_).append(labels.text);
        if (!labels.text.empty()) out_.push_back(',');
        out_.append(edge_closes_[i]);
        const bool last = i == reading.cumulative.size();
        append_number(out_, static_cast<int64_t>(last ? reading.count : reading.cumulative[i]));
        if (!reading.exemplars.empty() && reading.exemplars[i].present)
            append_exemplar(reading.exemplars[i]);
        out_.push_back('\n');
    }
    append_sample("_sum", labels);
    append_number(out_, reading.sum);
    out_.push_back('\n');
    append_sample("_count", labels);
    append_number(out_, static_cast<int64_t>(reading.count));
    out_.push_back('\n');
}

}  // namespace glassgate::telemetry
