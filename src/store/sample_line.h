// One line of a text of samples. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "store/series.h"

namespace glassgate::store {

enum class TextFormat : uint8_t {
    open_metrics,     // single spaces, times in seconds, exemplars
    prometheus_text,  // any blanks, times in milliseconds
};

struct SampleLine {
    Labels labels;
    double value = 0;
    std::shared_ptr<const NativeHistogram> histogram;
    std::optional<TimeMs> time_ms;

    struct Exemplar {
        Labels labels;
        double value = 0;
        std::optional<TimeMs> time_ms;
    };
    std::optional<Exemplar> exemplar;  // of OpenMetrics
};

// A line that is neither empty nor a comment, without its end.
[[nodiscard]] Result<SampleLine> parse_sample_line(std::string_view line, TextFormat format);

// A line of OpenMetrics that begins with #, except `# EOF`: HELP, TYPE or UNIT.
[[nodiscard]] Status check_metadata_line(std::string_view line);

}  // namespace glassgate::store
