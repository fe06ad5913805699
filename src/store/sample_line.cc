#include "store/sample_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "store/query/label_sets.h"
#include "store/query/number_text.h"
#include "store/query/series_notation.h"
#include "store/query/string_literal.h"
#include "store/query/utf8.h"

namespace glassgate::store {
namespace {

using query::parse_float;
using query::quoted;

// Times further away cannot be told apart in milliseconds.
constexpr double kTimeMaxMs = 9007199254740992.0;  // 2^53

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool begins_name(char c) noexcept {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The longest name the text begins with; taken off it.
std::string_view take_name(std::string_view& text, bool metric) noexcept {
    std::size_t end = 0;
    while (end < text.size() && (begins_name(text[end]) || (metric && text[end] == ':') ||
                                 (end > 0 && is_digit(text[end]))))
        ++end;
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(end);
    return name;
}

class LineParser {
public:
    LineParser(std::string_view line, TextFormat format) noexcept : rest_(line), format_(format) {}

    Result<SampleLine> parse() {
        SampleLine made;
        const std::string_view name = take_name(rest_, true);
        if (name.empty()) return failure("expected the name of a metric at " + quoted(rest_));
        const std::string_view after_name = rest_;
        skip_blanks();
        if (rest_.starts_with('{'))
            made.labels = TRY(labels());
        else
            rest_ = after_name;
        made.labels.push_back({std::string(kMetricName), std::string(name)});
        TRY_STATUS(normalize(made.labels));
        TRY_STATUS(value(made));
        TRY_STATUS(time(made));
        if (rest_.empty()) return made;
        if (format_ == TextFormat::open_metrics && rest_.starts_with(" # {")) {
            TRY_STATUS(exemplar(name, made));
            return made;
        }
        return failure("unexpected " + quoted(rest_) + " after the sample");
    }

private:
    // Only the older format allows blanks anywhere.
    void skip_blanks() noexcept {
        if (format_ == TextFormat::open_metrics) return;
        while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
    }

    // The blank between two parts; false: there is none.
    bool separator() noexcept {
        if (rest_.empty() || !is_blank(rest_[0])) return false;
        if (format_ == TextFormat::open_metrics && rest_[0] != ' ') return false;
        rest_.remove_prefix(1);
        skip_blanks();
        return true;
    }

    std::string_view word() noexcept {
        std::size_t end = 0;
        while (end < rest_.size() && !is_blank(rest_[end])) ++end;
        const std::string_view taken = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return taken;
    }

    Result<Labels> labels() {
        Labels made;
        rest_.remove_prefix(1);
        skip_blanks();
        while (!rest_.starts_with('}')) {
            Label label;
            label.name = take_name(rest_, false);
            if (label.name.empty())
                return failure("expected the name of a label or } at " + quoted(rest_));
            skip_blanks();
            if (!rest_.starts_with('=')) return failure("expected = after " + quoted(label.name));
            rest_.remove_prefix(1);
            skip_blanks();
            label.value = TRY(label_value());
            made.push_back(std::move(label));
            skip_blanks();
            if (rest_.starts_with('}')) break;
            if (!rest_.starts_with(',')) return failure("expected , or } at " + quoted(rest_));
            rest_.remove_prefix(1);
            skip_blanks();
            if (format_ == TextFormat::open_metrics && rest_.starts_with('}'))
                return failure("expected the name of a label after the comma");
        }
        rest_.remove_prefix(1);
        return made;
    }

    Result<std::string> label_value() {
        if (!rest_.starts_with('"'))
            return failure("expected a value in quotes at " + quoted(rest_));
        rest_.remove_prefix(1);
        std::string out;
        for (std::size_t i = 0; i < rest_.size(); ++i) {
            if (rest_[i] == '"') {
                rest_.remove_prefix(i + 1);
                if (!query::valid_utf8(out)) return failure("a label's value is not UTF-8");
                return out;
            }
            if (rest_[i] != '\\') {
                out += rest_[i];
                continue;
            }
            if (++i == rest_.size()) break;
            if (rest_[i] == 'n') {
                out += '\n';
            } else {
                if (rest_[i] != '\\' && rest_[i] != '"') out += '\\';
                out += rest_[i];
            }
        }
        return failure("a label's value has no end");
    }

    // Sorted; an empty value is no label.
    static Status normalize(Labels& labels) {
        std::ranges::sort(labels);
        for (std::size_t i = 1; i < labels.size(); ++i)
            if (labels[i].name == labels[i - 1].name)
                return failure("the label " + quoted(labels[i].name) + " is there twice");
        std::erase_if(labels, [](const Label& label) { return label.value.empty(); });
        return {};
    }

    Status value(SampleLine& made) {
        if (!separator()) return failure("expected a value at " + quoted(rest_));
        if (rest_.starts_with("{{")) {
            made.histogram = std::make_shared<NativeHistogram>(TRY(query::take_histogram(rest_)));
            return {};
        }
        const std::string_view text = word();
        if (text == "stale") {
            made.value = stale_marker();
            return {};
        }
        const auto number = parse_float(text);
        if (!number) return failure("not a number: " + quoted(text));
        made.value = *number;
        return {};
    }

    Status time(SampleLine& made) {
        const std::string_view before = rest_;
        if (!separator()) return {};
        if (rest_.empty() && format_ == TextFormat::prometheus_text) return {};
        if (rest_.starts_with('#') && format_ == TextFormat::open_metrics) {
            rest_ = before;
            return {};
        }
        const std::string_view text = word();
        double ms = 0;
        if (format_ == TextFormat::open_metrics) {
            const auto seconds = parse_float(text);
            if (!seconds || !std::isfinite(*seconds))
                return failure("not a timestamp in seconds: " + quoted(text));
            ms = std::round(*seconds * 1000);
        } else {
            int64_t whole = 0;
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), whole);
            if (error != std::errc{} || end != text.data() + text.size())
                return failure("not a timestamp in milliseconds: " + quoted(text));
            ms = static_cast<double>(whole);
        }
        if (!(std::abs(ms) <= kTimeMaxMs))
            return failure("timestamp out of range: " + quoted(text));
        made.time_ms = static_cast<TimeMs>(ms);
        skip_blanks();
        return {};
    }

