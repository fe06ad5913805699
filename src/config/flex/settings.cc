#include "config/flex/settings.h"

#include <map>

namespace glassgate::config::flex {
namespace {

constexpr int64_t kDaySeconds = 86'400;

struct Context {
    const Document& document;
    Settings& settings;
    const Documents& documents;
    Diagnostics& diagnostics;
};

void seconds(Fields& fields, std::string_view key, uint64_t& ms) {
    if (fields.has(key)) ms = static_cast<uint64_t>(fields.integer(key, 1, 1, kDaySeconds)) * 1000;
}

void read_timeouts(const Node& node, Context& context) {
    Fields fields(node, context.diagnostics, "timeouts");
    seconds(fields, "upstreamConnectionIdleSeconds", context.settings.pool_idle_ms);
    seconds(fields, "upstreamResponseSeconds", context.settings.response_ms);
    seconds(fields, "streamIdleSeconds", context.settings.stream_idle_ms);
}

void read_proxy_protocol(const Node& node, Context& context) {
    Fields fields(node, context.diagnostics, "proxyProtocol");
    if (fields.boolean("enabled", false)) context.settings.proxy_protocol = node.position;
}

void read_probe(const Node& node, Context& context) {
    Fields fields(node, context.diagnostics, "probe");
    ProbeSetting probe;
    const bool enabled = fields.boolean("enabled", false);
    probe.port = read_unsigned(fields, "port", probe.port, 1, 65535);
    const Node* const port = fields.child("port");
    context.settings.probe_at = port != nullptr ? port->position : node.position;
    if (enabled) context.settings.probe = probe;
}

void read_circuit_breaker(const Node& node, Context& context) {
    Fields fields(node, context.diagnostics, "circuitBreaker");
    context.settings.thresholds = fields.require("thresholds");
}

// Counted here; the values are those of the gateway's process, not of a plan.
void read_resource_limits(const Node& node, Context& context) {
    Fields fields(node, context.diagnostics, "resourceLimits");
    const auto check = [&](std::string_view key, Kind kind, std::string_view what) {
        const auto limit =
            static_cast<std::size_t>(fields.integer(key, 1'000'000'000, 0, 1'000'000'000));
        std::size_t count = 0;
        for (const Document& document : context.documents.all()) count += document.kind == kind;
        if (count > limit)
            context.diagnostics.error(fields.child(key)->position,
                                      std::to_string(count) + " " + std::string(what) +
                                          " are more than resourceLimits." + std::string(key));
    };
    check("apiInstances", Kind::api_instance, "APIs");
    check("policies", Kind::policy_binding, "policy bindings");
}

void unsupported(const Node& node, Context& context, std::string_view key,
                 const std::string& instead) {
    context.diagnostics.error(node.position, std::string(key) + " is not supported yet", instead);
}

void read_shared_storage(const Node& node, Context& context) {
    context.diagnostics.warning(
        node.position,
        "sharedStorage is not used: rate limits count in each gateway for itself, not together",
        "limits divided by the number of gateways");
}

void read_default_tls(const Node& node, Context& context) {
    context.diagnostics.warning(node.position,
                                "defaultTLS has no effect: no policy calls out with settings of "
                                "its own",
                                "trustedCa where a policy names a URL");
}

void read_registration(const Node& node, Context& context) {
    context.diagnostics.warning(node.position,
                                "platformConnection is not used: this gateway needs no "
                                "registration and reports to no platform");
}

void read_internal_metrics(const Node& node, Context& context) {
    context.diagnostics.warning(
        node.position, "internalMetrics has no effect: metrics are served at :9090/metrics",
        "telemetry.metrics of a Gateway document");
}

struct SubKey {
    std::string_view name;
    bool beta;
    void (*read)(const Node&, Context&);
};
constexpr SubKey kSubKeys[] = {
    {"logging", false, [](const Node&, Context& c) { c.settings.logging = &c.document; }},
    {"sharedStorage", false, &read_shared_storage},
    {"forwardProxy", false,
     [](const Node& n, Context& c) {
         unsupported(n, c, "forwardProxy",
                     "upstreams that can be reached directly: requests would go around the proxy");
     }},
    {"defaultTLS", false, &read_default_tls},
    {"timeouts", false, &read_timeouts},
    {"probe", false, &read_probe},
    {"proxyProtocol", false, &read_proxy_protocol},
    {"resourceLimits", false, &read_resource_limits},
    {"platformConnection", false, &read_registration},
    {"internalMetrics", false, &read_internal_metrics},
    {"circuitBreaker", true, &read_circuit_breaker},
    {"tracing", true, [](const Node&, Context& c) { c.settings.tracing = &c.document; }},
};

const SubKey* find_sub_key(std::string_view name) {
    for (const SubKey& key : kSubKeys)
        if (key.name == name) return &key;
    return nullptr;
}

using FirstUses = std::map<std::string_view, Position>;

void read_configuration(const Document& document, FirstUses& uses, Context& context) {
    const Node& spec = *document.spec;
    Diagnostics& diagnostics = context.diagnostics;
    std::vector<std::string_view> names;
    for (const SubKey& key : kSubKeys) names.push_back(key.name);
    if (spec.kind == Node::Kind::map && spec.entries.size() != 1)
        diagnostics.error(spec.position,
                          "a Configuration with " + std::to_string(spec.entries.size()) + " keys",
                          "exactly one of them; one document each");
    for (std::size_t i = 0; i < spec.entries.size(); ++i) {
        const auto& [name, value] = spec.entries[i];
        const Position& at = spec.key_positions[i];
        const SubKey* const key = find_sub_key(name);
        if (key == nullptr) {
            diagnostics.error(at, "unknown key " + quote(name) + " in a Configuration",
                              "logging, tracing, timeouts, circuitBreaker, probe, ...",
                              std::string(nearest_name(name, names)));
            continue;
        }
        const auto [first, fresh] = uses.emplace(key->name, at);
        if (!fresh) {
            diagnostics.error(at, name + " is configured twice, first in " + place(first->second));
            continue;
        }
        if (key->beta && !document.beta)
            diagnostics.warning(at, name +
                                        " belongs to apiVersion gateway.mulesoft.com/v1beta1; "
                                        "Flex Gateway would not read it here");
        key->read(value, context);
    }
}

}  // namespace

Settings read_settings(const Documents& documents, const Environment& environment,
                       Diagnostics& diagnostics) {
    Settings settings;
    read_variables(environment, settings, diagnostics);
    FirstUses uses;
    for (const Document& document : documents.all()) {
        if (document.kind != Kind::configuration) continue;
        Context context{document, settings, documents, diagnostics};
        read_configuration(document, uses, context);
    }
    return settings;
}

}  // namespace glassgate::config::flex
