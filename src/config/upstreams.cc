// spec.upstreams and the inline upstreams of routes -> UpstreamPlan.
#include "base/text.h"
#include "config/draft.h"
#include "config/http2.h"
#include "config/tls.h"
#include "config/url.h"

namespace glassgate::config {
namespace {

using proxy::RetryPlan;
using proxy::TargetPlan;
using proxy::UpstreamPlan;

constexpr std::size_t kMaxTargets = 64;  // an exchange remembers those it tried in one word
constexpr std::string_view kUrlExample = "a URL such as http://product-service:3000";

// What of a target is not in TargetPlan.
struct TargetUrl {
    TargetPlan target;
    std::string path;
    bool tls = false;
};

std::optional<TargetUrl> read_target_url(Fields& fields) {
    const Node* const node = fields.require("url");
    if (node == nullptr) return std::nullopt;
    const std::string text = fields.text("url");
    if (node->kind != Node::Kind::scalar) return std::nullopt;
    const auto wrong = [&](const std::string& why, std::string_view expected) {
        fields.mistake(node->position, why, std::string(expected));
        return std::nullopt;
    };
    const Result<Url> url = parse_url(text);
    if (!url) return wrong("url " + quote(text) + " " + url.error().message, kUrlExample);
    if (url->scheme != "http" && url->scheme != "https")
        return wrong("url " + quote(text) + " is neither http nor https", kUrlExample);
    if (url->host == "*" || url->port == 0)
        return wrong("url " + quote(text) + " is not one place to connect to", kUrlExample);
    TargetUrl out;
    out.target.host = url->host;
    out.tls = url->scheme == "https";
    out.target.port = url->port.value_or(out.tls ? 443 : 80);
    out.target.label = host_and_port(out.target.host, out.target.port);
    out.path = url->path;
    while (out.path.ends_with('/')) out.path.pop_back();
    return out;
}

void add_target(const std::optional<TargetUrl>& read, const Position& at, Draft& draft,
                UpstreamPlan& upstream, std::optional<bool>& over_tls) {
    if (!read) return;
    if (upstream.targets.empty()) upstream.path_prefix = read->path;
    if (!over_tls) over_tls = read->tls;
    if (read->tls != *over_tls)
        draft.diagnostics.error(at, "the targets of an upstream are partly https",
                                "the same scheme for all");
    if (read->path != upstream.path_prefix)
        draft.diagnostics.error(at, "the targets of an upstream have different paths",
                                "the same path for all, here " + quote(upstream.path_prefix));
    if (index_of(upstream.targets, &TargetPlan::label, read->target.label))
        draft.diagnostics.error(at, "target " + quote(read->target.label) + " is listed twice",
                                "one entry, with a weight");
    else
        upstream.targets.push_back(read->target);
}

// Whether they are https; nothing if that cannot be said.
std::optional<bool> read_targets(Fields& fields, Draft& draft, UpstreamPlan& upstream) {
    std::optional<bool> over_tls;
    const Node* const targets = fields.child("targets");
    if (targets == nullptr) {
        add_target(read_target_url(fields), fields.position(), draft, upstream, over_tls);
        return over_tls;
    }
    if (fields.has("url"))
        fields.mistake(targets->position, "an upstream with both url and targets", "one of them");
    const std::vector<Node>& items = items_of(targets, "targets", draft.diagnostics);
    if (targets->kind == Node::Kind::null || (targets->kind == Node::Kind::list && items.empty()))
        fields.mistake(targets->position, "targets is empty", "at least one target");
    if (items.size() > kMaxTargets)
        fields.mistake(items[kMaxTargets].position, "too many targets",
                       "at most " + std::to_string(kMaxTargets));
    for (const Node& item : items) {
        Fields entry(item, draft.diagnostics, "target");
        std::optional<TargetUrl> read = read_target_url(entry);
        const auto weight = read_unsigned<uint32_t>(entry, "weight", 1, 1, 1000);
        if (read) read->target.weight = weight;
        add_target(read, item.position, draft, upstream, over_tls);
    }
    return over_tls;
}

void read_protocol(Fields& fields, std::optional<bool> over_tls, Draft& draft,
                   UpstreamPlan& upstream) {
    using proxy::UpstreamProtocol;
    constexpr UpstreamProtocol kProtocols[] = {UpstreamProtocol::http1, UpstreamProtocol::http2,
                                               UpstreamProtocol::negotiate};
    upstream.protocol = kProtocols[fields.choice("protocol", {"http1", "http2", "auto"}, 0)];
    constexpr proxy::SendProxy kSend[] = {proxy::SendProxy::none, proxy::SendProxy::v1,
                                          proxy::SendProxy::v2};
    upstream.send_proxy = kSend[fields.choice("sendProxyProtocol", {"none", "v1", "v2"}, 0)];
    if (upstream.send_proxy != proxy::SendProxy::none &&
        upstream.protocol != UpstreamProtocol::http1)
        fields.mistake(fields.child("sendProxyProtocol")->position,
                       "sendProxyProtocol over HTTP/2: its connections are shared by clients",
                       "protocol: http1");
    read_http2(fields.child("http2"), draft, upstream);
    const Node* const tls = fields.child("tls");
    if (tls != nullptr && over_tls == false)
        fields.mistake(tls->position, "tls with an http url", "an https:// url");
    if (tls != nullptr || over_tls == true)
        read_client_tls(tls, fields.position(), draft, upstream);
}

void read_retries(const Node* node, Draft& draft, RetryPlan& retries) {
    Fields fields(or_empty(node), draft.diagnostics, "retries");
    retries.attempts = read_unsigned(fields, "attempts", retries.attempts, 0, 10);
    retries.budget_percent = read_unsigned(fields, "budgetPercent", retries.budget_percent, 0, 100);
    retries.budget_min_per_second =
        read_unsigned(fields, "budgetMinPerSecond", retries.budget_min_per_second, 0, 1'000'000);
    const Node* const on = fields.child("on");
    if (on == nullptr) return;
    const std::vector<std::pair<std::string_view, bool*>> causes = {
        {"connect-failure", &retries.on_connect_failure},
        {"reset", &retries.on_reset},
        {"502", &retries.on_502},
        {"503", &retries.on_503},
        {"504", &retries.on_504}};
    std::vector<std::string_view> names;
    for (const auto& [name, flag] : causes) {
        names.push_back(name);
        *flag = false;
    }
    for (const std::string& text : fields.texts("on")) {
        bool known = false;
        for (const auto& [name, flag] : causes)
            if (name == text) known = *flag = true;
        if (!known)
            draft.diagnostics.error(on->position, "unknown cause " + quote(text) + " in on",
                                    "connect-failure, reset, 502, 503 or 504",
                                    std::string(nearest_name(text, names)));
    }
}

void read_expected_status(Fields& fields, proxy::HealthCheckPlan& check) {
    const Node* const node = fields.child("expectStatus");
    if (node == nullptr) return;
    const std::string text = fields.text("expectStatus");
    const std::size_t dash = text.find('-');
    const auto status = [](std::string_view digits) -> uint16_t {
        const std::optional<uint64_t> number =
            digits.size() == 3 ? parse_u64(digits) : std::nullopt;
        return number && *number >= 100 && *number <= 599 ? static_cast<uint16_t>(*number) : 0;
    };
    const std::string_view view = text;
    check.expect_min = status(view.substr(0, dash));
    check.expect_max = dash == std::string::npos ? check.expect_min : status(view.substr(dash + 1));
    if (check.expect_min == 0 || check.expect_max < check.expect_min)
        fields.mistake(node->position, "expectStatus is " + quote(text),
                       "a status or range such as 200-299");
}

void read_check_path(Fields& fields, proxy::HealthCheckPlan& check) {
    check.path = fields.text("path", check.path);
    const bool good = check.path.starts_with('/') &&
                      std::none_of(check.path.begin(), check.path.end(),
                                   [](char c) { return c <= ' ' || c == '\x7f' || c == '#'; });
    if (!good)
        fields.mistake(fields.child("path")->position, "path is " + quote(check.path),
                       "a path such as /health");
}

// What is asked: a path, or the health service of gRPC.
void read_question(Fields& fields, const UpstreamPlan& upstream, proxy::HealthCheckPlan& check) {
    using proxy::HealthCheckType;
    constexpr HealthCheckType kTypes[] = {HealthCheckType::http, HealthCheckType::grpc,
                                          HealthCheckType::tcp};
    constexpr std::string_view kNames[] = {"http", "grpc", "tcp"};
    const std::size_t type = fields.choice("type", {"http", "grpc", "tcp"}, 0);
    check.type = kTypes[type];
    const auto without_use = [&](std::string_view key, std::string_view use) {
        if (const Node* const node = fields.child(key))
            fields.mistake(
                node->position,
                std::string(key) + " in a health check of type " + std::string(kNames[type]),
                std::string(use));
    };
    if (check.type != HealthCheckType::grpc) without_use("service", "type: grpc");
    if (check.type == HealthCheckType::http) {
        read_check_path(fields, check);
        read_expected_status(fields, check);
        return;
    }
    without_use("path", "type: http");
    without_use("expectStatus", "type: http");
    if (check.type == HealthCheckType::tcp) return;
    check.grpc_service = fields.text("service");
    const bool plain_auto =
        upstream.protocol == proxy::UpstreamProtocol::negotiate && upstream.tls_key.empty();
    if (upstream.protocol == proxy::UpstreamProtocol::http1 || plain_auto)
        fields.mistake(fields.child("type")->position,
                       "a gRPC health check of an upstream that does not speak HTTP/2",
                       "protocol: http2");
}

void read_health_check(const Node* node, Draft& draft, UpstreamPlan& upstream) {
    if (node == nullptr) return;
    proxy::HealthCheckPlan check;
    Fields fields(*node, draft.diagnostics, "healthCheck");
    read_question(fields, upstream, check);
    check.interval_ms = read_ms(fields, "intervalMs", check.interval_ms);
    check.timeout_ms = read_ms(fields, "timeoutMs", check.timeout_ms);
    check.healthy_threshold =
        read_unsigned(fields, "healthyThreshold", check.healthy_threshold, 1, 100);
    check.unhealthy_threshold =
        read_unsigned(fields, "unhealthyThreshold", check.unhealthy_threshold, 1, 100);
    upstream.health_check = check;
}

void read_outlier(const Node* node, Draft& draft, UpstreamPlan& upstream) {
    if (node == nullptr) return;
    proxy::OutlierPlan outlier;
    Fields fields(*node, draft.diagnostics, "outlier");
    outlier.consecutive_failures =
        read_unsigned(fields, "consecutiveFailures", outlier.consecutive_failures, 1, 1'000'000);
    outlier.eject_ms = read_ms(fields, "ejectMs", outlier.eject_ms);
    outlier.max_ejected_percent =
        read_unsigned(fields, "maxEjectedPercent", outlier.max_ejected_percent, 0, 100);
    upstream.outlier = outlier;
}

void read_thresholds(const Node* node, Draft& draft, proxy::ThresholdPlan& thresholds) {
    if (node == nullptr) return;
    Fields fields(*node, draft.diagnostics, "thresholds");
    const auto read = [&](std::string_view key, std::optional<uint32_t>& limit) {
        if (fields.has(key)) limit = read_unsigned<uint32_t>(fields, key, 0, 0, 1'000'000'000);
    };
    read("maxConnections", thresholds.connections);
    read("maxPendingRequests", thresholds.pending);
    read("maxRequests", thresholds.requests);
    read("maxRetries", thresholds.retries);
    if (const Node* const pools = fields.child("maxConnectionPools"))
        draft.diagnostics.warning(pools->position,
                                  "maxConnectionPools has no effect: there is one "
                                  "pool for each target and worker");
}

// Everything but the name, which the caller knows or derives.
void read_settings(Fields& fields, Draft& draft, UpstreamPlan& upstream) {
    const std::optional<bool> over_tls = read_targets(fields, draft, upstream);
    read_protocol(fields, over_tls, draft, upstream);
    upstream.balance = fields.choice("balance", {"round-robin", "least-request"}, 0) == 0
                           ? proxy::Balance::round_robin
                           : proxy::Balance::least_request;
    upstream.response_timeout_ms = read_ms(fields, "timeoutMs", upstream.response_timeout_ms);
    upstream.connect_timeout_ms = read_ms(fields, "connectTimeoutMs", upstream.connect_timeout_ms);
    upstream.stream_idle_timeout_ms =
        read_ms(fields, "streamIdleTimeoutMs", upstream.stream_idle_timeout_ms, 24 * kHourMs);
    upstream.pool_idle_timeout_ms =
        read_ms(fields, "poolIdleTimeoutMs", upstream.pool_idle_timeout_ms, 24 * kHourMs);
    upstream.max_connections =
        read_unsigned(fields, "maxConnections", upstream.max_connections, 1, 1'000'000);
    upstream.preserve_host = fields.choice("hostHeader", {"upstream", "preserve"}, 0) == 1;
    read_retries(fields.child("retries"), draft, upstream.retries);
    read_health_check(fields.child("healthCheck"), draft, upstream);
    read_outlier(fields.child("outlier"), draft, upstream);
    read_thresholds(fields.child("thresholds"), draft, upstream.thresholds);
    Fields dns(or_empty(fields.child("dns")), draft.diagnostics, "dns");
    upstream.dns_refresh_ms = read_ms(dns, "refreshMs", upstream.dns_refresh_ms, 24 * kHourMs);
}

bool same_targets(const UpstreamPlan& a, const UpstreamPlan& b) {
    return std::equal(a.targets.begin(), a.targets.end(), b.targets.begin(), b.targets.end(),
                      [](const TargetPlan& x, const TargetPlan& y) {
                          return x.label == y.label && x.weight == y.weight;
                      });
}

bool same_settings(const UpstreamPlan& a, const UpstreamPlan& b) {
    return same_targets(a, b) && a.path_prefix == b.path_prefix && a.balance == b.balance &&
           a.response_timeout_ms == b.response_timeout_ms &&
           a.connect_timeout_ms == b.connect_timeout_ms &&
           a.stream_idle_timeout_ms == b.stream_idle_timeout_ms &&
           a.pool_idle_timeout_ms == b.pool_idle_timeout_ms &&
           a.max_connections == b.max_connections && a.preserve_host == b.preserve_host &&
           a.protocol == b.protocol && a.send_proxy == b.send_proxy && same_http2(a, b) &&
           a.tls_key == b.tls_key && a.dns_refresh_ms == b.dns_refresh_ms &&
           a.retries == b.retries && a.health_check == b.health_check && a.outlier == b.outlier &&
           a.thresholds == b.thresholds;
}

// Connections made under one of these are not to be used under another.
std::string protocol_key(const UpstreamPlan& upstream) {
    constexpr std::string_view kProtocols[] = {"", "|http2", "|auto"};
    constexpr std::string_view kSend[] = {"", "|proxy v1", "|proxy v2"};
    std::string key(kProtocols[static_cast<std::size_t>(upstream.protocol)]);
    key += kSend[static_cast<std::size_t>(upstream.send_proxy)];
    if (!upstream.tls_key.empty()) key += "|tls " + upstream.tls_key;
    return key;
}

std::string question_key(const proxy::HealthCheckPlan& check) {
    switch (check.type) {
        case proxy::HealthCheckType::http:
            break;
        case proxy::HealthCheckType::grpc:
            return "grpc " + check.grpc_service;
        case proxy::HealthCheckType::tcp:
            return "tcp";
    }
    return check.path;
}

// Pools and health live on under an equal key: the same targets in the same order, and nobody left
// to heal a target that a health check, since removed, has declared dead.
std::string state_key(const UpstreamPlan& upstream) {
    std::string key = upstream.name;
    for (const TargetPlan& target : upstream.targets) key += "|" + target.label;
    if (upstream.health_check) key += "|checked " + question_key(*upstream.health_check);
    if (upstream.thresholds.any()) key += "|counted";  // from its first connection on
    key += protocol_key(upstream);
    return key;
}

uint32_t add_upstream(UpstreamPlan&& upstream, const Position& at, Draft& draft) {
    upstream.state_key = state_key(upstream);
    if (upstream.tls && upstream.tls->certificate())
        note_expiry(*upstream.tls->certificate(), {}, upstream.name, draft);
    model::UpstreamName name{upstream.name, {}};
    for (const TargetPlan& target : upstream.targets) name.targets.push_back(target.label);
    draft.names.upstreams.push_back(std::move(name));
    draft.plan.upstreams.push_back(std::move(upstream));
    draft.upstream_at.push_back(at);
    draft.upstream_used.push_back(0);
    return static_cast<uint32_t>(draft.plan.upstreams.size() - 1);
}

// Identical inline upstreams are one: one pool, one health, one label.
uint32_t share_inline_upstream(UpstreamPlan&& upstream, const Position& at, Draft& draft) {
    std::vector<UpstreamPlan>& known = draft.plan.upstreams;
    for (std::size_t i = draft.named_upstreams; i < known.size(); ++i)
        if (same_settings(known[i], upstream)) return static_cast<uint32_t>(i);
    const std::string base = upstream.targets[0].label;
    upstream.name = base;
    for (int n = 2; index_of(known, &UpstreamPlan::name, upstream.name); ++n)
        upstream.name = base + "#" + std::to_string(n);
    return add_upstream(std::move(upstream), at, draft);
}

}  // namespace

void compile_upstreams(const Node* upstreams, Draft& draft) {
    for (const Node& item : items_of(upstreams, "upstreams", draft.diagnostics)) {
        UpstreamPlan upstream;
        Fields fields(item, draft.diagnostics, "upstream");
        const std::string name = read_name(fields, "name", {});
        read_settings(fields, draft, upstream);
        if (name.empty() && !fields.has("name") && upstream.targets.empty()) continue;
        upstream.name =
            name.empty() && !upstream.targets.empty() ? upstream.targets[0].label : name;
        if (const auto before = index_of(draft.plan.upstreams, &UpstreamPlan::name, upstream.name))
            draft.diagnostics.error(item.position, "upstream " + quote(upstream.name) +
                                                       " is defined twice, first in " +
                                                       place(draft.upstream_at[*before]));
        add_upstream(std::move(upstream), item.position, draft);
    }
    draft.named_upstreams = draft.plan.upstreams.size();
}

std::optional<uint32_t> resolve_upstream(const Node& node, Draft& draft) {
    if (node.kind == Node::Kind::map) {
        UpstreamPlan upstream;
        Fields fields(node, draft.diagnostics, "upstream");
        read_settings(fields, draft, upstream);
        if (upstream.targets.empty()) return std::nullopt;  // reported
        const uint32_t index = share_inline_upstream(std::move(upstream), node.position, draft);
        draft.upstream_used[index] = 1;
        return index;
    }
    if (node.kind != Node::Kind::scalar) {
        draft.diagnostics.error(node.position, "upstream is neither a name nor a map",
                                "the name of an upstream, or {url: ...}");
        return std::nullopt;
    }
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < draft.named_upstreams; ++i) {
        names.push_back(draft.plan.upstreams[i].name);
        if (names.back() != node.scalar) continue;
        draft.upstream_used[i] = 1;
        return static_cast<uint32_t>(i);
    }
    const bool is_url = node.scalar.find("://") != std::string::npos;
    draft.diagnostics.error(node.position, "unknown upstream " + quote(node.scalar),
                            is_url ? "{url: " + quote(node.scalar) + "}"
                                   : "the name of one of spec.upstreams, or {url: ...}",
                            std::string(nearest_name(node.scalar, names)));
    return std::nullopt;
}

}  // namespace glassgate::config
