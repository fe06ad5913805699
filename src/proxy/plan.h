// Plan: the configuration of the data plane, compiled, checked and immutable. Built on the control
// thread, shared read-only by all workers, kept alive by the last exchange that runs under it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address_set.h"
#include "base/method.h"
#include "http/forwarded_client_cert.h"
#include "http/h1.h"
#include "http/h2/limits.h"
#include "io/tls/client_context.h"
#include "io/tls/server_context.h"
#include "io/tls/subject_allow_list.h"
#include "model/names.h"
#include "policy/policy.h"
#include "proxy/api_table.h"
#include "proxy/request_rule.h"
#include "proxy/router.h"

namespace glassgate::proxy {

struct ListenerPlan {
    std::string name;
    std::string address;   // numeric IPv4 or IPv6, or "*"
    uint16_t port = 8080;  // 0: any free one (tests)
    http::HeadLimits limits;
    uint64_t body_bytes = 0;               // 0: no limit
    uint32_t connections = 20'000;         // per listener and worker
    uint32_t requests_per_connection = 0;  // 0: no limit
    uint32_t header_timeout_ms = 10'000;
    uint32_t body_timeout_ms = 30'000;
    uint32_t idle_timeout_ms = 60'000;
    uint32_t write_timeout_ms = 30'000;
    AddressSet trust_forwarded, trust_request_id, trust_trace_context;

