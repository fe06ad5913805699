// /api/v1/status/*, targets, rules, alerts.
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "base/clock.h"
#include "console/api/answer.h"
#include "console/api/prometheus_api.h"
#include "console/api/selection.h"
#include "store/query/duration.h"
#include "store/query/json_text.h"
#include "store/query/number_text.h"

namespace glassgate::console {
namespace {

using namespace store::query;
using store::TimeMs;

std::string iso8601(TimeMs time_ms) {
    std::string text;
    append_iso8601_ms(text, static_cast<uint64_t>(std::max<TimeMs>(0, time_ms)) * kNsPerMs);
    return text;
}

std::string number(uint64_t value) { return std::to_string(value); }

std::string labels_json(const store::Labels& labels) {
    std::string text;
    append_labels(text, labels);
    return text;
}

// ---- targets -----------------------------------------------------------------------------------

std::string target_json(const ScrapeTarget& target) {
    std::string duration;
    append_api_value(duration, target.last_duration_s);
    JsonObject json;
    json.raw("discoveredLabels", labels_json(target.discovered))
        .raw("labels", labels_json(target.labels));
    json.text("scrapePool", target.job).text("scrapeUrl", target.url).text("globalUrl", target.url);
    json.text("lastError", target.last_error);
    // Go's zero time where there was none yet.
    json.text("lastScrape", target.known ? iso8601(target.last_scrape_ms) : "0001-01-01T00:00:00Z");
    json.raw("lastScrapeDuration", duration);
    json.text("health", !target.known ? "unknown" : target.up ? "up" : "down");
    json.text("scrapeInterval", duration_text(target.interval_ms));
    json.text("scrapeTimeout", duration_text(target.timeout_ms));
    return json.done();
}

void answer_targets(const PrometheusApi& api, const Request& request, Response& response) {
    const std::string_view state = request.parameters["state"];
    std::string active;
    if (api.targets && (state.empty() || state == "any" || state == "active"))
        for (const ScrapeTarget& target : api.targets()) {
            if (!active.empty()) active += ',';
            active += target_json(target);
        }
    answer_success(
        response,
        JsonObject().raw("activeTargets", "[" + active + "]").raw("droppedTargets", "[]").done());
}

// ---- status ------------------------------------------------------------------------------------

// The version is the one whose API and query language this is: clients switch features by it.
void answer_buildinfo(const PrometheusApi& api, const Request&, Response& response) {
    answer_success(response, JsonObject()
                                 .text("version", "2.42.0")
                                 .text("revision", api.build.revision)
                                 .text("branch", "glassgate " + api.build.version)
                                 .text("buildUser", "")
                                 .text("buildDate", "")
                                 .text("goVersion", "")
                                 .done());
}

std::string retention_text(const store::Settings& settings) {
    return duration_text(settings.tiers.back().retention_ms);
}

void answer_runtimeinfo(const PrometheusApi& api, const Request&, Response& response) {
    const RuntimeFacts facts = api.runtime ? api.runtime() : RuntimeFacts{};
    const store::Stats stats = api.store->stats();
    char folder[4096];
    answer_success(response,
                   JsonObject()
                       .text("startTime", iso8601(facts.started_ms))
                       .text("CWD", getcwd(folder, sizeof folder) != nullptr ? folder : "")
                       .raw("reloadConfigSuccess", facts.last_config_good ? "true" : "false")
                       .text("lastConfigTime", iso8601(facts.last_config_ms))
                       .raw("corruptionCount",
                            number(stats.corrupt_segments_total + stats.corrupt_blocks_total))
                       .raw("goroutineCount", "0")
                       .raw("GOMAXPROCS", number(std::thread::hardware_concurrency()))
                       .text("GOGC", "")
                       .text("GODEBUG", "")
                       .text("storageRetention", retention_text(api.store->settings()))
                       .done());
}

void answer_flags(const PrometheusApi& api, const Request&, Response& response) {
    const store::Settings& settings = api.store->settings();
    const Options defaults;
    answer_success(
        response,
        JsonObject()
            .text("query.lookback-delta", duration_text(defaults.lookback_ms))
            .text("query.max-samples", number(api.query_samples_max))
            .text("query.timeout", duration_text(static_cast<int64_t>(api.query_timeout_ms)))
            .text("storage.tsdb.path", settings.directory)
            .text("storage.tsdb.retention.size", number(settings.disk_max_bytes) + "B")
            .text("storage.tsdb.retention.time", retention_text(settings))
            .text("web.enable-remote-write-receiver", "true")
            .done());
}

// What a Prometheus would be told to do the same: how often is sampled, and from where.
void answer_config(const PrometheusApi& api, const Request&, Response& response) {
    std::string yaml = "global: {}\nscrape_configs:\n";
    std::map<std::string, std::vector<ScrapeTarget>> jobs;
    for (ScrapeTarget& target : api.targets ? api.targets() : std::vector<ScrapeTarget>{})
        jobs[target.job].push_back(std::move(target));
    for (const auto& [job, targets] : jobs) {
        std::string name;
        append_json_string(name, job);
        yaml += "- job_name: " + name + "\n";
        yaml += "  scrape_interval: " + duration_text(targets.front().interval_ms) + "\n";
        yaml += "  scrape_timeout: " + duration_text(targets.front().timeout_ms) + "\n";
        yaml += "  static_configs:\n";
        for (const ScrapeTarget& target : targets) {
            const std::string_view instance = store::value_of(target.labels, "instance");
            yaml += "  - targets: " + json_strings({std::string(instance)}) + "\n";
        }
    }
    answer_success(response, JsonObject().text("yaml", yaml).done());
}

// ---- tsdb --------------------------------------------------------------------------------------

using Counts = std::map<std::string, uint64_t, std::less<>>;

// The largest `limit` as [{"name":...,"value":...}].
std::string top_json(const Counts& counts, std::size_t limit) {
    std::vector<std::pair<std::string_view, uint64_t>> all(counts.begin(), counts.end());
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (all.size() > limit) all.resize(limit);
    std::string text = "[";
    for (const auto& [name, count] : all) {
        if (text.size() > 1) text += ',';
        text += JsonObject().text("name", name).raw("value", number(count)).done();
    }
    return text + ']';
}

void answer_tsdb(const PrometheusApi& api, const Request& request, Response& response) {
    const auto limit = read_limit(request);
    if (!limit) return answer_error(response, limit.error());
    const std::size_t most = *limit == 0 ? 10 : *limit;
    const auto now = static_cast<TimeMs>(wall_now_ns() / kNsPerMs);
    const auto found = select_labels(*api.store, {}, {now - store::kIdleMs, kTimeLast});
    if (!found) return answer_error(response, found.error());
    Counts by_metric, by_pair, bytes_by_name;
    std::map<std::string, std::set<std::string_view>, std::less<>> values;
    for (const store::Labels& labels : *found)
        for (const auto& [name, value] : labels) {
            if (name == store::kMetricName) ++by_metric[value];
            ++by_pair[name + "=" + value];
            if (values[name].insert(value).second) bytes_by_name[name] += value.size();
        }
    Counts values_by_name;
    uint64_t pairs = 0;
    for (const auto& [name, all] : values) pairs += values_by_name[name] = all.size();
    const store::Stats stats = api.store->stats();
    const std::string head = JsonObject()
                                 .raw("numSeries", number(stats.series))
                                 .raw("numLabelPairs", number(pairs))
                                 .raw("minTime", std::to_string(stats.oldest_ms))
                                 .raw("maxTime", std::to_string(now))
                                 .done();
    answer_success(response, JsonObject()
                                 .raw("headStats", head)
                                 .raw("seriesCountByMetricName", top_json(by_metric, most))
                                 .raw("labelValueCountByLabelName", top_json(values_by_name, most))
                                 .raw("memoryInBytesByLabelName", top_json(bytes_by_name, most))
                                 .raw("seriesCountByLabelValuePair", top_json(by_pair, most))
                                 .done());
}

using Answerer = void (*)(const PrometheusApi&, const Request&, Response&);

void add(const PrometheusApi& api, std::vector<Route>& routes, std::string pattern,
         Answerer answerer, Weight weight) {
    routes.push_back(api_route(
        Method::get, std::move(pattern),
        [&api, answerer](const Request& q, Response& r) { answerer(api, q, r); }, weight));
}

// What somebody else knows; `none` where nobody does.
void add_from(const std::function<std::string(const Request&)>& source, std::string none,
              std::vector<Route>& routes, std::string pattern) {
    routes.push_back(api_route(
        Method::get, std::move(pattern),
        [&source, none = std::move(none)](const Request& q, Response& r) {
            answer_success(r, source ? source(q) : none);
        },
        Weight::light));
}

}  // namespace

void add_status_routes(const PrometheusApi& api, std::vector<Route>& routes) {
    add(api, routes, "/api/v1/targets", answer_targets, Weight::light);
    add(api, routes, "/api/v1/status/buildinfo", answer_buildinfo, Weight::quick);
    add(api, routes, "/api/v1/status/runtimeinfo", answer_runtimeinfo, Weight::light);
    add(api, routes, "/api/v1/status/flags", answer_flags, Weight::light);
    add(api, routes, "/api/v1/status/config", answer_config, Weight::light);
    add(api, routes, "/api/v1/status/tsdb", answer_tsdb, Weight::heavy);
    add_from(api.rules, R"({"groups":[]})", routes, "/api/v1/rules");
    add_from(api.alerts, R"({"alerts":[]})", routes, "/api/v1/alerts");
    add_from(api.alertmanagers, R"({"activeAlertmanagers":[],"droppedAlertmanagers":[]})", routes,
             "/api/v1/alertmanagers");
}

Route api_route(Method method, std::string pattern, Handler handler, Weight weight) {
    Route route;
    route.method = method;
    route.pattern = std::move(pattern);
    route.handler = std::move(handler);
    route.weight = weight;
    route.cors = true;
    return route;
}

std::vector<Route> prometheus_routes(const PrometheusApi& api) {
    std::vector<Route> routes;
    add_query_routes(api, routes);
    add_series_routes(api, routes);
    add_status_routes(api, routes);
    add_federate_routes(api, routes);
    add_write_routes(api, routes);
    return routes;
}

}  // namespace glassgate::console
