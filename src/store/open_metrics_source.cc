#include "store/open_metrics_source.h"

#include <fstream>
#include <iterator>

#include "base/text.h"
#include "store/query/label_sets.h"
#include "store/query/string_literal.h"
#include "store/sample_line.h"

namespace glassgate::store {
namespace {

constexpr std::string_view kEnd = "# EOF";

bool ends_as_open_metrics(std::string_view text) noexcept {
    if (text.ends_with('\n')) text.remove_suffix(1);
    return text == kEnd || text.ends_with("\n# EOF");
}

class SampleReader {
public:
    explicit SampleReader(std::string_view text) noexcept
        : text_(text),
          format_(ends_as_open_metrics(text) ? TextFormat::open_metrics
                                             : TextFormat::prometheus_text) {}

    Result<std::vector<Series>> read() {
        while (!text_.empty()) {
            const std::size_t end = text_.find('\n');
            std::string_view line = text_.substr(0, end);
            text_.remove_prefix(std::min(text_.size(), line.size() + 1));
            ++number_;
            if (const Status done = read_line(line); !done)
                return failure("line " + std::to_string(number_) + ": " + done.error().message);
        }
        return std::move(series_);
    }

private:
    Status read_line(std::string_view line) {
        if (format_ == TextFormat::open_metrics) {
            if (line == kEnd) return text_.empty() ? Status{} : failure("data after # EOF");
            if (line.empty()) return failure("an empty line");
            if (line.starts_with('#')) return check_metadata_line(line);
        } else {
            if (line.ends_with('\r')) line.remove_suffix(1);
            while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
            if (line.empty() || line.starts_with('#')) return {};
        }
        return add(TRY(parse_sample_line(line, format_)));
    }

    Status add(SampleLine line) {
        if (!line.time_ms) return failure("the sample has no timestamp");
        query::key_of(line.labels, key_);
        const auto [index, is_new] = index_.add(key_);
        if (is_new) series_.emplace_back().labels = std::move(line.labels);
        Series& series = series_[index];
        if (!series.times_ms.empty() && series.times_ms.back() >= *line.time_ms)
            return failure(series.times_ms.back() == *line.time_ms
                               ? "the series has a sample at this time already"
                               : "the series has a later sample before this one");
        if (line.histogram && series.histograms.empty())
            series.histograms.resize(series.times_ms.size());
        series.times_ms.push_back(*line.time_ms);
        series.values.push_back(line.value);
        if (line.histogram || !series.histograms.empty())
            series.histograms.push_back(std::move(line.histogram));
        return {};
    }

    std::string_view text_;  // what is left
    TextFormat format_;
    std::size_t number_ = 0;  // of the line
    query::KeyIndex index_;
    std::string key_;
    std::vector<Series> series_;
};

}  // namespace

Result<std::vector<Series>> read_samples(std::string_view text) {
    return SampleReader(text).read();
}

Result<MemorySource> read_samples_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return failure_errno("open " + path, errno);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (in.bad()) return failure("cannot read " + path);
    auto series = read_samples(text);
    if (!series) return failure(path + ": " + series.error().message);
    return MemorySource(*std::move(series));
}

}  // namespace glassgate::store
