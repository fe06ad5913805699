// Prometheus' HTTP API over the built-in store, as Grafana, promtool and Prometheus itself use it:
// the routes, the status codes, the error types and the texts of version 2.42.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "console/api/metadata_table.h"
#include "console/request.h"
#include "store/query/engine.h"
#include "store/store.h"

namespace glassgate::console {

// One thing that is sampled into the store.
struct ScrapeTarget {
    std::string job, url;
    store::Labels labels;
    store::Labels discovered;        // before they were made into labels: __address__, ...
    bool up = false, known = false;  // known: tried at least once
    std::string last_error;
    store::TimeMs last_scrape_ms = 0;
    double last_duration_s = 0;
    int64_t interval_ms = 0, timeout_ms = 0;
};

struct BuildFacts {
    std::string version, revision;
};
struct RuntimeFacts {
    store::TimeMs started_ms = 0, last_config_ms = 0;
    bool last_config_good = true;
};

// Where the answers come from. All of it outlives the routes; functions are called on any thread.
struct PrometheusApi {
    store::Store* store = nullptr;
    MetadataTable* metadata = nullptr;
    BuildFacts build;
    std::function<RuntimeFacts()> runtime;
    std::function<std::vector<ScrapeTarget>()> targets;
    // The "data" of /api/v1/rules, /api/v1/alerts and /api/v1/alertmanagers; without them there are
    // none.
    std::function<std::string(const Request&)> rules, alerts, alertmanagers;

    uint64_t query_timeout_ms = 120'000;
    uint64_t query_samples_max = 50'000'000;
    uint64_t query_bytes_max = uint64_t{512} << 20;
    uint32_t write_bytes_max = 16u << 20;  // of a remote write, packed
};

// /api/v1/* and /federate. `api` outlives them.
[[nodiscard]] std::vector<Route> prometheus_routes(const PrometheusApi& api);

// The parts.
void add_query_routes(const PrometheusApi& api, std::vector<Route>& routes);
void add_series_routes(const PrometheusApi& api, std::vector<Route>& routes);
void add_status_routes(const PrometheusApi& api, std::vector<Route>& routes);
void add_federate_routes(const PrometheusApi& api, std::vector<Route>& routes);
void add_write_routes(const PrometheusApi& api, std::vector<Route>& routes);

// A route of the API: what may be read, by other origins too.
[[nodiscard]] Route api_route(Method method, std::string pattern, Handler handler,
                              Weight weight = Weight::heavy);

// Options for one query: the API's limits, the request's cancellation.
[[nodiscard]] store::query::Options query_options(const PrometheusApi& api, const Request& request);

}  // namespace glassgate::console
