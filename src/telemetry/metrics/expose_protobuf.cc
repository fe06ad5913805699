#include "telemetry/metrics/expose_protobuf.h"

#include <iterator>
#include <limits>

#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include "base/clock.h"
#include "telemetry/metrics/number_text.h"

namespace glassgate::telemetry {
namespace {

using protozero::pbf_writer;

// Field numbers of metrics.proto.
enum LabelPair : protozero::pbf_tag_type { kLabelName = 1, kLabelValue = 2 };
enum Metric : protozero::pbf_tag_type {
    kMetricLabel = 1,
    kMetricGauge = 2,
    kMetricCounter = 3,
    kMetricUntyped = 5,
    kMetricHistogram = 7,
};
enum FamilyField : protozero::pbf_tag_type {
    kFamilyName = 1,
    kFamilyHelp = 2,
    kFamilyType = 3,
    kFamilyMetric = 4,
};
enum HistogramField : protozero::pbf_tag_type {
    kSampleCount = 1,
    kSampleSum = 2,
    kBucket = 3,
    kSchema = 5,
    kZeroThreshold = 6,
    kZeroCount = 7,
    kPositiveSpan = 12,
    kPositiveDelta = 13,
    kExemplars = 16,
};
enum BucketField : protozero::pbf_tag_type { kCumulativeCount = 1, kUpperBound = 2, kExemplar = 3 };
enum SpanField : protozero::pbf_tag_type { kOffset = 1, kLength = 2 };
enum ExemplarField : protozero::pbf_tag_type { kExemplarLabel = 1, kValue = 2, kTimestamp = 3 };
enum TimestampField : protozero::pbf_tag_type { kSeconds = 1, kNanos = 2 };

int32_t type_number(FamilyType type) {
    switch (type) {
        case FamilyType::counter:
            return 0;
        case FamilyType::gauge:
            return 1;
        case FamilyType::histogram:
            return 4;
        case FamilyType::unknown:
            break;
    }
    return 3;  // UNTYPED
}
protozero::pbf_tag_type value_field(FamilyType type) {
    switch (type) {
        case FamilyType::counter:
            return kMetricCounter;
        case FamilyType::gauge:
            return kMetricGauge;
        case FamilyType::histogram:
            return kMetricHistogram;
        case FamilyType::unknown:
            break;
    }
    return kMetricUntyped;
}
// Counter.value, Gauge.value and Untyped.value are all field 1.
constexpr protozero::pbf_tag_type kNumberValue = 1;

void append_exemplar(pbf_writer& parent, protozero::pbf_tag_type field, const ExemplarReading& e) {
    std::string trace;
    append_hex(trace, e.trace_id);
    pbf_writer exemplar(parent, field);
    {
        pbf_writer label(exemplar, kExemplarLabel);
        label.add_string(kLabelName, "trace_id");
        label.add_string(kLabelValue, trace);
    }
    exemplar.add_double(kValue, e.value);
    pbf_writer timestamp(exemplar, kTimestamp);
    timestamp.add_int64(kSeconds, static_cast<int64_t>(e.wall_ns / kNsPerSecond));
    timestamp.add_int32(kNanos, static_cast<int32_t>(e.wall_ns % kNsPerSecond));
}

}  // namespace

std::string encode_labels(
    const std::vector<std::pair<std::string_view, std::string_view>>& labels) {
    std::string out;
    pbf_writer metric(out);
    std::string mended;
    for (const auto& [name, value] : labels) {
        mended.clear();
        append_utf8(mended, value);
        pbf_writer label(metric, kMetricLabel);
        label.add_string(kLabelName, name.data(), name.size());
        label.add_string(kLabelValue, mended);
    }
    return out;
}

void ProtobufExposer::begin(const FamilyHead& family) {
    family_.clear();
    type_ = family.type;
    edges_ = family.edges;
    pbf_writer writer(family_);
    writer.add_string(kFamilyName, family.name.data(), family.name.size());
    writer.add_string(kFamilyHelp, family.help.data(), family.help.size());
    writer.add_enum(kFamilyType, type_number(family.type));
}

void ProtobufExposer::append_metric(const LabelSet& labels) {
    metric_.assign(labels.proto);
    pbf_writer(metric_).add_message(value_field(type_), value_);
    pbf_writer(family_).add_message(kFamilyMetric, metric_);
}

void ProtobufExposer::integer(const LabelSet& labels, int64_t value) {
    real(labels, static_cast<double>(value));
}

void ProtobufExposer::real(const LabelSet& labels, double value) {
    value_.clear();
    pbf_writer(value_).add_double(kNumberValue, value);
    append_metric(labels);
}

void ProtobufExposer::histogram(const LabelSet& labels, const HistogramReading& reading) {
    value_.clear();
    pbf_writer writer(value_);
    writer.add_uint64(kSampleCount, reading.count);
    writer.add_double(kSampleSum, reading.sum);
    append_classic(reading);
    if (reading.native != nullptr) {
        append_native(*reading.native);
        for (const ExemplarReading& exemplar : reading.exemplars)
            if (exemplar.present) append_exemplar(writer, kExemplars, exemplar);
    }
    append_metric(labels);
}

// +Inf only where it carries an exemplar: it is optional, its count is sample_count.
void ProtobufExposer::append_classic(const HistogramReading& reading) {
    pbf_writer writer(value_);
    for (std::size_t i = 0; i <= edges_.size(); ++i) {
        const bool last = i == edges_.size();
        const bool exemplar = !reading.exemplars.empty() && reading.exemplars[i].present;
        if (last && !exemplar) return;
        pbf_writer bucket(writer, kBucket);
        bucket.add_uint64(kCumulativeCount, last ? reading.count : reading.cumulative[i]);
        bucket.add_double(kUpperBound, last ? std::numeric_limits<double>::infinity() : edges_[i]);
        // Prometheus before 2.54 takes the exemplars of native histograms from here.
        if (exemplar) append_exemplar(bucket, kExemplar, reading.exemplars[i]);
    }
}

// Buckets in use as spans of neighbours and the differences of their counts. A gap of one or two
// empty buckets is bridged: that is shorter than a span.
void ProtobufExposer::append_native(const NativeReading& native) {
    spans_.clear();
    deltas_.clear();
    int next = 0;  // Prometheus' number after the last one written
    int64_t before = 0;
    for (int octave = 0; octave < native_buckets::kOctaves; ++octave) {
        if ((native.octaves_in_use >> octave & 1) == 0) continue;
        const auto& counts = native.octaves[static_cast<std::size_t>(octave)];
        for (int i = 0; i < native_buckets::kPerOctave; ++i) {
            const auto count = static_cast<int64_t>(counts[static_cast<std::size_t>(i)]);
            if (count == 0) continue;
            const int index = native_buckets::kFirstIndex + octave * native_buckets::kPerOctave + i;
            const int gap = index - next;
            if (spans_.empty() || gap > 2) {
                spans_.push_back({gap, 0});
            } else {
                for (int k = 0; k < gap; ++k) {
                    deltas_.push_back(-before);
                    before = 0;
                    ++spans_.back().length;
                }
            }
            deltas_.push_back(count - before);
            before = count;
            ++spans_.back().length;
            next = index + 1;
        }
    }
    pbf_writer writer(value_);
    writer.add_sint32(kSchema, native_buckets::kSchema);
    writer.add_double(kZeroThreshold, native_buckets::kZeroThreshold);
    writer.add_uint64(kZeroCount, native.zero);
    for (const Span& span : spans_) {
        pbf_writer message(writer, kPositiveSpan);
        message.add_sint32(kOffset, span.offset);
        message.add_uint32(kLength, span.length);
    }
    // proto2: repeated numbers are not packed.
    for (const int64_t delta : deltas_) writer.add_sint64(kPositiveDelta, delta);
}

void ProtobufExposer::end() {
    protozero::write_varint(std::back_inserter(out_), family_.size());
    out_.append(family_);
}

}  // namespace glassgate::telemetry
