#include "gateway/store_feed.h"

#include "base/clock.h"
#include "telemetry/metrics/number_text.h"

namespace glassgate::gateway {
namespace {

using store::SeriesKind;
using telemetry::FamilyType;
namespace buckets = telemetry::native_buckets;

store::NativeHistogram to_histogram(const telemetry::HistogramReading& reading) {
    const telemetry::NativeReading& native = *reading.native;
    store::NativeHistogram h;
    h.schema = buckets::kSchema;
    h.zero_threshold = buckets::kZeroThreshold;
    h.zero_count = static_cast<double>(native.zero);
    h.count = static_cast<double>(reading.count);
    h.sum = reading.sum;
    for (int octave = 0; octave < buckets::kOctaves; ++octave) {
        if ((native.octaves_in_use >> octave & 1) == 0) continue;
        const auto& counts = native.octaves[static_cast<std::size_t>(octave)];
        for (int i = 0; i < buckets::kPerOctave; ++i)
            if (const uint64_t count = counts[static_cast<std::size_t>(i)]; count != 0)
                h.positive.push_back({buckets::kFirstIndex + octave * buckets::kPerOctave + i,
                                      static_cast<double>(count)});
    }
    return h;
}

}  // namespace

void StoreFeed::read(store::Feed& feed) {
    feed_ = &feed;
    registry_.sample(*this);
}

void StoreFeed::begin(const telemetry::FamilyHead& family) {
    family_ = family.name;
    // The one family of unknown type is a counter whose name is older than the rules.
    kind_ = family.type == FamilyType::gauge ? SeriesKind::gauge : SeriesKind::counter;
    edges_.clear();
    if (family.type != FamilyType::histogram) return;
    for (const double edge : family.edges) telemetry::append_number(edges_.emplace_back(), edge);
    edges_.emplace_back("+Inf");
}

void StoreFeed::integer(const telemetry::LabelSet& labels, int64_t value) {
    real(labels, static_cast<double>(value));
}

void StoreFeed::real(const telemetry::LabelSet& labels, double value) {
    feed_->number({family_, {}, labels.text, {}}, kind_, value);
}

void StoreFeed::histogram(const telemetry::LabelSet& labels,
                          const telemetry::HistogramReading& reading) {
    classic(labels, reading);
    if (reading.native == nullptr) return;
    feed_->histogram({family_, {}, labels.text, {}}, static_cast<double>(reading.count),
                     reading.sum, [&] { return to_histogram(reading); });
    const telemetry::ExemplarReading* newest = nullptr;
    for (const telemetry::ExemplarReading& e : reading.exemplars)
        if (e.present && (newest == nullptr || e.wall_ns > newest->wall_ns)) newest = &e;
    if (newest != nullptr) exemplar(*newest);
}

void StoreFeed::classic(const telemetry::LabelSet& labels,
                        const telemetry::HistogramReading& reading) {
    for (std::size_t i = 0; i < edges_.size(); ++i) {
        const bool last = i == reading.cumulative.size();
        feed_->number({family_, "_bucket", labels.text, edges_[i]}, kind_,
                      static_cast<double>(last ? reading.count : reading.cumulative[i]));
        if (!reading.exemplars.empty() && reading.exemplars[i].present)
            exemplar(reading.exemplars[i]);
    }
    feed_->number({family_, "_sum", labels.text, {}}, kind_, reading.sum);
    feed_->number({family_, "_count", labels.text, {}}, kind_, static_cast<double>(reading.count));
}

void StoreFeed::exemplar(const telemetry::ExemplarReading& exemplar) {
    std::string trace;
    append_hex(trace, exemplar.trace_id);
    feed_->exemplar(exemplar.value, static_cast<store::TimeMs>(exemplar.wall_ns / kNsPerMs), trace);
}

}  // namespace glassgate::gateway
