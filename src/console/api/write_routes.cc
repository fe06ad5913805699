// /api/v1/write: Prometheus remote write 1.0. 204: all taken; 400: some of it refused for good, not
// to be sent again; 415: another protocol; 503: no memory now, to be sent again.
#include "base/text.h"
#include "console/api/answer.h"
#include "console/api/prometheus_api.h"
#include "store/feed/remote_write.h"

namespace glassgate::console {
namespace {

// prometheus.MetricMetadata.MetricType
constexpr std::string_view kTypes[] = {"unknown",        "counter", "gauge", "histogram",
                                       "gaugehistogram", "summary", "info",  "stateset"};

// What makes the body something else than snappy-packed remote write 1.0; empty: nothing.
std::string problem_with_protocol(const Request& request) {
    const std::string_view encoding = request.header("content-encoding");
    if (!encoding.empty() && !iequals(encoding, "snappy"))
        return "the content encoding " + std::string(encoding) + " is not supported: snappy is";
    const std::string_view type = request.header("content-type");
    const std::string_view media = trim_ows(type.substr(0, type.find(';')));
    if (!media.empty() && !iequals(media, "application/x-protobuf"))
        return "the media type " + std::string(media) +
               " is not supported: application/x-protobuf is";
    const std::size_t proto = type.find("proto=");
    if (proto != std::string_view::npos &&
        trim_ows(type.substr(proto + 6)) != "prometheus.WriteRequest")
        return "only remote write 1.0 (prometheus.WriteRequest) is supported";
    return {};
}

void answer_write(const PrometheusApi& api, const Request& request, Response& response) {
    if (const std::string problem = problem_with_protocol(request); !problem.empty())
        return response.text(415, problem);
    const auto read = store::read_remote_write(request.body);
    if (!read) return response.text(400, read.error().message);
    for (const store::WrittenMetadata& m : read->metadata)
        api.metadata->add(m.family, {std::string(kTypes[m.type < std::size(kTypes) ? m.type : 0]),
                                     m.help, m.unit});
    const store::WriteOutcome outcome = store::ingest(*api.store, *read);
    if (outcome.samples[store::Append::no_memory] != 0) return response.text(503, outcome.problem);
    if (!outcome.all_taken()) return response.text(400, outcome.problem);
    response.status = 204;
}

}  // namespace

void add_write_routes(const PrometheusApi& api, std::vector<Route>& routes) {
    Route route;
    route.method = Method::post;
    route.pattern = "/api/v1/write";
    route.role = Role::operator_;
    route.handler = [&api](const Request& q, Response& r) { answer_write(api, q, r); };
    route.body_bytes = api.write_bytes_max;
    routes.push_back(std::move(route));
}

}  // namespace glassgate::console
