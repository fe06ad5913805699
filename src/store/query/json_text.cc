#include "store/query/json_text.h"

#include <charconv>
#include <cmath>

#include "base/text.h"
#include "store/query/native_histogram.h"
#include "store/query/number_text.h"
#include "store/query/utf8.h"

namespace glassgate::store::query {
namespace {

// Go's encoding/json writes these as escapes, so that the text is safe inside HTML and JavaScript.
bool needs_escape(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
}

void append_u16_escape(std::string& out, uint32_t code) {
    constexpr std::string_view kHex = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kHex[code >> shift & 0xF];
}

// The character the text begins with; how long it is.
std::size_t append_escaped(std::string& out, std::string_view text) {
    const char c = text[0];
    switch (c) {
        case '"':
            out += "\\\"";
            return 1;
        case '\\':
            out += "\\\\";
            return 1;
        case '\n':
            out += "\\n";
            return 1;
        case '\r':
            out += "\\r";
            return 1;
        case '\t':
            out += "\\t";
            return 1;
        default:
            break;
    }
    const Rune rune = first_rune(text);
    if (rune.code < 0x80 || rune.invalid() || rune.code == 0x2028 || rune.code == 0x2029)
        append_u16_escape(out, rune.code);
    else
        out += text.substr(0, rune.bytes);
    return rune.bytes;
}

void append_value(std::string& out, double value) {
    out += '"';
    append_api_value(out, value);
    out += '"';
}

// 0: (lower, upper], 1: [lower, upper), 2: (lower, upper), 3: [lower, upper].
char boundaries(const BucketRange& bucket) noexcept {
    if (bucket.lower_inclusive) return bucket.upper_inclusive ? '3' : '1';
    return bucket.upper_inclusive ? '0' : '2';
}

void append_histogram(std::string& out, const NativeHistogram& histogram) {
    out += "{\"count\":";
    append_value(out, histogram.count);
    out += ",\"sum\":";
    append_value(out, histogram.sum);
    bool any = false;
    for (const BucketRange& bucket : all_buckets(histogram)) {
        if (bucket.count == 0) continue;
        out += any ? ",[" : ",\"buckets\":[[";
        any = true;
        out += boundaries(bucket);
        for (const double part : {bucket.lower, bucket.upper, bucket.count}) {
            out += ',';
            append_value(out, part);
        }
        out += ']';
    }
    out += any ? "]}" : "}";
}

void append_point(std::string& out, TimeMs time_ms, double value, const NativeHistogram* h) {
    out += '[';
    append_timestamp(out, time_ms);
    out += ',';
    if (h != nullptr)
        append_histogram(out, *h);
    else
        append_value(out, value);
    out += ']';
}

void append_sample(std::string& out, const Sample& sample, TimeMs at_ms) {
    out += "{\"metric\":";
    append_labels(out, sample.labels);
    out += sample.histogram ? ",\"histogram\":" : ",\"value\":";
    append_point(out, at_ms, sample.value, sample.histogram.get());
    out += '}';
}

// The points of one kind: "values" or "histograms".
void append_points(std::string& out, const Series& series, bool histograms) {
    bool any = false;
    for (std::size_t i = 0; i < series.times_ms.size(); ++i) {
        const NativeHistogram* h = series.histograms.empty() ? nullptr : series.histograms[i].get();
        if ((h != nullptr) != histograms) continue;
        if (any)
            out += ',';
        else
            out += histograms ? ",\"histograms\":[" : ",\"values\":[";
        any = true;
        append_point(out, series.times_ms[i], series.values[i], h);
    }
    if (any) out += ']';
}

void append_series(std::string& out, const Series& series) {
    out += "{\"metric\":";
    append_labels(out, series.labels);
    append_points(out, series, false);
    if (!series.histograms.empty()) append_points(out, series, true);
    out += '}';
}

// A scalar's and a string's time: the shortest decimal number, without zeros at the end.
void append_short_timestamp(std::string& out, TimeMs time_ms) {
    append_api_value(out, static_cast<double>(time_ms) / 1000);
}

void append_result(std::string& out, const QueryResult& result, const ScalarResult& scalar) {
    out += "\"scalar\",\"result\":[";
    append_short_timestamp(out, result.at_ms);
    out += ",\"";
    append_fixed(out, scalar.value);
    out += "\"]";
}

void append_result(std::string& out, const QueryResult& result, const StringResult& string) {
    out += "\"string\",\"result\":[";
    append_short_timestamp(out, result.at_ms);
    out += ',';
    append_json_string(out, string.text);
    out += ']';
}

void append_result(std::string& out, const QueryResult& result, const VectorResult& vector) {
    out += "\"vector\",\"result\":[";
    for (const Sample& sample : vector.samples) {
        if (&sample != vector.samples.data()) out += ',';
        append_sample(out, sample, result.at_ms);
    }
    out += ']';
}

void append_result(std::string& out, const QueryResult&, const MatrixResult& matrix) {
    out += "\"matrix\",\"result\":[";
    for (const Series& series : matrix.series) {
        if (&series != matrix.series.data()) out += ',';
        append_series(out, series);
    }
    out += ']';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t plain = 0;
    for (std::size_t i = 0; i < text.size();) {
        if (!needs_escape(text[i])) {
            ++i;
            continue;
        }
        out += text.substr(plain, i - plain);
        i += append_escaped(out, text.substr(i));
        plain = i;
    }
    out += text.substr(plain);
    out += '"';
}

void append_labels(std::string& out, const Labels& labels) {
    out += '{';
    for (const Label& label : labels) {
        if (&label != labels.data()) out += ',';
        append_json_string(out, label.name);
        out += ':';
        append_json_string(out, label.value);
    }
    out += '}';
}

void append_timestamp(std::string& out, TimeMs time_ms) {
    if (time_ms < 0) out += '-';
    const uint64_t size =
        time_ms < 0 ? 0 - static_cast<uint64_t>(time_ms) : static_cast<uint64_t>(time_ms);
    append_u64(out, size / 1000);
    const auto rest = static_cast<unsigned>(size % 1000);
    if (rest == 0) return;
    out += '.';
    for (const unsigned unit : {100u, 10u, 1u}) out += static_cast<char>('0' + rest / unit % 10);
}

void append_success(std::string& out, const QueryResult& result) {
    out += "{\"status\":\"success\",\"data\":{\"resultType\":";
    std::visit([&](const auto& value) { append_result(out, result, value); }, result.value);
    out += '}';
    for (std::size_t i = 0; i < result.warnings.size(); ++i) {
        out += i == 0 ? ",\"warnings\":[" : ",";
        append_json_string(out, result.warnings[i]);
    }
    out += result.warnings.empty() ? "}" : "]}";
}

void append_error(std::string& out, const QueryError& error) {
    out += "{\"status\":\"error\",\"errorType\":\"";
    out += name_of(error.kind);
    out += "\",\"error\":";
    append_json_string(out, error.message);
    out += '}';
}

int http_status(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::bad_data:
            return 400;
        case ErrorKind::execution:
            return 422;
        case ErrorKind::canceled:
        case ErrorKind::timeout:
            return 503;
        case ErrorKind::internal:
            return 500;
    }
    return 500;
}

}  // namespace glassgate::store::query
