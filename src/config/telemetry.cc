// spec.telemetry -> telemetry::Settings, TracePlan, and the fields to capture.
#include "config/draft.h"
#include "config/url.h"
#include "io/socket.h"
#include "telemetry/project/span.h"
#include "telemetry/sinks/otlp_target.h"

namespace glassgate::config {
namespace {

using model::Field;
using telemetry::LoggingSettings;
using telemetry::LogOutput;
using telemetry::LogOutputKind;
using telemetry::MetricsSettings;
using telemetry::OtlpProtocol;
using telemetry::TracingSettings;

constexpr uint64_t kMinQueueBytes = 64 * 1024, kMaxQueueBytes = uint64_t{1} << 30;

constexpr std::string_view kDefaultFields[] = {
    "request.id",      "request.timestamp",     "request.method",
    "request.path",    "response.status",       "response.duration_ms",
    "response.ending", "response.origin",       "route.id",
    "client.id",       "request.remoteAddress", "upstream.address"};

// What metrics, events and the console need whatever the log shows.
constexpr Field kAlwaysCaptured[] = {Field::request_id,       Field::request_method,
                                     Field::request_path,     Field::request_remote_address,
                                     Field::client_id,        Field::client_name,
                                     Field::route_id,         Field::route_path,
                                     Field::response_status,  Field::response_ending,
                                     Field::response_origin,  Field::upstream_name,
                                     Field::upstream_address, Field::upstream_attempts};

std::string wildcard(const std::string& address) {
    return address == "*" || address == "::" ? "0.0.0.0" : address;
}

void check_metrics_port(const MetricsSettings& metrics, const Position& at, Draft& draft) {
    if (!metrics.enabled || metrics.port == 0) return;
    for (const proxy::ListenerPlan& listener : draft.plan.listeners) {
        const std::string a = wildcard(listener.address), b = wildcard(metrics.address);
        const bool overlap = a == b || a == "0.0.0.0" || b == "0.0.0.0";
        if (listener.port == metrics.port && overlap)
            draft.diagnostics.error(at,
                                    "the metrics port " + std::to_string(metrics.port) +
                                        " is the port of listener " + quote(listener.name),
                                    "another port");
    }
}

void read_metrics(const Node* node, Draft& draft) {
    MetricsSettings& metrics = draft.telemetry.metrics;
    Fields fields(or_empty(node), draft.diagnostics, "metrics");
    metrics.enabled = fields.boolean("enabled", metrics.enabled);
    metrics.address = fields.text("address", metrics.address);
    const Node* const address = fields.child("address");
    sockaddr_storage ignored{};
    const bool numeric = metrics.address == "*" || io::parse_address(metrics.address, 0, ignored);
    if (address != nullptr && address->kind == Node::Kind::scalar && !numeric)
        fields.mistake(address->position, "address is " + quote(metrics.address),
                       "a numeric address such as 127.0.0.1, or * for all");
    metrics.port = read_unsigned(fields, "port", metrics.port, 0, 65535);
    metrics.path = fields.text("path", metrics.path);
    if (!metrics.path.starts_with('/') ||
        metrics.path.find_first_of("?# \t\r\n") != std::string::npos)
        fields.mistake(fields.child("path")->position, "path is " + quote(metrics.path),
                       "a path such as /metrics");
    if (metrics.path == "/healthz" || metrics.path == "/readyz")
        fields.mistake(fields.child("path")->position, "path " + quote(metrics.path) + " is taken",
                       "another path, such as /metrics");
    const Node* const port = fields.child("port");
    check_metrics_port(metrics, port != nullptr ? port->position : fields.position(), draft);
}

// 4317 is OTLP/gRPC; 4318, and anything with a path, is OTLP/HTTP.
OtlpProtocol protocol_of(const std::string& endpoint) {
    const Result<Url> url = parse_url(endpoint);
    if (!url) return OtlpProtocol::grpc;
    const bool http = url->port == 4318 || (!url->path.empty() && url->path != "/");
    return http ? OtlpProtocol::http : OtlpProtocol::grpc;
}

void check_target(Fields& fields, const TracingSettings& tracing) {
    TracingSettings bare = tracing;
    bare.headers.clear();
    const Node* const endpoint = fields.child("endpoint");
    const Node* const headers = fields.child("headers");
    if (const auto target = telemetry::otlp_target(bare); !target)
        fields.mistake(endpoint != nullptr ? endpoint->position : fields.position(),
                       target.error().message);
    else if (const auto whole = telemetry::otlp_target(tracing); !whole && headers != nullptr)
        fields.mistake(headers->position, whole.error().message);
}

void read_keep(const Node* node, Draft& draft) {
    TracingSettings& tracing = draft.telemetry.tracing;
    Fields fields(or_empty(node), draft.diagnostics, "keep");
    tracing.keep_errors = fields.boolean("errors", tracing.keep_errors);
    tracing.keep_slower_than_ns =
        read_unsigned<uint64_t>(fields, "slowerThanMs", 0, 0, kHourMs) * 1'000'000u;
}

void read_propagation(Fields& fields, proxy::TracePlan& trace) {
    const Node* const node = fields.child("propagation");
    if (node == nullptr) return;
    trace.propagation.clear();
    for (const std::string& text : fields.texts("propagation")) {
        if (text != "w3c" && text != "b3") {
            fields.diagnostics().error(node->position, "unknown propagation " + quote(text),
                                       "w3c or b3", std::string(nearest_name(text, {"w3c", "b3"})));
            continue;
        }
        const auto format = text == "b3" ? proxy::TraceFormat::b3 : proxy::TraceFormat::w3c;
        auto& formats = trace.propagation;
        if (std::find(formats.begin(), formats.end(), format) == formats.end())
            formats.push_back(format);
    }
    if (node->kind == Node::Kind::list && node->items.empty())
        fields.mistake(node->position, "propagation is empty", "w3c or b3 or both");
}

void read_tracing(const Node* node, Draft& draft) {
    TracingSettings& tracing = draft.telemetry.tracing;
    Fields fields(or_empty(node), draft.diagnostics, "tracing");
    // Who writes the block wants it; who leaves it out does not.
    const bool written = node != nullptr && node->kind == Node::Kind::map;
    tracing.enabled = fields.boolean("enabled", written);
    (void)fields.choice("exporter", {"otlp"}, 0);
    tracing.endpoint = fields.text("endpoint", "http://127.0.0.1:4317");
    tracing.protocol = protocol_of(tracing.endpoint);
    if (fields.has("protocol"))
        tracing.protocol = fields.choice("protocol", {"grpc", "http"}, 0) == 0 ? OtlpProtocol::grpc
                                                                               : OtlpProtocol::http;
    tracing.sample_rate = fields.number("sampleRate", tracing.sample_rate, 0, 1);
    read_keep(fields.child("keep"), draft);
    read_propagation(fields, draft.plan.trace);
    tracing.service_name = read_name(fields, "serviceName", draft.gateway());
    tracing.resource_attributes = read_pairs(fields, "resourceAttributes");
    tracing.headers = read_pairs(fields, "headers");
    tracing.queue_bytes =
        read_unsigned(fields, "queueBytes", tracing.queue_bytes, kMinQueueBytes, kMaxQueueBytes);
    tracing.batch_spans = read_unsigned(fields, "batchSpans", tracing.batch_spans, 1, 10'000);
    tracing.flush_ms = read_ms(fields, "flushMs", tracing.flush_ms, 60'000);
    tracing.timeout_ms = read_ms(fields, "timeoutMs", tracing.timeout_ms, 120'000);
    if (tracing.enabled) check_target(fields, tracing);
    draft.plan.trace.enabled = tracing.enabled;
    draft.plan.trace.sample_rate = tracing.sample_rate;
}

std::vector<std::string_view> field_names() {
    std::vector<std::string_view> names;
    for (const model::FieldDescription& field : model::field_catalogue())
        if (!field.name.ends_with('.')) names.push_back(field.name);
    names.insert(names.end(), {"jwt.sub", "jwt.org_id"});
    return names;
}

void add_field(const std::string& name, const Position& at, Draft& draft) {
    LoggingSettings& logging = draft.telemetry.logging;
    if (std::find(logging.field_names.begin(), logging.field_names.end(), name) !=
        logging.field_names.end()) {
        draft.diagnostics.error(at, "field " + quote(name) + " stands twice", "each field once");
        return;
    }
    if (std::optional<model::FieldRef> field = draft.names.captured.add(name)) {
        logging.fields.push_back(std::move(*field));
        logging.field_names.push_back(name);
        return;
    }
    const bool slots_full = draft.names.captured.slots().size() == model::kMaxCaptures &&
                            (name.starts_with("jwt.") || name.starts_with("request.headers."));
    if (slots_full)
        draft.diagnostics.error(
            at, "no room for field " + quote(name),
            "at most " + std::to_string(model::kMaxCaptures) + " different headers and claims");
    else
        draft.diagnostics.error(at, "unknown field " + quote(name),
                                "a field such as request.id, response.status, "
                                "request.headers.<name> or jwt.<claim>",
                                std::string(nearest_name(name, field_names())));
}

void read_fields(Fields& fields, Draft& draft) {
    const Node* const node = fields.child("fields");
    if (node == nullptr || node->kind == Node::Kind::null) {
        for (const std::string_view name : kDefaultFields)
            add_field(std::string(name), fields.position(), draft);
        return;
    }
    (void)fields.texts("fields");  // reports what is no text
    if (node->kind == Node::Kind::scalar) add_field(node->scalar, node->position, draft);
    if (node->kind == Node::Kind::list && node->items.empty())
        fields.mistake(node->position, "fields is empty", "at least one field");
    for (const Node& item : node->items)
        if (item.kind == Node::Kind::scalar) add_field(item.scalar, item.position, draft);
}

std::optional<LogOutput> read_output(const Node& node, Draft& draft) {
    LogOutput output;
    Fields fields(node, draft.diagnostics, "output");
    const Node* const written = fields.require("type");
    const std::size_t type = fields.choice("type", {"stdout", "file"}, 2);
    if (written == nullptr || type == 2) {  // reported; the other keys may be right
        (void)fields.has("path"), (void)fields.has("rotate");
        return std::nullopt;
    }
    if (type == 0) return output;
    output.kind = LogOutputKind::file;
    const Node* const path = fields.require("path");
    output.path = fields.text("path");
    if (path != nullptr && path->kind == Node::Kind::scalar && path->scalar.empty())
        fields.mistake(path->position, "path is empty", "the path of a file");
    const bool has_path = !output.path.empty();
    Fields rotate(or_empty(fields.child("rotate")), draft.diagnostics, "rotate");
    output.rotate_max_bytes =
        read_unsigned(rotate, "maxBytes", output.rotate_max_bytes, 0, uint64_t{1} << 40);
    output.rotate_interval_s =
        read_unsigned(rotate, "intervalS", output.rotate_interval_s, 0, 366 * 86'400);
    output.rotate_keep = read_unsigned(rotate, "keep", output.rotate_keep, 0, 10'000);
    return has_path ? std::optional(std::move(output)) : std::nullopt;
}

void read_outputs(Fields& fields, Draft& draft) {
    std::vector<LogOutput>& outputs = draft.telemetry.logging.outputs;
    const Node* const node = fields.child("outputs");
    if (node == nullptr || node->kind == Node::Kind::null) {
        outputs.emplace_back();
        return;
    }
    const std::vector<Node>& items = items_of(node, "outputs", draft.diagnostics);
    if (node->kind == Node::Kind::list && items.empty())
        fields.mistake(node->position, "outputs is empty", "at least one output");
    for (const Node& item : items) {
        std::optional<LogOutput> output = read_output(item, draft);
        if (!output) continue;
        const bool twice = std::any_of(outputs.begin(), outputs.end(), [&](const LogOutput& o) {
            return o.kind == output->kind && o.path == output->path;
        });
        if (twice)
            fields.mistake(item.position,
                           output->kind == LogOutputKind::file
                               ? "two outputs to the file " + quote(output->path)
                               : "two outputs to stdout",
                           "each destination once");
        outputs.push_back(std::move(*output));
    }
}

void read_logging(const Node* node, Draft& draft) {
    LoggingSettings& logging = draft.telemetry.logging;
    Fields fields(or_empty(node), draft.diagnostics, "logging");
    logging.enabled = fields.boolean("enabled", logging.enabled);
    logging.format = fields.choice("format", {"json", "text"}, 0) == 0 ? telemetry::LogFormat::json
                                                                       : telemetry::LogFormat::text;
    logging.level = static_cast<model::Level>(fields.choice(
        "level", {"debug", "info", "warn", "error"}, static_cast<std::size_t>(logging.level)));
    read_fields(fields, draft);
    read_outputs(fields, draft);
    logging.queue_bytes =
        read_unsigned(fields, "queueBytes", logging.queue_bytes, kMinQueueBytes, kMaxQueueBytes);
    logging.redact_query = fields.boolean("redactQuery", logging.redact_query);
}

}  // namespace

void compile_telemetry(const Node* node, Draft& draft) {
    Fields fields(or_empty(node), draft.diagnostics, "telemetry");
    MetricsSettings& metrics = draft.telemetry.metrics;
    metrics.series_limit =
        read_unsigned(fields, "seriesLimit", metrics.series_limit, 1000, 100'000'000);
    {
        Fields clients(or_empty(fields.child("clients")), draft.diagnostics, "clients");
        metrics.clients_limit =
            read_unsigned(clients, "limit", metrics.clients_limit, 1, 1'000'000);
    }
    draft.plan.interim_record_ms =
        read_unsigned(fields, "interimRecordMs", draft.plan.interim_record_ms, 0, kHourMs);
    read_metrics(fields.child("metrics"), draft);
    read_tracing(fields.child("tracing"), draft);
    read_logging(fields.child("logging"), draft);
    compile_flight(fields.child("flightRecorder"), draft);
    compile_alerting(fields.child("alerting"), draft);
    compile_store(fields.child("store"), draft);
    for (const Field field : kAlwaysCaptured) draft.names.captured.add(field);
    if (const telemetry::TracingSettings& tracing = draft.telemetry.tracing; tracing.enabled) {
        telemetry::select_span_fields(draft.names.captured);
        draft.names.keep = {tracing.keep_errors, tracing.keep_slower_than_ns};
    }
}

}  // namespace glassgate::config
