// Which exposition a scraper gets, from its Accept header.
#include <array>
#include <charconv>

#include "base/text.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::telemetry {
namespace {

constexpr std::size_t kFormats = 3;

// What the header says about one format: the most specific range that matches it decides.
struct Wish {
    int specificity = -1;  // 0: */*, 1: type/*, 2: the type itself
    double q = 0;
    std::size_t position = 0;
};

struct Range {
    std::string_view type;
    double q = 1;
    std::string_view version, proto, encoding;
};

std::string_view unquoted(std::string_view value) noexcept {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        return value.substr(1, value.size() - 2);
    return value;
}

Range parse_range(std::string_view element) noexcept {
    Range range;
    std::size_t semicolon = element.find(';');
    range.type = trim_ows(element.substr(0, semicolon));
    while (semicolon != std::string_view::npos) {
        element.remove_prefix(semicolon + 1);
        semicolon = element.find(';');
        const std::string_view parameter = trim_ows(element.substr(0, semicolon));
        const std::size_t equals = parameter.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view key = trim_ows(parameter.substr(0, equals));
        const std::string_view value = unquoted(trim_ows(parameter.substr(equals + 1)));
        if (iequals(key, "version")) range.version = value;
        if (iequals(key, "proto")) range.proto = value;
        if (iequals(key, "encoding")) range.encoding = value;
        if (iequals(key, "q")) {
            double q = 0;
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), q);
            range.q = error == std::errc{} && q >= 0 && q <= 1 ? q : 0;
        }
    }
    return range;
}

// How specifically a range names a format; -1: not at all.
int matches(const Range& range, Exposition format) noexcept {
    const bool text = format == Exposition::text_0_0_4;
    if (range.type == "*/*") return 0;
    if (iequals(range.type, text ? "text/*" : "application/*")) return 1;
    switch (format) {
        case Exposition::text_0_0_4:
            return iequals(range.type, "text/plain") &&
                           (range.version.empty() || range.version == "0.0.4")
                       ? 2
                       : -1;
        case Exposition::open_metrics:
            return iequals(range.type, "application/openmetrics-text") &&
                           (range.version.empty() || range.version == "1.0.0")
                       ? 2
                       : -1;
        case Exposition::protobuf:
            return iequals(range.type, "application/vnd.google.protobuf") &&
                           range.proto == "io.prometheus.client.MetricFamily" &&
                           range.encoding == "delimited"
                       ? 2
                       : -1;
    }
    return -1;
}

// Of equally wanted formats the one named more specifically, then the one named first. Nobody gets
// protobuf or OpenMetrics for a mere */*: the formats are in order of plainness.
bool better(const Wish& a, const Wish& b) noexcept {
    if (a.q != b.q) return a.q > b.q;
    if (a.specificity != b.specificity) return a.specificity > b.specificity;
    return a.specificity == 2 && a.position < b.position;
}

}  // namespace

Exposition negotiate(std::string_view accept) noexcept {
    std::array<Wish, kFormats> wishes{};
    std::size_t position = 0;
    for_each_list_element(accept, [&](std::string_view element) {
        const Range range = parse_range(element);
        ++position;
        for (std::size_t f = 0; f < kFormats; ++f) {
            const int specificity = matches(range, static_cast<Exposition>(f));
            Wish& wish = wishes[f];
            const bool same_but_more = specificity == wish.specificity && range.q > wish.q;
            if (specificity > wish.specificity || (specificity >= 0 && same_but_more))
                wish = {specificity, range.q, position};
        }
        return true;
    });
    std::size_t best = 0;  // also when nothing is acceptable: a scrape in plain text beats none
    for (std::size_t f = 1; f < kFormats; ++f)
        if (better(wishes[f], wishes[best])) best = f;
    return static_cast<Exposition>(best);
}

std::string_view content_type(Exposition exposition) noexcept {
    switch (exposition) {
        case Exposition::open_metrics:
            return "application/openmetrics-text; version=1.0.0; charset=utf-8";
        case Exposition::protobuf:
            return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                   "encoding=delimited";
        case Exposition::text_0_0_4:
            break;
    }
    return "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace glassgate::telemetry
