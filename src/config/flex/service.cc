#include "config/flex/service.h"

#include "config/flex/nodes.h"
#include "config/flex/tls_policies.h"
#include "config/url.h"

namespace glassgate::config::flex {
namespace {

constexpr std::string_view kExample = "an address such as http://products:3000";
constexpr int64_t kDaySeconds = 86'400;

struct Address {
    std::string url;
    bool over_tls = false;
    bool http2 = false;
};

std::optional<Address> read_address(const Node* node, const Position& at,
                                    Diagnostics& diagnostics) {
    const auto wrong = [&](const std::string& message) {
        diagnostics.error(node != nullptr ? node->position : at, message, std::string(kExample));
        return std::nullopt;
    };
    if (node == nullptr) return wrong("a service without an address");
    if (node->kind != Node::Kind::scalar) return wrong("address is not a text");
    const std::string& text = node->scalar;
    const Result<Url> url = parse_url(text);
    if (!url) return wrong("address " + quote(text) + " " + url.error().message);
    if (url->scheme != "http" && url->scheme != "https" && url->scheme != "h2")
        return wrong("address " + quote(text) + " is neither http, https nor h2");
    Address out;
    out.over_tls = url->scheme == "https";
    out.http2 = url->scheme == "h2";
    out.url = out.http2 ? "http" + text.substr(text.find("://")) : text;
    return out;
}

// The setting of a policy that has one: `timeout`, in seconds.
void put_timeout(const Binding& binding, std::string_view key, int64_t most, Node& upstream,
                 Diagnostics& diagnostics) {
    Fields fields(*binding.config, diagnostics, "config of " + std::string(binding.policy->name));
    const Node* const timeout = fields.require("timeout");
    const auto seconds = static_cast<uint64_t>(fields.integer("timeout", 1, 1, most));
    if (timeout != nullptr) put(upstream, key, number_at(seconds * 1000, timeout->position));
}

// Settings come from policies first; what those leave open is filled in afterwards.
void put_policy(const Binding& binding, const Address& address, const Documents& documents,
                Node& upstream, Diagnostics& diagnostics) {
    if (binding.rules != nullptr && binding.policy->role == PolicyRole::service)
        diagnostics.error(binding.rules->position,
                          "rules of policy " + quote(binding.policy->name) +
                              ", which is a setting of its Service",
                          "no rules");
    if (binding.policy->role == PolicyRole::tls_outbound) {
        if (!address.over_tls)
            diagnostics.error(binding.at,
                              "policy tls-outbound on a Service whose address is not "
                              "https",
                              "address: https://...");
        OutboundTls outbound = upstream_tls(binding, documents, diagnostics);
        if (!outbound.protocol.empty())
            put(upstream, "protocol", scalar_at(outbound.protocol, binding.at));
        if (address.over_tls) put(upstream, "tls", std::move(outbound.tls));
    } else if (binding.policy->name == "circuit-breaker") {
        Fields fields(*binding.config, diagnostics, "config of circuit-breaker");
        if (const Node* const thresholds = fields.require("thresholds"))
            put(upstream, "thresholds", *thresholds);
    } else if (binding.policy->name == "response-timeout") {
        put_timeout(binding, "timeoutMs", 3600, upstream, diagnostics);
    } else if (binding.policy->name == "stream-idle-timeout") {
        put_timeout(binding, "streamIdleTimeoutMs", kDaySeconds, upstream, diagnostics);
    } else if (binding.policy->name == "idle-timeout") {
        put_timeout(binding, "poolIdleTimeoutMs", kDaySeconds, upstream, diagnostics);
    }
}

void put_default(Node& upstream, std::string_view key, Node value) {
    if (upstream.find(key) == nullptr) put(upstream, key, std::move(value));
}

}  // namespace

Node upstream_node(const std::string& name, const Position& at, const Node* address,
                   const std::vector<const Binding*>& bindings, const Documents& documents,
                   const Settings& settings, Diagnostics& diagnostics) {
    Node out = map_at(at);
    put(out, "name", scalar_at(name, at));
    const std::optional<Address> read = read_address(address, at, diagnostics);
    if (read) put(out, "url", scalar_at(read->url, address->position));
    const PolicyName* seen[8] = {};
    std::size_t count = 0;
    for (const Binding* const binding : bindings) {
        const bool twice = std::find(seen, seen + count, binding->policy) != seen + count;
        if (twice) {
            diagnostics.error(binding->at, "policy " + quote(binding->policy->name) +
                                               " is bound to service " + quote(name) + " twice");
            continue;
        }
        if (count < std::size(seen)) seen[count++] = binding->policy;
        put_policy(*binding, read.value_or(Address{}), documents, out, diagnostics);
    }
    if (read && read->http2) put_default(out, "protocol", scalar_at("http2", at));
    put_default(out, "timeoutMs", number_at(settings.response_ms, at));
    put_default(out, "streamIdleTimeoutMs", number_at(settings.stream_idle_ms, at));
    put_default(out, "poolIdleTimeoutMs", number_at(settings.pool_idle_ms, at));
    if (settings.thresholds != nullptr) put_default(out, "thresholds", *settings.thresholds);
    put_default(out, "hostHeader", scalar_at(settings.rewrite_host ? "upstream" : "preserve", at));
    Node dns = map_at(at);
    put(dns, "refreshMs", number_at(settings.dns_refresh_ms, at));
    put_default(out, "dns", std::move(dns));
    return out;
}

}  // namespace glassgate::config::flex
