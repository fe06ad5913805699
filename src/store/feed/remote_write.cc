#include "store/feed/remote_write.h"

#include <snappy.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <protozero/pbf_reader.hpp>

namespace glassgate::store {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr auto kVarint = pbf_wire_type::varint;
constexpr auto kFixed64 = pbf_wire_type::fixed64;
constexpr auto kBytes = pbf_wire_type::length_delimited;

// A field with the wire type it must have; of another type it is skipped like an unknown one.
constexpr uint32_t field(uint32_t number, pbf_wire_type type) {
    return protozero::tag_and_type(number, type);
}

[[nodiscard]] bool valid_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<uint8_t>(text[i]);
        const std::size_t more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4)) return false;
        if (i + more >= text.size() && more != 0) return false;
        for (std::size_t k = 1; k <= more; ++k)
            if ((static_cast<uint8_t>(text[i + k]) & 0xc0) != 0x80) return false;
        if (more >= 2) {  // overlong forms, surrogates, beyond U+10FFFF
            const auto second = static_cast<uint8_t>(text[i + 1]);
            if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
                return false;
        }
        i += 1 + more;
    }
    return true;
}

[[nodiscard]] bool valid_name(std::string_view name, bool metric) noexcept {
    const auto letter = [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (metric && c == ':');
    };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string text_of(protozero::data_view view) { return {view.data(), view.size()}; }

Label read_label(pbf_reader in) {
    Label label;
    while (in.next()) switch (in.tag_and_type()) {
            case field(1, kBytes):
                label.name = text_of(in.get_view());
                break;
            case field(2, kBytes):
                label.value = text_of(in.get_view());
                break;
            default:
                in.skip();
        }
    return label;
}

WrittenSample read_sample(pbf_reader in) {
    WrittenSample sample;
    while (in.next()) switch (in.tag_and_type()) {
            case field(1, kFixed64):
                sample.value = in.get_double();
                break;
            case field(2, kVarint):
                sample.t_ms = in.get_int64();
                break;
            default:
                in.skip();
        }
    return sample;
}

Exemplar read_exemplar(pbf_reader in) {
    Exemplar exemplar;
    while (in.next()) switch (in.tag_and_type()) {
            case field(1, kBytes):
                exemplar.labels.push_back(read_label(in.get_message()));
                break;
            case field(2, kFixed64):
                exemplar.value = in.get_double();
                break;
            case field(3, kVarint):
                exemplar.t_ms = in.get_int64();
                break;
            default:
                in.skip();
        }
    std::sort(exemplar.labels.begin(), exemplar.labels.end());
    return exemplar;
}

// --- histograms ----------------------------------------------------------------------------------

struct Span {
    int32_t offset = 0;
    uint32_t length = 0;
};
// One sign's buckets as they come: where, and how many as differences or as counts.
struct Packed {
    std::vector<Span> spans;
    std::vector<int64_t> deltas;
    std::vector<double> counts;
};
struct RawHistogram {
    NativeHistogram histogram;
    Packed positive, negative;
    TimeMs t_ms = 0;
    bool stale = false;
};

Span read_span(pbf_reader in) {
    Span span;
    while (in.next()) switch (in.tag_and_type()) {
            case field(1, kVarint):
                span.offset = in.get_sint32();
                break;
            case field(2, kVarint):
                span.length = in.get_uint32();
                break;
            default:
                in.skip();
        }
    return span;
}

// Repeated numbers come packed or one by one. True: the field was one of the three.
bool read_packed(pbf_reader& in, uint32_t first, Packed& packed) {
    const uint32_t tag = in.tag_and_type();
    if (tag == field(first, kBytes)) {
        packed.spans.push_back(read_span(in.get_message()));
    } else if (tag == field(first + 1, kBytes)) {
        for (const int64_t delta : in.get_packed_sint64()) packed.deltas.push_back(delta);
    } else if (tag == field(first + 1, kVarint)) {
        packed.deltas.push_back(in.get_sint64());
    } else if (tag == field(first + 2, kBytes)) {
        for (const double count : in.get_packed_double()) packed.counts.push_back(count);
    } else if (tag == field(first + 2, kFixed64)) {
        packed.counts.push_back(in.get_double());
    } else {
        return false;
    }
    return true;
}

RawHistogram read_raw(pbf_reader in) {
    constexpr int kGaugeHint = 3;
    RawHistogram raw;
    NativeHistogram& h = raw.histogram;
    while (in.next()) switch (in.tag_and_type()) {
            case field(1, kVarint):
                h.count = static_cast<double>(in.get_uint64());
                break;
            case field(2, kFixed64):
                h.count = in.get_double();
                break;
            case field(3, kFixed64):
                h.sum = in.get_double();
                break;
            case field(4, kVarint):
                h.schema = in.get_sint32();
                break;
            case field(5, kFixed64):
                h.zero_threshold = in.get_double();
                break;
            case field(6, kVarint):
                h.zero_count = static_cast<double>(in.get_uint64());
                break;
            case field(7, kFixed64):
                h.zero_count = in.get_double();
                break;
            case field(14, kVarint):
                h.gauge = in.get_enum() == kGaugeHint;
                break;
            case field(15, kVarint):
                raw.t_ms = in.get_int64();
                break;
            default:
                if (!read_packed(in, 8, raw.negative) && !read_packed(in, 11, raw.positive))
                    in.skip();
        }
    raw.stale = is_stale(h.sum);
    return raw;
}

// Spans and differences become buckets with counts. Error: they do not fit together.
Status unpack(const Packed& packed, std::vector<NativeHistogram::Bucket>& buckets) {
    const bool by_delta = packed.counts.empty();
    const std::size_t given = by_delta ? packed.deltas.size() : packed.counts.size();
    uint64_t wanted = 0;
    for (const Span& span : packed.spans) wanted += span.length;
    if (wanted != given)
        return failure("the spans name " + std::to_string(wanted) + " buckets, there are " +
                       std::to_string(given));
    if (given > kMaxBuckets)
        return failure(std::to_string(given) + " buckets; the most are " +
                       std::to_string(kMaxBuckets));
    int64_t index = 0;
    uint64_t count = 0;
    std::size_t next = 0;
    for (std::size_t s = 0; s < packed.spans.size(); ++s) {
        if (s > 0 && packed.spans[s].offset < 0) return failure("a span has a negative offset");
        index += packed.spans[s].offset;
        for (uint32_t k = 0; k < packed.spans[s].length; ++k, ++index, ++next) {
            if (index < INT32_MIN || index > INT32_MAX) return failure("a bucket is out of range");
            count += by_delta ? static_cast<uint64_t>(packed.deltas[next]) : 0;
            const double absolute =
                by_delta ? static_cast<double>(static_cast<int64_t>(count)) : packed.counts[next];
            if (!(absolute >= 0)) return failure("a bucket's count is negative or no number");
            if (absolute > 0) buckets.push_back({static_cast<int32_t>(index), absolute});
        }
    }
    return {};
}

Result<WrittenHistogram> finish(RawHistogram raw) {
    if (raw.stale) return WrittenHistogram{raw.t_ms, nullptr};
    NativeHistogram& h = raw.histogram;
    if (h.schema < -4 || h.schema > 8)
        return failure("schema " + std::to_string(h.schema) + "; supported are -4 to 8");
    if (!(h.count >= 0) || !(h.zero_count >= 0) || !(h.zero_threshold >= 0))
        return failure("a count or the zero threshold is negative or no number");
    TRY_STATUS(unpack(raw.positive, h.positive));
    TRY_STATUS(unpack(raw.negative, h.negative));
    return WrittenHistogram{raw.t_ms, std::make_shared<const NativeHistogram>(std::move(h))};
}

// --- the request ---------------------------------------------------------------------------------

// Sorts; drops empty values (the same as no label).
Status make_sound(Labels& labels) {
    std::erase_if(labels, [](const Label& label) { return label.value.empty(); });
    std::sort(labels.begin(), labels.end());
    bool has_metric = false;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const auto& [name, value] = labels[i];
        const bool metric = name == kMetricName;
        has_metric |= metric;
        if (i > 0 && labels[i - 1].name == name)
            return failure("the label \"" + name + "\" is there twice");
        if (!valid_name(name, false)) return failure("\"" + name + "\" is no name of a label");
        if (metric && !valid_name(value, true))
            return failure("\"" + value + "\" is no name of a metric");
        if (!valid_utf8(value)) return failure("the value of \"" + name + "\" is not UTF-8");
    }
    if (!has_metric) return failure("there is no metric name (__name__)");
    if (labels.size() > 256) return failure("more than 256 labels");
    return {};
}

