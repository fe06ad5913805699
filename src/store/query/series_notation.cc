#include "store/query/series_notation.h"

#include <algorithm>

#include "base/text.h"
#include "store/query/native_histogram.h"
#include "store/query/number_text.h"
#include "store/query/parser.h"
#include "store/query/result.h"
#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

using Values = std::vector<std::optional<SequenceValue>>;

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void skip_spaces(std::string_view& text) noexcept {
    while (!text.empty() && is_space(text[0])) text.remove_prefix(1);
}

// Up to the first of the characters.
std::string_view take_until(std::string_view& text, std::string_view ends) noexcept {
    const std::string_view taken = text.substr(0, text.find_first_of(ends));
    text.remove_prefix(taken.size());
    return taken;
}

Result<double> to_number(std::string_view text) {
    if (const auto number = parse_number(text)) return *number;
    if (const auto number = parse_float(text)) return *number;
    return failure("not a number: " + quoted(text));
}

Result<std::vector<double>> take_list(std::string_view& text) {
    std::vector<double> numbers;
    if (!text.starts_with('[')) return failure("a list begins with [");
    text.remove_prefix(1);
    while (true) {
        skip_spaces(text);
        if (text.empty()) return failure("a list ends with ]");
        if (text[0] == ']') break;
        numbers.push_back(TRY(to_number(take_until(text, " ]"))));
    }
    text.remove_prefix(1);
    return numbers;
}

// `kSchemaMin .. kSchemaMax`, and bucket indexes far inside of 32 bits.
constexpr int32_t kSchemaMin = -4, kSchemaMax = 8;
constexpr double kOffsetMax = 1e6;

struct HistogramParts {
    NativeHistogram histogram;
    std::vector<double> positive, negative;
    double positive_offset = 0, negative_offset = 0;
};

Status set_part(HistogramParts& parts, std::string_view name, std::string_view& text) {
    NativeHistogram& h = parts.histogram;
    if (name == "buckets" || name == "n_buckets") {
        (name == "buckets" ? parts.positive : parts.negative) = TRY(take_list(text));
        return {};
    }
    const std::string_view value = take_until(text, " }");
    if (name == "counter_reset_hint") {
        h.gauge = value == "gauge";
        return {};
    }
    const double number = TRY(to_number(value));
    if (name == "schema") {
        if (!(number >= kSchemaMin && number <= kSchemaMax))
            return failure("a histogram's schema is from -4 to 8");
        h.schema = static_cast<int32_t>(number);
    } else if (name == "sum") {
        h.sum = number;
    } else if (name == "count") {
        h.count = number;
    } else if (name == "z_bucket") {
        h.zero_count = number;
    } else if (name == "z_bucket_w") {
        h.zero_threshold = number;
    } else if (name == "offset" || name == "n_offset") {
        if (!(number >= -kOffsetMax && number <= kOffsetMax))
            return failure("a histogram's offset is too large");
        (name == "offset" ? parts.positive_offset : parts.negative_offset) = number;
    } else {
        return failure("unknown part of a histogram: " + quoted(name));
    }
    return {};
}

std::vector<NativeHistogram::Bucket> buckets_from(const std::vector<double>& counts,
                                                  double offset) {
    std::vector<NativeHistogram::Bucket> buckets;
    buckets.reserve(counts.size());
    auto index = static_cast<int32_t>(offset);
    for (const double count : counts) buckets.push_back({index++, count});
    return buckets;
}

// A histogram plus one that is added in each repetition.
HistogramPtr next_histogram(const HistogramPtr& value, const HistogramPtr& step, bool minus) {
    NativeHistogram other = *step;
    if (minus) scale(other, -1);
    return std::make_shared<const NativeHistogram>(sum_of(*value, other));
}

Result<std::size_t> take_count(std::string_view& text) {
    const std::string_view digits = take_until(text, " \t\n\r");
    const auto count = parse_u64(digits);
    if (!count || *count > kSequenceMax)
        return failure("invalid repetition in series values: " + quoted(digits));
    return static_cast<std::size_t>(*count);
}

// A number up to a repetition or the end: 1, -2.5, 1e+3, stale.
std::string_view take_number(std::string_view& text) noexcept {
    std::size_t end = 0;
    for (; end < text.size() && !is_space(text[end]) && text[end] != 'x'; ++end) {
        const bool sign = text[end] == '+' || text[end] == '-';
        const bool exponent = end > 0 && (text[end - 1] == 'e' || text[end - 1] == 'E');
        if (sign && end > 0 && !exponent) break;
    }
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end);
    return taken;
}