    Status exemplar(std::string_view name, SampleLine& made) {
        if (!name.ends_with("_total") && !name.ends_with("_bucket"))
            return failure("the metric " + quoted(name) + " cannot have exemplars");
        rest_.remove_prefix(3);
        SampleLine::Exemplar exemplar;
        exemplar.labels = TRY(labels());
        for (int part = 0; part < 2; ++part) {
            if (part == 1 && rest_.empty()) break;
            if (!separator()) return failure("expected an exemplar's value at " + quoted(rest_));
            const std::string_view text = word();
            const auto number = parse_float(text);
            if (!number) return failure("not a number: " + quoted(text));
            if (part == 0)
                exemplar.value = *number;
            else if (const double ms = std::round(*number * 1000); std::abs(ms) <= kTimeMaxMs)
                exemplar.time_ms = static_cast<TimeMs>(ms);
        }
        if (!rest_.empty()) return failure("unexpected " + quoted(rest_) + " after the exemplar");
        made.exemplar = std::move(exemplar);
        return {};
    }

    std::string_view rest_;
    TextFormat format_;
};

}  // namespace

Result<SampleLine> parse_sample_line(std::string_view line, TextFormat format) {
    return LineParser(line, format).parse();
}

Status check_metadata_line(std::string_view line) {
    static constexpr std::array<std::string_view, 8> kTypes = {
        "counter", "gauge", "histogram", "gaugehistogram",
        "summary", "info",  "stateset",  "unknown"};
    const auto word = [&line] {
        const std::size_t end = std::min(line.find(' '), line.size());
        const std::string_view taken = line.substr(0, end);
        line.remove_prefix(std::min(end + 1, line.size()));
        return taken;
    };
    if (word() != "#") return failure("expected a blank after #");
    const std::string_view kind = word();
    if (kind != "HELP" && kind != "TYPE" && kind != "UNIT")
        return failure("expected HELP, TYPE, UNIT or EOF after #");
    std::string_view rest = line;
    const std::string_view name = take_name(rest, true);
    if (name.empty() || (!rest.empty() && rest[0] != ' '))
        return failure("expected the name of a metric after " + std::string(kind));
    word();
    if (kind == "TYPE" && std::ranges::find(kTypes, line) == kTypes.end())
        return failure("unknown type " + quoted(line));
    if (kind == "HELP" && !query::valid_utf8(line)) return failure("help that is not UTF-8");
    if (kind == "UNIT" && !line.empty() && !name.ends_with("_" + std::string(line)))
        return failure("the unit " + quoted(line) + " does not end the name " + quoted(name));
    return {};
}

}  // namespace glassgate::store
