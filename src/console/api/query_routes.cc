// /api/v1/query, query_range, query_exemplars, format_query.
#include <algorithm>
#include <map>

#include "base/clock.h"
#include "console/api/answer.h"
#include "console/api/prometheus_api.h"
#include "console/api/selection.h"
#include "store/query/api.h"
#include "store/query/json_text.h"
#include "store/query/number_text.h"
#include "store/query/parser.h"

namespace glassgate::console {
namespace {

using namespace store::query;
using store::SeriesExemplars;
using store::TimeMs;

TimeMs now_ms() { return static_cast<TimeMs>(wall_now_ns() / kNsPerMs); }

QueryParameters parameters_of(const Request& request) {
    QueryParameters made;
    made.query = request.parameters["query"];
    made.timeout = request.parameters["timeout"];
    made.time = request.parameters["time"];
    made.start = request.parameters["start"];
    made.end = request.parameters["end"];
    made.step = request.parameters["step"];
    return made;
}

// The request's lookback_delta; false: it was answered.
bool read_lookback(const Request& request, Options& options, Response& response) {
    const std::string_view text = request.parameters["lookback_delta"];
    if (text.empty()) return true;
    const auto lookback_ms = parse_step_ms(text);
    if (!lookback_ms) {
        answer_bad_data(response,
                        "error parsing lookback delta duration: " + lookback_ms.error().message);
        return false;
    }
    if (*lookback_ms > 0) options.lookback_ms = *lookback_ms;
    return true;
}

// At most `limit` samples or series, and a warning when there were more.
void apply_limit(QueryResult& result, std::size_t limit) {
    const auto cut = [&](auto& all) {
        if (limit == 0 || all.size() <= limit) return;
        all.resize(limit);
        result.warnings.emplace_back(kTruncated);
    };
    if (auto* vector = std::get_if<VectorResult>(&result.value)) cut(vector->samples);
    if (auto* matrix = std::get_if<MatrixResult>(&result.value)) cut(matrix->series);
}

void answer(const PrometheusApi& api, const Request& request, Response& response, bool range) {
    const auto limit = read_limit(request);
    if (!limit) return answer_error(response, limit.error());
    Options options = query_options(api, request);
    if (!read_lookback(request, options, response)) return;
    const QueryParameters parameters = parameters_of(request);
    auto result = range ? answer_query_range(*api.store, parameters, options)
                        : answer_query(*api.store, parameters, now_ms(), options);
    if (!result) return answer_error(response, result.error());
    apply_limit(*result, *limit);
    std::string text;
    append_success(text, *result);
    response.json(std::move(text));
}

void append_exemplar(std::string& out, const store::Exemplar& exemplar) {
    out += "{\"labels\":";
    append_labels(out, exemplar.labels);
    out += ",\"value\":\"";
    append_api_value(out, exemplar.value);
    out += "\",\"timestamp\":";
    append_timestamp(out, exemplar.t_ms);
    out += '}';
}

std::string exemplars_json(const std::map<store::Labels, SeriesExemplars>& all) {
    std::string text = "[";
    for (const auto& [labels, series] : all) {
        if (text.size() > 1) text += ',';
        text += "{\"seriesLabels\":";
        append_labels(text, labels);
        text += ",\"exemplars\":[";
        for (const store::Exemplar& exemplar : series.exemplars) {
            if (&exemplar != series.exemplars.data()) text += ',';
            append_exemplar(text, exemplar);
        }
        text += "]}";
    }
    return text + ']';
}

void answer_exemplars(const PrometheusApi& api, const Request& request, Response& response) {
    const auto range = read_time_range(request);
    if (!range) return answer_error(response, range.error());
    if (range->to_ms < range->from_ms)
        return answer_bad_data(response, "end timestamp must not be before start timestamp");
    const std::string_view query = request.parameters["query"];
    const auto expr = parse(query);
    if (!expr) return answer_bad_data(response, expr.error().to_text(query));
    const MatcherSets sets = selectors_of(**expr);
    if (sets.empty()) return answer_success(response, {});
    std::map<store::Labels, SeriesExemplars> all;
    for (const auto& matchers : sets) {
        auto found = api.store->exemplars(matchers, range->from_ms, range->to_ms);
        if (!found) return answer_error(response, {ErrorKind::execution, found.error().message});
        for (SeriesExemplars& series : *found) all.try_emplace(series.series, std::move(series));
    }
    answer_success(response, exemplars_json(all));
}

void answer_format_query(const Request& request, Response& response) {
    const auto text = answer_format(std::string(request.parameters["query"]));
    if (!text) return answer_error(response, text.error());
    std::string data;
    append_json_string(data, *text);
    answer_success(response, data);
}

}  // namespace

Options query_options(const PrometheusApi& api, const Request& request) {
    Options options;
    options.limits.max_samples = api.query_samples_max;
    options.limits.max_bytes = api.query_bytes_max;
    options.limits.deadline_ns = mono_now_ns() + api.query_timeout_ms * kNsPerMs;
    options.limits.cancelled = request.cancelled;
    return options;
}

void add_query_routes(const PrometheusApi& api, std::vector<Route>& routes) {
    for (const Method method : {Method::get, Method::post}) {
        routes.push_back(api_route(method, "/api/v1/query", [&api](const Request& q, Response& r) {
            answer(api, q, r, false);
        }));
        routes.push_back(
            api_route(method, "/api/v1/query_range",
                      [&api](const Request& q, Response& r) { answer(api, q, r, true); }));
        routes.push_back(
            api_route(method, "/api/v1/query_exemplars",
                      [&api](const Request& q, Response& r) { answer_exemplars(api, q, r); }));
        routes.push_back(
            api_route(method, "/api/v1/format_query", answer_format_query, Weight::light));
    }
}

}  // namespace glassgate::console
