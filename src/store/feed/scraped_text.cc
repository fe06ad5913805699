#include "store/feed/scraped_text.h"

#include <algorithm>
#include <unordered_map>

#include "store/series_kind.h"

namespace glassgate::store {
namespace {

constexpr std::string_view kEnd = "# EOF";

void append_label(std::string& out, const Label& label) {
    if (!out.empty()) out += ',';
    out.append(label.name).append("=\"");
    for (const char c : label.value) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || c == '"') out += '\\';
        out += c;
    }
    out += '"';
}

// "# TYPE name rest" taken apart; false: a comment.
bool split_metadata(std::string_view line, std::string_view& what, std::string_view& name,
                    std::string_view& rest) {
    const auto word = [&line] {
        while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
        const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
        const std::string_view taken = line.substr(0, end);
        line.remove_prefix(end);
        return taken;
    };
    line.remove_prefix(1);
    what = word();
    if (what != "HELP" && what != "TYPE" && what != "UNIT") return false;
    name = word();
    if (!line.empty()) line.remove_prefix(1);
    rest = line;
    return !name.empty();
}

class ScrapedReader {
public:
    explicit ScrapedReader(TextFormat format) noexcept : format_(format) {}

    Result<Scraped> read(std::string_view text) {
        std::size_t number = 0;
        while (!text.empty() && !ended_) {
            const std::size_t end = text.find('\n');
            std::string_view line = text.substr(0, end);
            text.remove_prefix(std::min(text.size(), line.size() + 1));
            ++number;
            if (const Status done = read_line(line); !done)
                return failure("line " + std::to_string(number) + ": " + done.error().message);
        }
        if (format_ == TextFormat::open_metrics && (!ended_ || !text.empty()))
            return failure(ended_ ? "data after # EOF" : "data does not end with # EOF");
        return std::move(scraped_);
    }

private:
    Status read_line(std::string_view line) {
        if (format_ == TextFormat::open_metrics) {
            if (line == kEnd) {
                ended_ = true;
                return {};
            }
            if (line.empty()) return failure("an empty line");
            if (line.starts_with('#')) TRY_STATUS(check_metadata_line(line));
        } else {
            if (line.ends_with('\r')) line.remove_suffix(1);
            while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
            if (line.empty()) return {};
        }
        if (line.starts_with('#')) {
            read_metadata(line);
            return {};
        }
        return add(TRY(parse_sample_line(line, format_)));
    }

    void read_metadata(std::string_view line) {
        std::string_view what, name, rest;
        if (!split_metadata(line, what, name, rest)) return;
        auto& families = scraped_.families;
        if (families.empty() || families.back().name != name)
            families.push_back({std::string(name), {}, {}, {}});
        ScrapedFamily& family = families.back();
        if (what == "HELP") family.help = rest;
        if (what == "UNIT") family.unit = rest;
        if (what != "TYPE") return;
        family.type = rest == "untyped" ? "unknown" : rest;
        types_[family.name] = family.type;
    }

    [[nodiscard]] SeriesKind kind_of(const std::string& metric) const {
        const auto type = types_.find(metric);
        if (type == types_.end()) return kind_by_name(metric);
        return type->second == "counter" ? SeriesKind::counter : SeriesKind::gauge;
    }

    Status add(SampleLine line) {
        if (line.histogram || is_stale(line.value)) return failure("the value is no number");
        if (scraped_.samples.size() == kScrapedSamplesMax)
            return failure("more than " + std::to_string(kScrapedSamplesMax) + " samples");
        ScrapedSample& sample = scraped_.samples.emplace_back();
        sample.value = line.value;
        for (const Label& label : line.labels)
            if (label.name == kMetricName)
                sample.metric = label.value;
            else
                append_label(sample.labels, label);
        sample.kind = kind_of(sample.metric);
        sample.exemplar = std::move(line.exemplar);
        return {};
    }

    TextFormat format_;
    bool ended_ = false;
    Scraped scraped_;
    std::unordered_map<std::string, std::string> types_;  // by family
};

}  // namespace

Result<Scraped> read_scraped_text(std::string_view text, TextFormat format) {
    return ScrapedReader(format).read(text);
}

TextFormat format_of(std::string_view content_type) noexcept {
    return content_type.starts_with("application/openmetrics-text") ? TextFormat::open_metrics
                                                                    : TextFormat::prometheus_text;
}

void feed_scraped(const Scraped& scraped, Feed& feed, TimeMs fallback_ms) {
    for (const ScrapedSample& sample : scraped.samples) {
        feed.number({sample.metric, {}, sample.labels, {}}, sample.kind, sample.value);
        if (!sample.exemplar) continue;
        const std::string_view trace = value_of(sample.exemplar->labels, "trace_id");
        if (!trace.empty())
            feed.exemplar(sample.exemplar->value, sample.exemplar->time_ms.value_or(fallback_ms),
                          trace);
    }
}

}  // namespace glassgate::store
