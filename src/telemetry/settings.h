// What the configuration says about telemetry, compiled and checked. Plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/event.h"
#include "model/field.h"

namespace glassgate::telemetry {

struct MetricsSettings {
    bool enabled = true;
    std::string address = "0.0.0.0";
    uint16_t port = 9090;  // 0: any free port (tests)
    std::string path = "/metrics";
    uint64_t series_limit = 200'000;
    uint32_t clients_limit = 1000;
    bool operator==(const MetricsSettings&) const = default;
};

enum class LogFormat : uint8_t { json, text };
enum class LogOutputKind : uint8_t { out, file };

struct LogOutput {
    LogOutputKind kind = LogOutputKind::out;
    std::string path;                // file
    uint64_t rotate_max_bytes = 0;   // 0: not by size
    uint64_t rotate_interval_s = 0;  // 0: not by time; at its multiples since 1970, UTC
    uint32_t rotate_keep = 7;        // path.1 (the newest) to path.N; 0: what is full is deleted
    bool operator==(const LogOutput&) const = default;
};

struct LoggingSettings {
    bool enabled = true;
    LogFormat format = LogFormat::json;
    model::Level level = model::Level::info;  // error: only failed exchanges, events >= error;
                                              // warn: also 4xx, events >= warn; info, debug: all
    std::vector<model::FieldRef> fields;      // in the order of the line
    std::vector<std::string> field_names;     // as the plan writes them, same order: the JSON keys
    std::vector<LogOutput> outputs;
    uint64_t queue_bytes = 8u << 20;
    bool redact_query = true;
};

enum class OtlpProtocol : uint8_t { grpc, http };

// An attribute of every server span of ours: `text`, or the value of a request header where the
// request has it.
struct SpanLabel {
    std::string name, text;
    std::string header;  // lower case; empty: none. Captured as request.headers.<name>
    bool operator==(const SpanLabel&) const = default;
};

struct TracingSettings {
    bool enabled = false;
    std::string endpoint;  // "http://jaeger:4317"
    OtlpProtocol protocol = OtlpProtocol::grpc;
    double sample_rate = 0.05;         // head sampling; the decision itself is the data plane's
    bool keep_errors = false;          // kept at close although not sampled
    uint64_t keep_slower_than_ns = 0;  // 0: off
    std::string service_name;
    std::vector<std::pair<std::string, std::string>> resource_attributes;
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<SpanLabel> labels;
    uint64_t queue_bytes = 8u << 20;
    uint32_t batch_spans = 512;
    uint32_t flush_ms = 1000;
    uint32_t timeout_ms = 10'000;
    bool operator==(const TracingSettings&) const = default;
};

class Sink;         // pipeline/sink.h
class LineFormats;  // project/line_format.h

// A sink that is not telemetry's own: brought by whoever introduces the planes to one another.
struct GuestSink {
    std::string key;  // the same again at a reload: it goes on, with its queue
    // Not called for one that goes on. `formats` are the collector's: to be read in project().
    std::function<Result<std::unique_ptr<Sink>>(std::shared_ptr<const LineFormats> formats)> make;
};

struct Settings {
    MetricsSettings metrics;
    LoggingSettings logging;
    TracingSettings tracing;
    std::vector<GuestSink> guests;
};

}  // namespace glassgate::telemetry
