// Series and answers as text, for the tests of the engine.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "store/memory_source.h"
#include "store/query/api.h"
#include "store/query/json_text.h"
#include "store/query/parser.h"
#include "store/query/series_notation.h"

namespace glassgate::store::query {

// Series in the notation of rule tests, one sample a minute from 0 on.
inline MemorySource samples_of(const std::vector<std::string>& descriptions,
                               int64_t interval_ms = 60'000) {
    std::vector<Series> series;
    for (const std::string& text : descriptions) {
        const auto description = parse_series(text);
        EXPECT_TRUE(description.has_value())
            << text << ": " << (description ? "" : description.error().message);
        if (description) series.push_back(to_series(*description, 0, interval_ms));
    }
    return MemorySource(std::move(series));
}

// The "result" of the API's JSON, or the error's message.
inline std::string shown(const Outcome<QueryResult>& outcome) {
    if (!outcome) return outcome.error().message;
    std::string text;
    append_success(text, *outcome);
    const std::size_t begin = text.find("\"result\":") + 9;
    return text.substr(begin, text.size() - begin - 2);
}

inline std::string at(const Source& source, std::string_view expression, double seconds,
                      const Options& options = {}) {
    const auto parsed = parse(expression);
    if (!parsed) return parsed.error().to_text(expression);
    return shown(instant_query(source, **parsed, static_cast<TimeMs>(seconds * 1000), options));
}

// From `start` to `end` every `step` seconds.
inline std::string over(const Source& source, std::string_view expression, int64_t start,
                        int64_t end, int64_t step, const Options& options = {}) {
    const auto parsed = parse(expression);
    if (!parsed) return parsed.error().to_text(expression);
    return shown(range_query(source, **parsed, start * 1000, end * 1000, step * 1000, options));
}

// The value of the only sample.
inline std::string value_at(const Source& source, std::string_view expression, double seconds) {
    const std::string text = at(source, expression, seconds);
    const std::size_t end = text.rfind("\"]");
    const std::size_t begin = end == std::string::npos ? end : text.rfind('"', end - 1);
    return begin == std::string::npos || begin == 0 ? text
                                                    : text.substr(begin + 1, end - begin - 1);
}

}  // namespace glassgate::store::query
