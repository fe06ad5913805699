// /api/v1/series, labels, label/{name}/values, metadata.
#include <algorithm>
#include <set>

#include "console/api/answer.h"
#include "console/api/prometheus_api.h"
#include "console/api/selection.h"
#include "store/query/json_text.h"
#include "store/query/string_literal.h"

namespace glassgate::console {
namespace {

using namespace store::query;
using store::Label;
using store::Labels;

struct Selection {
    MatcherSets matchers;
    TimeRange range;
    std::size_t limit = 0;
};

Answer<Selection> read_selection(const Request& request) {
    Selection selection;
    selection.limit = TRY(read_limit(request));
    selection.range = TRY(read_time_range(request));
    selection.matchers = TRY(read_matchers(request));
    return selection;
}

template <typename Container>
Warnings cut(Container& all, std::size_t limit) {
    if (limit == 0 || all.size() <= limit) return {};
    all.erase(std::next(all.begin(), static_cast<std::ptrdiff_t>(limit)), all.end());
    return {std::string(kTruncated)};
}

bool is_label_name(std::string_view name) noexcept {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void answer_series(const PrometheusApi& api, const Request& request, Response& response) {
    if (!request.form_problem.empty())
        return answer_bad_data(response, "error parsing form values: " + request.form_problem);
    if (!request.parameters.has("match[]"))
        return answer_bad_data(response, "no match[] parameter provided");
    const auto selection = read_selection(request);
    if (!selection) return answer_error(response, selection.error());
    auto found = select_labels(*api.store, selection->matchers, selection->range);
    if (!found) return answer_error(response, found.error());
    const Warnings warnings = cut(*found, selection->limit);
    std::string data = "[";
    for (const Labels& labels : *found) {
        if (data.size() > 1) data += ',';
        append_labels(data, labels);
    }
    answer_success(response, data + ']', warnings);
}

// The names, or the values of one of them; sorted.
void answer_labels(const PrometheusApi& api, const Request& request, Response& response,
                   std::string_view values_of) {
    const auto selection = read_selection(request);
    if (!selection) return answer_error(response, selection.error());
    const auto found = select_labels(*api.store, selection->matchers, selection->range);
    if (!found) return answer_error(response, found.error());
    std::set<std::string_view> unique;
    for (const Labels& labels : *found)
        for (const Label& label : labels)
            if (values_of.empty())
                unique.insert(label.name);
            else if (label.name == values_of)
                unique.insert(label.value);
    const Warnings warnings = cut(unique, selection->limit);
    answer_success(response, json_strings({unique.begin(), unique.end()}), warnings);
}

void answer_label_values(const PrometheusApi& api, const Request& request, Response& response) {
    const std::string_view name = request.captured["name"];
    if (!is_label_name(name))
        return answer_bad_data(response, "invalid label name: " + quoted(name));
    answer_labels(api, request, response, name);
}

void answer_metadata(const PrometheusApi& api, const Request& request, Response& response) {
    std::size_t limit = SIZE_MAX;
    if (request.parameters.has("limit") && !request.parameters["limit"].empty()) {
        const std::string text(request.parameters["limit"]);
        char* end = nullptr;
        const long long number = std::strtoll(text.c_str(), &end, 10);
        if (*end != '\0') return answer_bad_data(response, "limit must be a number");
        if (number >= 0) limit = static_cast<std::size_t>(number);
    }
    std::string data = "{";
    for (const auto& [family, variants] : api.metadata->find(request.parameters["metric"])) {
        if (limit-- == 0) break;
        if (data.size() > 1) data += ',';
        append_json_string(data, family);
        data += ":[";
        for (const FamilyMetadata& m : variants) {
            if (&m != variants.data()) data += ',';
            data +=
                JsonObject().text("type", m.type).text("help", m.help).text("unit", m.unit).done();
        }
        data += ']';
    }
    answer_success(response, data + '}');
}

}  // namespace

void add_series_routes(const PrometheusApi& api, std::vector<Route>& routes) {
    for (const Method method : {Method::get, Method::post}) {
        routes.push_back(api_route(method, "/api/v1/series", [&api](const Request& q, Response& r) {
            answer_series(api, q, r);
        }));
        routes.push_back(api_route(method, "/api/v1/labels", [&api](const Request& q, Response& r) {
            answer_labels(api, q, r, {});
        }));
    }
    routes.push_back(
        api_route(Method::get, "/api/v1/label/{name}/values",
                  [&api](const Request& q, Response& r) { answer_label_values(api, q, r); }));
    routes.push_back(api_route(
        Method::get, "/api/v1/metadata",
        [&api](const Request& q, Response& r) { answer_metadata(api, q, r); }, Weight::light));
}

}  // namespace glassgate::console
