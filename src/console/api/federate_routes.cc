// /federate: the newest sample of every series that fits, as Prometheus' text format, for a
// Prometheus that scrapes it with honor_labels.
#include <algorithm>

#include "base/clock.h"
#include "console/api/answer.h"
#include "console/api/prometheus_api.h"
#include "console/api/selection.h"
#include "store/query/number_text.h"

namespace glassgate::console {
namespace {

using store::Label;
using store::Labels;
using store::TimeMs;

struct Newest {
    Labels labels;
    TimeMs t_ms = 0;
    double value = 0;
};

void append_escaped(std::string& out, std::string_view value) {
    for (const char c : value) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || c == '"') out += '\\';
        out += c;
    }
}

void append_sample(std::string& out, const Newest& sample) {
    out += store::value_of(sample.labels, store::kMetricName);
    out += '{';
    bool first = true, instance = false;
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!first) out += ',';
        first = false;
        out.append(name).append("=\"");
        append_escaped(out, value);
        out += '"';
    };
    for (const Label& label : sample.labels) {
        if (label.name == store::kMetricName) continue;
        instance |= label.name == "instance";
        add(label.name, label.value);
    }
    // So that with honor_labels it does not get the instance it was scraped from.
    if (!instance) add("instance", "");
    out +=
        "} " + store::query::general_text(sample.value) + ' ' + std::to_string(sample.t_ms) + '\n';
}

// The newest sample of each series in the range; neither stale ones nor histograms, which the
// format does not have.
Answer<std::vector<Newest>> newest_samples(const PrometheusApi& api, const Request& request,
                                           const MatcherSets& sets) {
    const auto options = query_options(api, request);
    const auto now = static_cast<TimeMs>(wall_now_ns() / kNsPerMs);
    std::vector<Newest> all;
    for (const auto& matchers : sets) {
        const Status visited =
            api.store->visit(matchers, now - options.lookback_ms, now, options.limits,
                             [&](const store::SeriesView& series) -> Status {
                                 const double value = series.values.back();
                                 const bool histogram = !series.histograms.empty() &&
                                                        series.histograms.back() != nullptr;
                                 if (!histogram && !store::is_stale(value))
                                     all.push_back({series.labels, series.times_ms.back(), value});
                                 return {};
                             });
        if (!visited) return store::query::execution_error(visited.error().message);
    }
    return all;
}

void answer_federate(const PrometheusApi& api, const Request& request, Response& response) {
    const auto sets = read_matchers(request);
    if (!sets) return response.text(400, sets.error().message);
    auto all = newest_samples(api, request, *sets);
    if (!all) return response.text(500, all.error().message);
    const auto name_of = [](const Newest& s) {
        return store::value_of(s.labels, store::kMetricName);
    };
    std::sort(all->begin(), all->end(), [&](const Newest& a, const Newest& b) {
        const auto name_a = name_of(a), name_b = name_of(b);
        return name_a != name_b ? name_a < name_b : a.labels < b.labels;
    });
    all->erase(std::unique(all->begin(), all->end(),
                           [](const Newest& a, const Newest& b) { return a.labels == b.labels; }),
               all->end());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    std::string_view family;
    for (const Newest& sample : *all) {
        if (name_of(sample) != family) {
            family = name_of(sample);
            response.body.append("# TYPE ").append(family).append(" untyped\n");
        }
        append_sample(response.body, sample);
    }
}

}  // namespace

void add_federate_routes(const PrometheusApi& api, std::vector<Route>& routes) {
    routes.push_back(api_route(Method::get, "/federate", [&api](const Request& q, Response& r) {
        answer_federate(api, q, r);
    }));
}

}  // namespace glassgate::console