    std::shared_ptr<const io::tls::ServerContext> tls;  // null: plain
    uint32_t handshake_timeout_ms = 10'000;             // of TLS, and for a PROXY header
    http::ClientCertForwarding forward_client_cert = http::ClientCertForwarding::sanitize;
    bool http2 = true;  // over TLS by ALPN; plain by prior knowledge and by Upgrade: h2c
    http::h2::Limits h2;
    // Peers that begin each connection with a PROXY header, v1 or v2, which says who the client is.
    // From others none is taken. Empty: from nobody.
    AddressSet proxy_protocol_from;
    bool only_apis = false;  // made for APIs: the router's routes are not served here
};

struct TargetPlan {
    std::string host;  // name or numeric address
    uint16_t port = 80;
    uint32_t weight = 1;
    std::string label;  // "product-service:3000"
};

enum class Balance : uint8_t { round_robin, least_request };
enum class UpstreamProtocol : uint8_t {
    http1,
    http2,      // over TLS by ALPN and nothing else; plain by prior knowledge
    negotiate,  // over TLS what ALPN gives, HTTP/2 preferred; plain: HTTP/1.1
};
enum class SendProxy : uint8_t { none, v1, v2 };

enum class HealthCheckType : uint8_t {
    http,  // a GET of `path`
    grpc,  // grpc.health.v1.Health/Check of `grpc_service`; HTTP/2
    tcp,   // a connect, with the TLS handshake of an upstream that has TLS
};
struct HealthCheckPlan {
    HealthCheckType type = HealthCheckType::http;
    std::string path = "/";
    uint32_t interval_ms = 5000;
    uint32_t timeout_ms = 1000;
    uint32_t healthy_threshold = 2;
    uint32_t unhealthy_threshold = 3;
    uint16_t expect_min = 200, expect_max = 299;
    std::string grpc_service;  // empty: the server as a whole
    bool operator==(const HealthCheckPlan&) const = default;
};

struct OutlierPlan {
    uint32_t consecutive_failures = 5;
    uint32_t eject_ms = 30'000;
    uint32_t max_ejected_percent = 50;
    bool operator==(const OutlierPlan&) const = default;
};

struct RetryPlan {
    uint32_t attempts = 2;  // after the first
    bool on_connect_failure = true;
    bool on_reset = true;
    bool on_502 = false, on_503 = false, on_504 = false;
    uint32_t budget_percent = 20;
    uint32_t budget_min_per_second = 3;
    bool operator==(const RetryPlan&) const = default;
};

// How much of an upstream the whole gateway may use at a time; nothing: no limit. What is beyond is
// answered 503 (ending upstream_overflow) and not kept waiting.
struct ThresholdPlan {
    std::optional<uint32_t> connections;
    std::optional<uint32_t> pending;  // requests that wait for a connection to be made
    std::optional<uint32_t> requests;
    std::optional<uint32_t> retries;
    [[nodiscard]] bool any() const noexcept {
        return connections || pending || requests || retries;
    }
    bool operator==(const ThresholdPlan&) const = default;
};

struct UpstreamPlan {
    std::string name;
    std::string state_key;  // equal keys (and names) across reloads keep pools and health
    std::vector<TargetPlan> targets;
    std::string path_prefix;  // the URL's own path, without trailing '/'
    Balance balance = Balance::round_robin;
    uint32_t response_timeout_ms = 15'000;
    uint32_t connect_timeout_ms = 2'000;
    uint32_t stream_idle_timeout_ms = 300'000;
    uint32_t pool_idle_timeout_ms = 60'000;
    uint32_t max_connections = 1024;  // per target and worker
    bool preserve_host = false;
    uint32_t dns_refresh_ms = 5'000;
    RetryPlan retries;
    std::optional<HealthCheckPlan> health_check;
    std::optional<OutlierPlan> outlier;
    ThresholdPlan thresholds;
    std::shared_ptr<const io::tls::ClientContext> tls;  // null: plain
    std::string tls_key;  // differs when `tls` does, also in what its files hold
    UpstreamProtocol protocol = UpstreamProtocol::http1;
    http::h2::Limits h2;
    uint32_t streams_per_connection = 100;   // HTTP/2: at most so many at once, and what it allows
    SendProxy send_proxy = SendProxy::none;  // in front of each connection (HTTP/1.1 only)
};

struct RoutePolicyPlan {
    const policy::PolicyKind* kind = nullptr;
    std::shared_ptr<const policy::PolicyPlan> plan;
    uint32_t name_index = 0;  // into PlanNames::policies
    // Runs only for requests one of these takes; null: for all.
    std::shared_ptr<const std::vector<RequestRule>> only;
};

// Where an API's route sends requests.
struct DestinationPlan {
    uint32_t upstream = 0;  // index into Plan::upstreams
    uint32_t weight = 1;    // its share is weight / the sum of all
    std::string path;       // put in front of the path; may be empty
};

// Of a route of an API: what it takes is said by rules, not by the patterns of the router, which
// then are labels only.
struct ApiRoutePlan {
    std::string base;                           // "/shop"; empty: all of the listener
    std::vector<RequestRule> rules;             // any of these
    std::vector<DestinationPlan> destinations;  // at least one
    uint32_t weights = 1;                       // their sum
};

struct RoutePlan {
    std::string id;
    MethodSet methods = kAllMethods;
    std::vector<std::string> hosts;  // lower case; empty or "*": any
    std::vector<std::string> paths;
    std::vector<uint32_t> listeners;  // indexes; empty: all
    std::string strip_prefix;
    std::optional<uint64_t> body_bytes;  // overrides the listener's
    uint32_t upstream = 0;               // index into Plan::upstreams
    std::vector<RoutePolicyPlan> policies;
    // Only clients with one of these certificates (403 otherwise); null: any.
    std::shared_ptr<const io::tls::SubjectAllowList> client_certificates;
    std::shared_ptr<const ApiRoutePlan> api;  // null: the router's
};

enum class TraceFormat : uint8_t { w3c, b3 };

struct TracePlan {
    bool enabled = false;  // off: the caller's headers pass through untouched
    double sample_rate = 0;
    // As Envoy: of the requests with a header x-client-trace-id, the share that is sampled for it;
    // of all requests that would be sampled without the caller's decision, the share that is.
    double client_rate = 0;
    double overall_rate = 1;
    std::vector<TraceFormat> propagation{TraceFormat::w3c, TraceFormat::b3};
};

struct Plan {
    uint64_t generation = 0;
    std::shared_ptr<const model::PlanNames> names;  // same order of listeners, routes, upstreams
    unsigned workers = 1;
    uint32_t drain_ms = 25'000;
    uint32_t interim_record_ms = 10'000;  // a record of each long stream so often; 0: none
    std::vector<ListenerPlan> listeners;
    std::vector<RoutePlan> routes;
    std::vector<UpstreamPlan> upstreams;
    TracePlan trace;
    Router router;  // compiled from `routes`
    ApiTable apis;  // likewise
};

}  // namespace glassgate::proxy