Result<SequenceValue> take_value(std::string_view& text) {
    if (text.starts_with("{{"))
        return SequenceValue{0, std::make_shared<NativeHistogram>(TRY(take_histogram(text)))};
    const std::string_view word = take_number(text);
    if (word == "stale") return SequenceValue{stale_marker(), nullptr};
    return SequenceValue{TRY(to_number(word)), nullptr};
}

// One item: `_`, `_x3`, `1`, `1x3`, `1+2x3`, and the same with histograms.
Status append_item(Values& values, std::string_view& text) {
    if (text.starts_with('_')) {
        text.remove_prefix(1);
        std::size_t count = 1;
        if (text.starts_with('x')) {
            text.remove_prefix(1);
            count = TRY(take_count(text));
        }
        values.resize(values.size() + count);
        return {};
    }
    SequenceValue value = TRY(take_value(text));
    values.emplace_back(value);
    if (text.empty() || is_space(text[0])) return {};
    SequenceValue step;
    const char sign = text[0];
    if (sign == '+' || sign == '-') {
        if (text.substr(1).starts_with("{{")) text.remove_prefix(1);
        step = TRY(take_value(text));
    }
    if (!text.starts_with('x')) return failure("expected x and a count at " + quoted(text));
    text.remove_prefix(1);
    const bool stepped = sign == '+' || sign == '-';
    if (is_stale(step.value) ||
        (step.histogram != nullptr) != (stepped && value.histogram != nullptr))
        return failure("a value and what is added to it are of one kind");
    const std::size_t count = TRY(take_count(text));
    for (std::size_t i = 0; i < count; ++i) {
        if (step.histogram)
            value.histogram = next_histogram(value.histogram, step.histogram, sign == '-');
        else if (step.value != 0)
            value.value += step.value;
        values.emplace_back(value);
    }
    return {};
}

}  // namespace

Result<NativeHistogram> take_histogram(std::string_view& text) {
    if (!text.starts_with("{{")) return failure("a histogram begins with {{");
    text.remove_prefix(2);
    HistogramParts parts;
    while (true) {
        skip_spaces(text);
        if (text.starts_with("}}")) break;
        const std::string_view name = take_until(text, ": }");
        if (!text.starts_with(':'))
            return failure("expected name:value in a histogram, got " + quoted(name));
        text.remove_prefix(1);
        TRY_STATUS(set_part(parts, name, text));
    }
    text.remove_prefix(2);
    parts.histogram.positive = buckets_from(parts.positive, parts.positive_offset);
    parts.histogram.negative = buckets_from(parts.negative, parts.negative_offset);
    return std::move(parts.histogram);
}

Result<Values> parse_values(std::string_view text) {
    Values values;
    skip_spaces(text);
    while (!text.empty()) {
        TRY_STATUS(append_item(values, text));
        if (values.size() > kSequenceMax) return failure("too many values in a series");
        if (!text.empty() && !is_space(text[0]))
            return failure("unexpected " + quoted(text) + " in series values");
        skip_spaces(text);
    }
    return values;
}

Result<SeriesDescription> parse_series(std::string_view text) {
    // The labels end with the closing brace, which may stand in a quoted value too.
    std::size_t end = text.find_first_of("{ \t");
    if (end != std::string_view::npos && text[end] == '{') {
        char quote = 0;
        for (++end; end < text.size() && (quote != 0 || text[end] != '}'); ++end) {
            const char c = text[end];
            if (quote == 0 && (c == '"' || c == '\'' || c == '`'))
                quote = c;
            else if (quote != 0 && c == '\\' && quote != '`')
                ++end;
            else if (c == quote)
                quote = 0;
        }
        if (end < text.size()) ++end;
    }
    end = std::min(end, text.size());
    SeriesDescription made;
    auto labels = parse_labels(text.substr(0, end));
    if (!labels) return failure(labels.error().to_text(text));
    made.labels = *std::move(labels);
    made.values = TRY(parse_values(text.substr(end)));
    return made;
}

Series to_series(const SeriesDescription& description, TimeMs start_ms, int64_t interval_ms) {
    Series out;
    out.labels = description.labels;
    const bool histograms = std::ranges::any_of(
        description.values, [](const auto& value) { return value && value->histogram; });
    for (std::size_t i = 0; i < description.values.size(); ++i) {
        const auto& value = description.values[i];
        if (!value) continue;
        out.times_ms.push_back(start_ms + static_cast<int64_t>(i) * interval_ms);
        out.values.push_back(value->value);
        if (histograms) out.histograms.push_back(value->histogram);
    }
    return out;
}

}  // namespace glassgate::store::query
