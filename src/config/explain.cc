#include "config/explain.h"

#include <charconv>

#include "config/url.h"
#include "store/query/duration.h"

namespace glassgate::config {
namespace {

using proxy::ListenerPlan;
using proxy::Plan;
using proxy::RoutePlan;
using proxy::UpstreamPlan;

std::string ms(uint64_t value) { return std::to_string(value) + " ms"; }
std::string limit_text(uint64_t value, const char* unit) {
    return value == 0 ? "no limit" : std::to_string(value) + unit;
}
std::string decimal(double value) {
    char buffer[32];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
    return error == std::errc{} ? std::string(buffer, end) : std::string("?");
}

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
    return out;
}

// What the TLS settings were, line by line, further in.
void tls_text(const Configuration& configuration, const void* tls, const std::string& indent,
              std::string& out) {
    const auto words = configuration.tls_words.find(tls);
    if (words == configuration.tls_words.end()) return;
    std::string_view rest = words->second;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        out += indent + std::string(rest.substr(0, end)) + "\n";
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
}

void protocols_text(const Configuration& configuration, const ListenerPlan& l, std::string& out) {
    out += "  http/2: ";
    if (l.http2)
        out += std::to_string(l.h2.max_streams) + " streams at once, " +
               std::to_string(l.h2.stream_window_bytes) + " bytes each\n";
    else
        out += "off\n";
    if (!l.proxy_protocol_from.empty()) out += "  PROXY protocol: from some\n";
    if (!l.tls) return;
    tls_text(configuration, l.tls.get(), "  ", out);
    constexpr std::string_view kForwarding[] = {"sanitize", "forward", "append", "set",
                                                "always-forward"};
    out += "  handshake timeout " + ms(l.handshake_timeout_ms) +
           ", client certificate forwarded: " +
           std::string(kForwarding[static_cast<std::size_t>(l.forward_client_cert)]) + "\n";
}

void listener_text(const Configuration& configuration, uint32_t index, std::string& out) {
    const Plan& plan = *configuration.plan;
    const ListenerPlan& l = plan.listeners[index];
    out += "listener " + l.name + (l.tls ? ": https://" : ": http://") +
           host_and_port(l.address, l.port) + "\n";
    out += "  limits: header " + std::to_string(l.limits.head_bytes) + " bytes and " +
           std::to_string(l.limits.header_count) + " fields, uri " +
           std::to_string(l.limits.uri_bytes) + " bytes, body " +
           limit_text(l.body_bytes, " bytes") + ", " + std::to_string(l.connections) +
           " connections, requests per connection " + limit_text(l.requests_per_connection, "") +
           "\n";
    out += "  timeouts: header " + ms(l.header_timeout_ms) + ", body " + ms(l.body_timeout_ms) +
           ", idle " + ms(l.idle_timeout_ms) + ", write " + ms(l.write_timeout_ms) + "\n";
    out += std::string("  trusted: forwarded ") + (l.trust_forwarded.empty() ? "nobody" : "some") +
           ", request id " + (l.trust_request_id.empty() ? "nobody" : "some") + ", trace context " +
           (l.trust_trace_context.empty() ? "everybody" : "some") + "\n";
    protocols_text(configuration, l, out);
    std::vector<std::string> served;
    for (const RoutePlan& route : plan.routes)
        if ((route.listeners.empty() && !l.only_apis) ||
            std::find(route.listeners.begin(), route.listeners.end(), index) !=
                route.listeners.end())
            served.push_back(route.id);
    out += "  routes: " + (served.empty() ? std::string("none") : joined(served)) + "\n";
}

std::string retries_text(const proxy::RetryPlan& r) {
    if (r.attempts == 0) return "none";
    std::vector<std::string> causes;
    if (r.on_connect_failure) causes.emplace_back("connect-failure");
    if (r.on_reset) causes.emplace_back("reset");
    if (r.on_502) causes.emplace_back("502");
    if (r.on_503) causes.emplace_back("503");
    if (r.on_504) causes.emplace_back("504");
    return std::to_string(r.attempts) + " on " + (causes.empty() ? "nothing" : joined(causes)) +
           ", budget " + std::to_string(r.budget_percent) + "% and at least " +
           std::to_string(r.budget_min_per_second) + "/s";
}

std::string protocol_text(const UpstreamPlan& u) {
    constexpr std::string_view kProtocols[] = {"http1", "http2", "auto"};
    std::string out(kProtocols[static_cast<std::size_t>(u.protocol)]);
    if (u.protocol != proxy::UpstreamProtocol::http1)
        out += " with " + std::to_string(u.streams_per_connection) + " streams a connection";
    if (u.send_proxy != proxy::SendProxy::none)
        out += u.send_proxy == proxy::SendProxy::v1 ? " behind PROXY v1" : " behind PROXY v2";
    return out;
}

void health_check_text(const proxy::HealthCheckPlan& check, const std::string& indent,
                       std::string& out) {
    out += indent + "health check: ";
    using proxy::HealthCheckType;
    if (check.type == HealthCheckType::tcp)
        out += "connect";
    else if (check.type == HealthCheckType::http)
        out += "GET " + check.path;
    else
        out += "gRPC " + (check.grpc_service.empty() ? std::string("server")
                                                     : "service " + check.grpc_service);
    out += " every " + ms(check.interval_ms) + ", timeout " + ms(check.timeout_ms) +
           ", healthy after " + std::to_string(check.healthy_threshold) + ", unhealthy after " +
           std::to_string(check.unhealthy_threshold);
    if (check.type == HealthCheckType::http)
        out += ", expects " + std::to_string(check.expect_min) + " to " +
               std::to_string(check.expect_max);
    out += "\n";
}

void thresholds_text(const proxy::ThresholdPlan& limits, const std::string& indent,
                     std::string& out) {
    std::vector<std::string> texts;
    const auto add = [&](const std::optional<uint32_t>& limit, const char* what) {
        if (limit) texts.push_back(std::to_string(*limit) + what);
    };
    add(limits.requests, " requests");
    add(limits.connections, " connections");
    add(limits.pending, " waiting to connect");
    add(limits.retries, " retries");
    out += indent + "at most, over all workers: " + joined(texts) + "\n";
}

void upstream_text(const Configuration& configuration, const UpstreamPlan& u,
                   const std::string& indent, std::string& out) {
    out += indent + "upstream " + u.name + ": " + protocol_text(u) + ", " +
           (u.balance == proxy::Balance::round_robin ? "round-robin" : "least-request") +
           ", timeout " + ms(u.response_timeout_ms) + ", connect " + ms(u.connect_timeout_ms) +
           ", stream idle " + ms(u.stream_idle_timeout_ms) + "\n";
    const std::string inner = indent + "  ";
    out += inner + "pool: " + std::to_string(u.max_connections) +
           " connections per target and worker, idle " + ms(u.pool_idle_timeout_ms) +
           ", dns every " + ms(u.dns_refresh_ms) + ", host header " +
           (u.preserve_host ? "preserved" : "the target's") + "\n";
    out += inner + "retries: " + retries_text(u.retries) + "\n";
    if (u.health_check) health_check_text(*u.health_check, inner, out);
    if (u.thresholds.any()) thresholds_text(u.thresholds, inner, out);
    if (u.outlier)
        out += inner + "outlier: ejected for " + ms(u.outlier->eject_ms) + " after " +
               std::to_string(u.outlier->consecutive_failures) + " failures, at most " +
               std::to_string(u.outlier->max_ejected_percent) + "%\n";
    for (const proxy::TargetPlan& target : u.targets)
        out += inner + (u.tls ? "target https://" : "target http://") + target.label +
               u.path_prefix + " weight " + std::to_string(target.weight) + "\n";
    if (u.tls) tls_text(configuration, u.tls.get(), inner, out);
}

// What an API's route takes and where that goes.
void api_text(const Plan& plan, const proxy::ApiRoutePlan& api, std::string& out) {
    if (!api.base.empty()) out += "  base: " + api.base + "\n";
    for (const proxy::RequestRule& rule : api.rules) out += "  takes: " + rule_text(rule) + "\n";
    for (const proxy::DestinationPlan& to : api.destinations) {
        out += "  goes to: " + plan.upstreams[to.upstream].name;
        if (api.destinations.size() > 1)
            out += ", " + std::to_string(to.weight) + " of " + std::to_string(api.weights);
        const bool captures = std::any_of(api.rules.begin(), api.rules.end(),
                                          [](const auto& rule) { return rule.path.groups() > 0; });
        out += std::string(", ") + (to.path.empty() ? "" : "at " + to.path + " and ") +
               (captures ? "what is captured" : "the path") + "\n";
    }
}

void policies_text(const RoutePlan& route, std::string& out) {
    for (std::size_t i = 0; i < route.policies.size(); ++i) {
        const proxy::RoutePolicyPlan& p = route.policies[i];
        const std::string summary = p.plan ? p.plan->summary() : std::string();
        out += "  policy " + std::to_string(i + 1) + ": " + std::string(p.kind->name) +
               (summary.empty() ? "" : " " + summary) + "\n";
        if (!p.only) continue;
        for (const proxy::RequestRule& rule : *p.only)
            out += "    only for: " + rule_text(rule) + "\n";
    }
}

void route_text(const Configuration& configuration, uint32_t index, std::string& out) {
    const Plan& plan = *configuration.plan;
    const RoutePlan& route = plan.routes[index];
    const std::string& api = plan.names->routes[index].api;
    out +=
        "route " + route.id + ": " + methods_text(route.methods) + " " + joined(route.paths) + "\n";
    if (api != plan.names->gateway) out += "  api: " + api + "\n";
    if (!route.hosts.empty()) out += "  hosts: " + joined(route.hosts) + "\n";
    std::vector<std::string> listeners;
    listeners.reserve(route.listeners.size());
    for (const uint32_t listener : route.listeners)
        listeners.push_back(plan.listeners[listener].name);
    if (!listeners.empty()) out += "  listeners: " + joined(listeners) + "\n";
    if (!route.strip_prefix.empty()) out += "  strip prefix: " + route.strip_prefix + "\n";
    if (route.body_bytes) out += "  body: " + limit_text(*route.body_bytes, " bytes") + "\n";
    tls_text(configuration, route.client_certificates.get(), "  client certificates: ", out);
    if (route.api) api_text(plan, *route.api, out);
    policies_text(route, out);
    if (!route.api) upstream_text(configuration, plan.upstreams[route.upstream], "  ", out);
    if (route.api)
        for (const proxy::DestinationPlan& to : route.api->destinations)
            upstream_text(configuration, plan.upstreams[to.upstream], "  ", out);
}

void metrics_text(const telemetry::MetricsSettings& m, std::string& out) {
    out += "metrics: ";
    if (m.enabled)
        out += "http://" + host_and_port(m.address, m.port) + m.path + ", at most " +
               std::to_string(m.series_limit) + " series, " + std::to_string(m.clients_limit) +
               " clients\n";
    else
        out += "off\n";
}

// Only what is not as it is by itself.
void store_text(const StoreSettings& s, std::string& out) {
    if (s == StoreSettings{}) return;
    out += "store: ";
    if (!s.enabled) {
        out += "off\n";
        return;
    }
    out += (s.path.empty() ? std::string("in the state directory") : "in " + s.path) +
           ", sampled every " + ms(static_cast<uint64_t>(s.interval_ms)) + ", at most " +
           std::to_string(s.max_series) + " series, " + std::to_string(s.memory_max_bytes) +
           " bytes of memory, " + std::to_string(s.disk_max_bytes) + " of disk, flushed every " +
           ms(static_cast<uint64_t>(s.flush_ms)) + "\n";
    for (const store::Tier& tier : s.tiers)
        out += "  every " + store::query::duration_text(tier.step_ms) + " for " +
               store::query::duration_text(tier.retention_ms) + "\n";
    for (const ScrapeJob& job : s.scrape)
        out += "  scrapes " + job.job + " every " + ms(static_cast<uint64_t>(job.interval_ms)) +
               ": " + joined(job.targets) + "\n";
}

// Likewise.
void flight_text(const flight::RecorderSettings& f, std::string& out) {
    if (f == flight::RecorderSettings{}) return;
    out += "flight recorder: ";
    if (!f.enabled) {
        out += "off\n";
        return;
    }
    out += (f.directory.empty() ? std::string("in the state directory") : "in " + f.directory) +
           ", at most " + std::to_string(f.limits.max_bytes) + " bytes and " +
           std::to_string(f.limits.max_records) + " records, flushed every " + ms(f.flush_ms) +
           "\n  keeps errors, refusals, events";
    if (f.selection.slower_than_ns != 0)
        out += ", slower than " + ms(f.selection.slower_than_ns / 1'000'000);
    out += ", of the rest " + decimal(f.selection.sample_rate) + "\n";
}

void console_text(const ConsoleSettings& c, std::string& out) {
    ConsoleSettings plain;
    plain.required = c.required;
    if (c == plain) return;
    out += "console: ";
    if (!c.enabled) {
        out += "off\n";
        return;
    }
    out += "http://" + host_and_port(c.address, c.port) + ", other origins " + c.cors_origin + "\n";
    if (!c.hosts.empty()) out += "  also called " + joined(c.hosts) + "\n";
    for (const ConsoleCredential& credential : c.credentials)
        out += "  " + credential.name +
               (credential.role == ConsoleRole::viewer ? " (viewer)" : " (operator)") + " with a " +
               (credential.password.empty() ? "token" : "password") + "\n";
}

void tracing_text(const telemetry::TracingSettings& t, const proxy::TracePlan& trace,
                  std::string& out) {
    if (!t.enabled) {
        out += "tracing: off\n";
        return;
    }
    out += std::string("tracing: otlp/") +
           (t.protocol == telemetry::OtlpProtocol::grpc ? "grpc" : "http") + " to " + t.endpoint +
           " as " + t.service_name + ", sample rate " + decimal(t.sample_rate) + "\n";
    if (trace.client_rate > 0 || trace.overall_rate < 1)
        out += "  with x-client-trace-id " + decimal(trace.client_rate) + ", of all " +
               decimal(trace.overall_rate) + "\n";
    for (const telemetry::SpanLabel& label : t.labels)
        out += "  label " + label.name + ": " +
               (label.header.empty() ? label.text
                                     : "header " + label.header + ", else " + label.text) +
               "\n";
    if (t.keep_errors) out += "  keeps errors\n";
    if (t.keep_slower_than_ns != 0)
        out += "  keeps slower than " + ms(t.keep_slower_than_ns / 1'000'000) + "\n";
    out += "  propagation:";
    for (const proxy::TraceFormat format : trace.propagation)
        out += format == proxy::TraceFormat::w3c ? " w3c" : " b3";
    out += "\n";
    for (const auto& [name, value] : t.resource_attributes)
        out += "  resource " + name + "=" + value + "\n";
    for (const auto& [name, value] : t.headers) out += "  header " + name + " (value not shown)\n";
    out += "  queue " + std::to_string(t.queue_bytes) + " bytes, batches of " +
           std::to_string(t.batch_spans) + ", flush " + ms(t.flush_ms) + ", timeout " +
           ms(t.timeout_ms) + "\n";
}

void logging_text(const telemetry::LoggingSettings& l, std::string& out) {
    if (!l.enabled) {
        out += "logging: off\n";
        return;
    }
    constexpr const char* kLevels[] = {"debug", "info", "warn", "error"};
    out += std::string("logging: ") + (l.format == telemetry::LogFormat::json ? "json" : "text") +
           ", level " + kLevels[static_cast<std::size_t>(l.level)] + ", query " +
           (l.redact_query ? "redacted" : "as it came") + ", queue " +
           std::to_string(l.queue_bytes) + " bytes\n";
    out += "  fields: " + joined(l.field_names) + "\n";
    for (const telemetry::LogOutput& o : l.outputs) {
        if (o.kind == telemetry::LogOutputKind::out) {
            out += "  to stdout\n";
            continue;
        }
        out += "  to file " + o.path;
        if (o.rotate_max_bytes != 0)
            out += ", rotated at " + std::to_string(o.rotate_max_bytes) + " bytes";
        if (o.rotate_interval_s != 0)
            out += ", rotated every " + std::to_string(o.rotate_interval_s) + " s";
        out += ", " + std::to_string(o.rotate_keep) + " kept\n";
    }
}

}  // namespace