class RequestReader {
public:
    explicit RequestReader(const RemoteWriteLimits& limits) : limits_(limits) {}

    Result<WriteRequest> read(pbf_reader in) {
        while (in.next()) switch (in.tag_and_type()) {
                case field(1, kBytes):
                    if (++series_ > limits_.max_series)
                        return failure("more than " + std::to_string(limits_.max_series) +
                                       " series in one request");
                    read_series(in.get_message());
                    break;
                case field(3, kBytes):
                    request_.metadata.push_back(read_metadata(in.get_message()));
                    break;
                default:
                    in.skip();
            }
        return std::move(request_);
    }
    [[nodiscard]] std::size_t series() const noexcept { return series_; }

private:
    void note(const std::string& what) {
        if (request_.problem.empty())
            request_.problem = "series " + std::to_string(series_) + ": " + what;
    }
    void read_series(pbf_reader in) {
        WrittenSeries series;
        while (in.next()) switch (in.tag_and_type()) {
                case field(1, kBytes):
                    series.labels.push_back(read_label(in.get_message()));
                    break;
                case field(2, kBytes):
                    series.samples.push_back(read_sample(in.get_message()));
                    break;
                case field(3, kBytes):
                    series.exemplars.push_back(read_exemplar(in.get_message()));
                    break;
                case field(4, kBytes):
                    if (auto h = finish(read_raw(in.get_message()))) {
                        series.histograms.push_back(std::move(*h));
                    } else {
                        ++request_.refused_histograms;
                        note("a histogram: " + h.error().message);
                    }
                    break;
                default:
                    in.skip();
            }
        if (const Status sound = make_sound(series.labels); !sound) {
            ++request_.refused_series;
            note(sound.error().message);
            return;
        }
        request_.series.push_back(std::move(series));
    }
    static WrittenMetadata read_metadata(pbf_reader in) {
        WrittenMetadata metadata;
        while (in.next()) switch (in.tag_and_type()) {
                case field(1, kVarint):
                    metadata.type = static_cast<uint32_t>(in.get_enum());
                    break;
                case field(2, kBytes):
                    metadata.family = text_of(in.get_view());
                    break;
                case field(4, kBytes):
                    metadata.help = text_of(in.get_view());
                    break;
                case field(5, kBytes):
                    metadata.unit = text_of(in.get_view());
                    break;
                default:
                    in.skip();
            }
        return metadata;
    }

