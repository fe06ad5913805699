// Configuration logging and tracing -> the telemetry section.
#include "base/text.h"
#include "config/duration.h"
#include "config/flex/nodes.h"
#include "config/flex/site.h"
#include "config/url.h"

namespace glassgate::config::flex {
namespace {

struct Output {
    std::string name;
    Node node;  // as an output of telemetry.logging; no entries: mistaken
    Position at;
    bool used = false;
};

// Fluent Bit's output `file`: path is a folder, file a name in it.
Node file_output(Fields& parameters, const Position& at) {
    Node out = map_at(at);
    put(out, "type", scalar_at("file", at));
    const std::string folder = parameters.text("path");
    const std::string name = parameters.text("file");
    (void)parameters.has("mkdir");
    std::string path = folder.empty() || name.starts_with('/') ? name : folder + "/" + name;
    if (name.empty()) {
        parameters.mistake(at, "a file output without a file", "file: /var/log/gateway.log");
        return map_at(at);
    }
    const Node* const file = parameters.child("file");
    put(out, "path", scalar_at(std::move(path), file != nullptr ? file->position : at));
    return out;
}

// The form of lines is one for all outputs here.
void check_format(Fields& parameters) {
    const Node* const format = parameters.child("format");
    const std::string text = parameters.text("format", "json_lines");
    const bool json = text == "json_lines" || text == "json" || text == "json_stream";
    const Node* const shape = parameters.child("template");
    if (format != nullptr && !json)
        parameters.diagnostics().warning(format->position,
                                         "format " + quote(text) + " is not used: lines are JSON",
                                         "format: json_lines, or telemetry.logging of a Gateway "
                                         "document");
    else if (shape != nullptr)
        parameters.diagnostics().warning(shape->position, "template is not used: lines are JSON");
}

Output read_output(const Node& item, Diagnostics& diagnostics) {
    Output out;
    out.at = item.position;
    Fields fields(item, diagnostics, "an output");
    (void)fields.require("name");
    out.name = read_name(fields, "name", {});
    const Node* const type = fields.require("type");
    const std::string kind = fields.text("type");
    const Node* const parameters = fields.child("parameters");
    if (type == nullptr) return out;
    if (kind != "stdout" && kind != "file") {
        diagnostics.error(type->position, "output type " + quote(kind) + " is not supported yet",
                          "stdout or file; others can read that file",
                          std::string(nearest_name(kind, {"stdout", "file"})));
        return out;
    }
    Fields given(or_empty(parameters), diagnostics, "parameters of " + kind);
    check_format(given);
    if (kind == "file") {
        out.node = file_output(given, item.position);
    } else {
        out.node = map_at(item.position);
        put(out.node, "type", scalar_at("stdout", type->position));
    }
    return out;
}

// Marks those a section names.
void use_outputs(Fields& section, std::vector<Output>& outputs, Diagnostics& diagnostics) {
    each_text(
        section, "outputs",
        [&](const std::string& name, const Position& at) {
            std::vector<std::string_view> names;
            for (Output& output : outputs) {
                names.push_back(output.name);
                if (output.name != name) continue;
                output.used = true;
                return;
            }
            // "anypoint": to the platform, or `disabled`
            diagnostics.error(at, "unknown output " + quote(name), "the name of one of outputs",
                              std::string(nearest_name(name, names)));
        },
        "the name of an output");
}

// `outputs: {anypoint: disabled}` switches off what is never done here.
bool is_platform_switch(const Node& node) {
    return node.kind == Node::Kind::map && node.entries.size() == 1 &&
           node.entries[0].first == "anypoint";
}

std::string level_of(Fields& fields) {
    constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error", "error"};
    return std::string(
        kLevels[fields.choice("logLevel", {"debug", "info", "warn", "error", "fatal"}, 1)]);
}

Node logging_node(const Node& node, const Settings& settings, Diagnostics& diagnostics) {
    Node out = map_at(node.position);
    Fields fields(node, diagnostics, "logging");
    std::vector<Output> outputs;
    const Node* const list = fields.child("outputs");
    if (list != nullptr && !is_platform_switch(*list))
        for (const Node& item : items_of(list, "outputs", diagnostics))
            outputs.push_back(read_output(item, diagnostics));
    Fields runtime(or_empty(fields.child("runtimeLogs")), diagnostics, "runtimeLogs");
    Fields access(or_empty(fields.child("accessLogs")), diagnostics, "accessLogs");
    use_outputs(runtime, outputs, diagnostics);
    use_outputs(access, outputs, diagnostics);
    std::string level = settings.log_level;
    if (const Node* const written = runtime.child("logLevel"); written != nullptr)
        level = level_of(runtime);
    if (!level.empty()) put(out, "level", scalar_at(level, node.position));
    Node used = list_at(node.position);
    for (Output& output : outputs) {
        if (!output.used)
            diagnostics.warning(output.at, "output " + quote(output.name) + " is not used",
                                "its name in runtimeLogs.outputs or accessLogs.outputs");
        else if (!output.node.entries.empty())
            used.items.push_back(std::move(output.node));
    }
    if (!used.items.empty()) put(out, "outputs", std::move(used));
    return out;
}

// ---- tracing ----

// h2://jaeger:4317 is gRPC, http://host:4318 with tracesUri OTLP over HTTP.
void put_endpoint(Fields& properties, Node& out, Diagnostics& diagnostics) {
    const Node* const address = properties.require("address");
    const std::size_t type = properties.choice("serviceType", {"grpc", "http"}, 0);
    std::string uri = properties.text("tracesUri", type == 0 ? "" : "/v1/traces");
    if (address == nullptr || address->kind != Node::Kind::scalar) return;
    std::string text = address->scalar;
    const bool h2 = text.starts_with("h2://");
    if (h2) text = "http://" + text.substr(5);
    const Result<Url> url = parse_url(text);
    if (!url) {
        diagnostics.error(address->position,
                          "address " + quote(address->scalar) + " " + url.error().message,
                          "h2://jaeger:4317 or http://jaeger:4318");
        return;
    }
    if (h2 && type == 1)
        properties.mistake(address->position, "an h2 address with serviceType http",
                           "serviceType: grpc, or an http:// address");
    if (type == 0 && !uri.empty())
        properties.mistake(properties.child("tracesUri")->position, "tracesUri with gRPC",
                           "serviceType: http");
    if (type == 1) {
        while (text.ends_with('/')) text.pop_back();
        text += (uri.starts_with('/') ? "" : "/") + uri;
    }
    put(out, "endpoint", scalar_at(text, address->position));
    put(out, "protocol", scalar_at(type == 0 ? "grpc" : "http", address->position));
}

void copy(Fields& from, std::string_view key, Node& out) {
    if (const Node* const node = from.child(key)) put(out, key, *node);
}

void put_provider(const Node& node, Node& out, Diagnostics& diagnostics) {
    Fields provider(node, diagnostics, "provider");
    const Node* const type = provider.require("type");
    const std::string kind = provider.text("type");
    const Node* const given = provider.child("properties");
    if (type == nullptr) return;
    if (kind != "opentelemetry") {
        diagnostics.error(type->position, "tracing provider " + quote(kind) + " is not supported",
                          "opentelemetry", std::string(nearest_name(kind, {"opentelemetry"})));
        return;
    }
    Fields properties(or_empty(given), diagnostics, "properties of opentelemetry");
    put_endpoint(properties, out, diagnostics);
    copy(properties, "serviceName", out);
    copy(properties, "resourceAttributes", out);
    if (const Node* const headers = properties.child("httpHeaders")) put(out, "headers", *headers);
    if (const Node* const timeout = properties.child("timeout")) {
        const auto ms = parse_duration_ms(properties.text("timeout"));
        if (ms)
            put(out, "timeoutMs", number_at(*ms, timeout->position));
        else
            properties.mistake(timeout->position, "timeout is " + quote(timeout->scalar),
                               "a duration such as 10s");
    }
}

Node tracing_node(const Node& node, Draft& draft) {
    Diagnostics& diagnostics = draft.diagnostics;
    Node out = map_at(node.position);
    Fields fields(node, diagnostics, "tracing");
    if (const Node* const provider = fields.require("provider"))
        put_provider(*provider, out, diagnostics);
    Fields sampling(or_empty(fields.child("sampling")), diagnostics, "sampling");
    const auto share = [&](std::string_view key) {
        return sampling.number(key, 100, 0, 100) / 100;
    };
    proxy::TracePlan& trace = draft.plan.trace;
    trace.client_rate = share("client");
    trace.overall_rate = share("overall");
    const Node* const random = sampling.child("random");
    std::string rate = std::to_string(share("random"));
    put(out, "sampleRate",
        scalar_at(std::move(rate), random != nullptr ? random->position : node.position));
    (void)fields.has("labels");  // see finish()
    return out;
}

// The section a Gateway document has may not be configured a second time.
void add_section(std::string_view key, const Document* document, Node&& section, Node& telemetry,
                 Diagnostics& diagnostics) {
    if (const Node* const native = telemetry.find(key)) {
        diagnostics.error(
            document->at,
            std::string(key) + " is configured twice, first in " + place(native->position),
            "once, in the Gateway document or in a Configuration");
        return;
    }
    put(telemetry, key, std::move(section));
}

void check_probe_port(const ProbeSetting& probe, const Position& at, Draft& draft) {
    for (const proxy::ListenerPlan& listener : draft.plan.listeners)
        if (listener.port == probe.port)
            draft.diagnostics.error(at,
                                    "the probe's port " + std::to_string(probe.port) +
                                        " is the port of listener " + quote(listener.name),
                                    "another port");
    if (draft.telemetry.metrics.port == probe.port)
        draft.diagnostics.error(at, "the probe's port is the metrics port", "another port");
}

telemetry::SpanLabel read_label(const Node& item, const Environment& environment, Draft& draft) {
    telemetry::SpanLabel label;
    Fields fields(item, draft.diagnostics, "a label");
    (void)fields.require("name");
    label.name = read_name(fields, "name", {});
    const std::size_t type = fields.choice("type", {"literal", "environment", "requestHeader"}, 0);
    const Node* const key = fields.require("keyName");
    const std::string name = fields.text("keyName");
    const std::string fallback = fields.text("defaultValue");
    if (key == nullptr) return label;
    label.text = fallback;
    if (type == 0) label.text = name;
    if (type == 1) label.text = environment(name).value_or(fallback);
    if (type != 2) return label;
    label.header = name;
    std::transform(label.header.begin(), label.header.end(), label.header.begin(), to_lower);
    if (!draft.names.captured.add("request.headers." + label.header))
        fields.mistake(key->position, "no room for header " + quote(name),
                       "at most " + std::to_string(model::kMaxCaptures) +
                           " different headers and claims in fields and labels");
    return label;
}

}  // namespace

void Site::finish(const Environment& environment, Draft& draft) const {
    draft.probe = settings_.probe;
    if (settings_.probe) check_probe_port(*settings_.probe, settings_.probe_at, draft);
    if (settings_.tracing == nullptr) return;
    const Node* const labels = settings_.tracing->spec->find("tracing")->find("labels");
    for (const Node& item : items_of(labels, "labels", draft.diagnostics))
        draft.telemetry.tracing.labels.push_back(read_label(item, environment, draft));
}

Node Site::telemetry(const Node* native, Draft& draft) const {
    Node out = native != nullptr ? *native : Node();
    const bool more = settings_.logging != nullptr || settings_.tracing != nullptr ||
                      !settings_.log_level.empty();
    if (!more) return out;
    if (out.kind == Node::Kind::null) out = map_at(out.position);
    if (settings_.logging != nullptr)
        add_section(
            "logging", settings_.logging,
            logging_node(*settings_.logging->spec->find("logging"), settings_, draft.diagnostics),
            out, draft.diagnostics);
    else if (!settings_.log_level.empty() && out.find("logging") == nullptr) {
        Node logging = map_at(out.position);
        put(logging, "level", scalar_at(settings_.log_level, out.position));
        put(out, "logging", std::move(logging));
    }
    if (settings_.tracing != nullptr)
        add_section("tracing", settings_.tracing,
                    tracing_node(*settings_.tracing->spec->find("tracing"), draft), out,
                    draft.diagnostics);
    return out;
}

}  // namespace glassgate::config::flex