std::string methods_text(MethodSet methods) {
    if (methods == kAllMethods) return "any method";
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kMethodCount; ++i)
        if (methods & method_bit(static_cast<Method>(i)))
            names.emplace_back(to_text(static_cast<Method>(i)));
    return joined(names);
}

std::string rule_text(const proxy::RequestRule& rule) {
    std::string out;
    const auto add = [&](std::string_view what, const proxy::PathPattern& pattern) {
        if (pattern.text() == ".*") return;
        out += (out.empty() ? "" : ", ") + std::string(what) + " " + pattern.text();
    };
    add("path", rule.path);
    add("methods", rule.methods);
    add("host", rule.host);
    for (const auto& [name, value] : rule.headers)
        out += (out.empty() ? "" : ", ") + std::string("header ") + name + " " + value.text();
    return out.empty() ? "any request" : out;
}

std::string explain(const Configuration& configuration) {
    const Plan& plan = *configuration.plan;
    std::string out = "gateway " + plan.names->gateway + ": mode " + plan.names->mode + ", " +
                      std::to_string(plan.workers) + " workers, drain " + ms(plan.drain_ms) + "\n";
    for (uint32_t i = 0; i < plan.listeners.size(); ++i) listener_text(configuration, i, out);
    for (uint32_t i = 0; i < plan.routes.size(); ++i) route_text(configuration, i, out);
    metrics_text(configuration.telemetry.metrics, out);
    if (configuration.probe)
        out += "probes: http://0.0.0.0:" + std::to_string(configuration.probe->port) +
               "/probes/readiness and /probes/liveness\n";
    tracing_text(configuration.telemetry.tracing, plan.trace, out);
    logging_text(configuration.telemetry.logging, out);
    store_text(configuration.store, out);
    flight_text(configuration.flight, out);
    alerting_text(configuration.alerting, out);
    console_text(configuration.console, out);
    return out;
}

}  // namespace glassgate::config