    const RemoteWriteLimits& limits_;
    WriteRequest request_;
    std::size_t series_ = 0;  // begun
};

}  // namespace

Result<WriteRequest> read_remote_write(std::string_view body, const RemoteWriteLimits& limits) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(body.data(), body.size(), &size))
        return failure("the body is not a snappy block: it has no valid length");
    if (size > limits.max_bytes)
        return failure("the body unpacks to " + std::to_string(size) + " bytes; the most are " +
                       std::to_string(limits.max_bytes));
    // A byte of snappy makes at most some twenty of output (a copy of 64 takes three).
    if (size / 64 > body.size()) return failure("the body is too short for what it says to be");
    std::string bytes;
    if (!snappy::Uncompress(body.data(), body.size(), &bytes))
        return failure("the body is not a valid snappy block");
    RequestReader reader(limits);
    try {
        return reader.read(pbf_reader(bytes));
    } catch (const std::exception& e) {
        return failure("the body is not a WriteRequest: in series " +
                       std::to_string(reader.series()) + ": " + e.what());
    }
}

bool WriteOutcome::all_taken() const noexcept {
    uint64_t refused = no_room_series;
    for (std::size_t i = 0; i < kAppendCount; ++i)
        if (!accepted(static_cast<Append>(i))) refused += samples.by_outcome[i];
    return refused == 0 && problem.empty();
}

namespace {

std::string_view to_text(Append outcome) noexcept {
    switch (outcome) {
        case Append::conflicting:
            return "another value at a time that is taken";
        case Append::out_of_order:
            return "older than the newest sample of its series";
        case Append::too_old:
            return "too old";
        case Append::too_new:
            return "too far in the future";
        case Append::no_memory:
            return "the store's memory is full";
        case Append::stored:
        case Append::duplicate:
        case Append::gone:
            break;
    }
    return "not taken";
}

}  // namespace

WriteOutcome ingest(Store& store, const WriteRequest& request) {
    WriteOutcome outcome;
    outcome.problem = request.problem;
    const auto note = [&](const Labels& labels, std::string_view what) {
        if (outcome.problem.empty())
            outcome.problem = std::string(value_of(labels, kMetricName)) + ": " + std::string(what);
    };
    std::vector<Sample> batch;
    for (const WrittenSeries& series : request.series) {
        const Handle handle =
            store.obtain(series.labels, kind_by_name(value_of(series.labels, kMetricName)));
        if (!handle.valid()) {
            ++outcome.no_room_series;
            note(series.labels, "no room for more series");
            continue;
        }
        AppendCounts counts;
        batch.clear();
        for (const WrittenSample& sample : series.samples)
            batch.push_back({handle, sample.t_ms, sample.value});
        if (!batch.empty()) counts = store.append(batch);
        for (const WrittenHistogram& h : series.histograms)
            ++counts[store.append(handle, h.t_ms, h.histogram)];
        for (const Exemplar& exemplar : series.exemplars) store.add_exemplar(handle, exemplar);
        for (std::size_t i = 0; i < kAppendCount; ++i) {
            outcome.samples.by_outcome[i] += counts.by_outcome[i];
            if (counts.by_outcome[i] != 0 && !accepted(static_cast<Append>(i)))
                note(series.labels, to_text(static_cast<Append>(i)));
        }
    }
    return outcome;
}

}  // namespace glassgate::store
