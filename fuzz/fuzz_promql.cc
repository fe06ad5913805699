// Any bytes as an expression: a tree or a complaint with a place inside the text. What is accepted
// reads the same after it is printed, and evaluates, whatever it is, within its limits.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/clock.h"
#include "store/memory_source.h"
#include "store/query/engine.h"
#include "store/query/json_text.h"
#include "store/query/parser.h"
#include "store/query/series_notation.h"

namespace {

using namespace glassgate;
using namespace glassgate::store;

const MemorySource& samples() {
    static const MemorySource made = [] {
        std::vector<Series> series;
        for (const char* text :
             {"m{a=\"1\",le=\"1\"} 1+2x20 stale 5x10", "m{a=\"2\",le=\"+Inf\"} 50-2x20 _x3 NaN Inf",
              "n{a=\"1\"} 0 5 2 9 1 1 8", "h{a=\"1\"} {{count:2 sum:3 buckets:[1 1]}}x5 1 2",
              "h{a=\"2\"} {{schema:2 count:3 sum:3 z_bucket:1 z_bucket_w:0.1 n_buckets:[2]}}x9"}) {
            const auto parsed = query::parse_series(text);
            GW_CHECK(parsed.has_value());
            series.push_back(query::to_series(*parsed, 0, 30'000));
        }
        return MemorySource(std::move(series));
    }();
    return made;
}

void evaluate(const query::Expr& expr) {
    query::Options options;
    options.limits.max_samples = 2000;
    options.limits.deadline_ns = mono_now_ns() + kNsPerSecond;
    std::string json;
    for (const bool range : {false, true}) {
        const auto result =
            range ? query::range_query(samples(), expr, 60'000, 600'000, 47'000, options)
                  : query::instant_query(samples(), expr, 300'000, options);
        if (result)
            query::append_success(json, *result);
        else
            query::append_error(json, result.error());
    }
    GW_CHECK(json.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto parsed = query::parse(text);
    if (!parsed) {
        const query::ParseError& error = parsed.error();
        GW_CHECK(error.span.begin <= text.size() && error.span.end <= text.size());
        GW_CHECK(!error.message.empty());
        GW_CHECK(error.to_text_with_caret(text).ends_with('^'));
        return 0;
    }
    const std::string canonical = query::to_text(**parsed);
    const auto again = query::parse(canonical);
    GW_CHECK(again.has_value());
    GW_CHECK((*again)->type == (*parsed)->type);
    // +Inf is printed with its sign, which is an operator when it is read.
    if (canonical.find("Inf") == std::string::npos) GW_CHECK(query::to_text(**again) == canonical);
    evaluate(**parsed);
    return 0;
}
