#include "telemetry/metrics/catalogue.h"

#include "base/check.h"
#include "telemetry/metrics/classic_histogram.h"
#include "telemetry/metrics/native_histogram.h"
#include "telemetry/metrics/number_text.h"

namespace glassgate::telemetry {
namespace {

using enum FamilyType;
using S = Subject;
using enum Shape;

constexpr std::array<std::string_view, kMaxLabels> kRequestLabels{"route", "method", "path"};

// In the order of the exposition; flex_series last, since it counts what came before.
// clang-format off: a table
constexpr Family kFamilies[] = {
    {"flex_requests_total", counter, S::request, number, cells::request::kRequests, 0,
     kRequestLabels, "Requests, whatever became of them."},
    {"flex_requests_errors_total", counter, S::request, number, cells::request::kErrors, 0,
     kRequestLabels,
     "Requests answered with a 5xx, or whose response the client never got through no fault of its "
     "own, and gRPC calls that failed in the server (UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, "
     "INTERNAL, UNAVAILABLE, DATA_LOSS). 4xx and 499 are not errors."},
    {"flex_rate_limit_exceeded", unknown, S::request, number, cells::request::kRateLimited, 0,
     kRequestLabels,
     "Requests refused by a rate limit. A counter; the name is older than the rule that counters "
     "end in _total."},
    {"flex_auth_failures_total", counter, S::request, number, cells::request::kAuthFailed, 0,
     kRequestLabels, "Requests refused because the caller is unknown, unproven or not allowed."},
    {"flex_request_duration_ms", histogram, S::request, classic, cells::request::kBuckets,
     cells::request::kSumNs, kRequestLabels,
     "Milliseconds from the first byte of the request to the last byte of the response; for "
     "upgraded and streaming exchanges to the response head."},
    {"flex_request_duration_seconds", histogram, S::request, native, cells::request::kNative,
     cells::request::kSumNs, kRequestLabels,
     "Same durations in seconds as a native histogram (schema 5, 2.2 % wide buckets); the text "
     "formats show some of its bounds."},
    {"flex_responses_total", counter, S::response, number, 0, 0,
     {"route", "method", "path", "code"},
     "Responses by status; code=\"none\" where nothing was sent."},
    {"flex_grpc_responses_total", counter, S::grpc_response, number, 0, 0,
     {"route", "method", "path", "grpc_status"},
     "gRPC calls by the status they ended with; grpc_status=\"none\" where the client left before "
     "one was known. Of a route's first call on, OK and the statuses that are errors exist at 0."},
    {"flex_exchanges_total", counter, S::ending, number, 0, 0, {"ending", "origin"},
     "Exchanges by how they ended and whose doing that was."},
    {"flex_client_requests_total", counter, S::client, number, cells::client::kRequests, 0,
     {"client_id"}, "Requests of identified clients; client_id=\"other\" beyond the table."},
    {"flex_client_rate_limit_exceeded_total", counter, S::client, number,
     cells::client::kRateLimited, 0, {"client_id"},
     "Requests of identified clients that a rate limit refused."},
    {"flex_policy_verdicts_total", counter, S::verdict, number, 0, 0, {"route", "policy", "reason"},
     "What policies decided; reason=\"pass\" lets the request go on."},
    {"flex_upstream_attempts_total", counter, S::attempt, number, 0, 0,
     {"upstream", "target", "result"}, "Attempts to get a response from a target."},
    {"flex_upstream_duration_seconds", histogram, S::upstream, native, cells::upstream::kNative,
     cells::upstream::kSumNs, {"upstream"}, "Duration of attempts, from their start to their end."},
    {"flex_upstream_connections", gauge, S::upstream, number, cells::upstream::kConnections, 0,
     {"upstream"}, "Open connections to the upstream, idle ones included."},
    {"flex_upstream_reuse_total", counter, S::upstream, number, cells::upstream::kReused, 0,
     {"upstream"}, "Attempts made on a connection that had been used before."},
    {"flex_connections", gauge, S::listener, number, cells::listener::kConnections, 0, {"listener"},
     "Open client connections."},
    {"flex_connections_total", counter, S::listener, number, cells::listener::kConnectionsTotal, 0,
     {"listener"}, "Client connections accepted, refused ones included."},
    {"flex_connection_endings_total", counter, S::connection_ending, number, 0, 0,
     {"listener", "ending"}, "Client connections by how they ended."},
    {"flex_tls_handshake_failures_total", counter, S::handshake_failure, number, 0, 0,
     {"listener", "reason"},
     "TLS handshakes with clients that failed, by reason. Exist from a reason's first failure on; "
     "flex_connection_endings_total{ending=\"tls_handshake_failed\"} is their sum and exists at 0."},
    {"flex_tls_connections_total", counter, S::tls_connection, number, 0, 0,
     {"listener", "version", "resumed"},
     "Client connections over TLS that have closed, by version and whether the session was resumed "
     "from a ticket. Exist from a combination's first connection on."},
    {"flex_exchanges_active", gauge, S::listener, number, cells::listener::kActive, 0, {"listener"},
     "Requests in progress."},
    {"flex_stream_lifetime_seconds", histogram, S::stream, native, cells::stream::kNative,
     cells::stream::kSumNs, {"route", "kind"},
     "Lifetime of upgraded and streaming exchanges (websocket, sse, grpc, h2stream)."},
    {"flex_circuit_breaker_state", gauge, S::external, number, 0, 0, {"route", "upstream"},
     "0 closed, 1 half-open, 2 open."},
    {"flex_rule_evaluations_total", counter, S::external, number, 0, 0, {"rule_group"},
     "Evaluations of rules by the built-in alerting."},
    {"flex_rule_evaluation_failures_total", counter, S::external, number, 0, 0, {"rule_group"},
     "Evaluations of rules that failed."},
    {"flex_rule_group_iterations_total", counter, S::external, number, 0, 0, {"rule_group"},
     "Evaluations of whole groups of rules."},
    {"flex_rule_group_iterations_missed_total", counter, S::external, number, 0, 0, {"rule_group"},
     "Evaluations of groups that were left out because their time had passed."},
    {"flex_rule_group_last_duration_seconds", gauge, S::external, number, 0, 0, {"rule_group"},
     "How long the last evaluation of the group took."},
    {"flex_rule_group_last_evaluation_timestamp_seconds", gauge, S::external, number, 0, 0,
     {"rule_group"}, "The time the group was last evaluated for."},
    {"flex_rule_group_interval_seconds", gauge, S::external, number, 0, 0, {"rule_group"},
     "The interval of the group."},
    {"flex_rule_samples_total", counter, S::external, number, 0, 0, {"outcome"},
     "Samples that rules gave the built-in store (stored, refused)."},
    {"flex_alerts", gauge, S::external, number, 0, 0, {"state"},
     "Alerts that are pending or firing, and those among them nobody is told of because they are "
     "silenced or inhibited (suppressed)."},
    {"flex_alert_silences", gauge, S::external, number, 0, 0, {"state"},
     "Silences (pending, active, expired)."},
    {"flex_alert_notifications_total", counter, S::external, number, 0, 0,
     {"receiver", "integration", "outcome"},
     "Notifications by what became of them: sent, dropped (refused for good, too old, or pushed "
     "out of a full spool); failed counts attempts that are tried again. Of Alertmanagers "
     "(receiver=\"alertmanager\") sent and dropped count alerts."},
    {"flex_alert_notifications_queued", gauge, S::external, number, 0, 0,
     {"receiver", "integration"}, "Notifications that wait for delivery."},
    {"flex_alert_spool_bytes", gauge, S::external, number, 0, 0, {"receiver", "integration"},
     "Bytes of the notifications that wait on disk."},
    {"flex_alert_state_failures_total", counter, S::external, number, 0, 0, {},
     "Writes of alerting's own file that failed."},
    {"flex_certificate_expiry_timestamp_seconds", gauge, S::external, number, 0, 0,
     {"listener", "name"},
     "Unix time at which the certificate in use ends; of several for one name, the first."},
    {"flex_config_generation", gauge, S::external, number, 0, 0, {},
     "Generation of the configuration in force."},
    {"flex_config_last_reload_successful", gauge, S::external, number, 0, 0, {},
     "1 if the last attempt to load the configuration succeeded, else 0."},
    {"flex_config_last_reload_timestamp_seconds", gauge, S::external, number, 0, 0, {},
     "Unix time of the last successful load of the configuration."},
    {"flex_telemetry_records_total", counter, S::external, number, 0, 0, {"sink", "outcome"},
     "Exchange records by what became of them: delivered, lost, filtered, sampled_out."},
    {"flex_telemetry_events_total", counter, S::external, number, 0, 0, {"sink", "outcome"},
     "Events, and interim records of long streams, by what became of them."},
    {"flex_telemetry_queue_bytes", gauge, S::external, number, 0, 0, {"sink"},
     "Bytes waiting to be delivered."},
    {"flex_telemetry_queue_records", gauge, S::external, number, 0, 0, {"sink"},
     "Records closed and not yet delivered, lost or left out."},
    {"flex_flight_recorder_records", gauge, S::external, number, 0, 0, {},
     "Records the flight recorder holds."},
    {"flex_flight_recorder_bytes", gauge, S::external, number, 0, 0, {},
     "Bytes of the flight recorder's files."},
    {"flex_flight_recorder_oldest_timestamp_seconds", gauge, S::external, number, 0, 0, {},
     "Unix time at which the oldest record of the flight recorder ended; 0: it is empty."},
    {"flex_flight_recorder_damaged_frames_total", counter, S::external, number, 0, 0, {},
     "Damaged places in the flight recorder's files; the records there are lost."},
    {"flex_build_info", gauge, S::external, number, 0, 0, {"version", "revision"},
     "Always 1; the labels say what is running."},
    {"process_cpu_seconds_total", counter, S::process, number, 0, 0, {},
     "Total user and system CPU time spent in seconds."},
    {"process_resident_memory_bytes", gauge, S::process, number, 0, 0, {},
     "Resident memory size in bytes."},
    {"process_virtual_memory_bytes", gauge, S::process, number, 0, 0, {},
     "Virtual memory size in bytes."},
    {"process_open_fds", gauge, S::process, number, 0, 0, {}, "Number of open file descriptors."},
    {"process_max_fds", gauge, S::process, number, 0, 0, {},
     "Maximum number of open file descriptors."},
    {"process_start_time_seconds", gauge, S::process, number, 0, 0, {},
     "Start time of the process since unix epoch in seconds."},
    {"flex_store_series", gauge, S::external, number, 0, 0, {},
     "Series in the memory of the built-in store."},
    {"flex_store_series_limit", gauge, S::external, number, 0, 0, {},
     "Series the built-in store may hold at once (maxSeries)."},
    {"flex_store_series_overflow_total", counter, S::external, number, 0, 0, {},
     "Times a new series was refused because the limit was reached."},
    {"flex_store_samples_total", counter, S::external, number, 0, 0, {"outcome"},
     "Samples offered to the built-in store by what became of them: stored, duplicate, or refused "
     "as conflicting, out_of_order, too_old, too_new, no_memory, gone."},
    {"flex_store_samples_dropped_total", counter, S::external, number, 0, 0, {},
     "Samples given up before their retention was over, by the cap on memory or disk."},
    {"flex_store_memory_bytes", gauge, S::external, number, 0, 0, {},
     "Memory the built-in store uses."},
    {"flex_store_memory_limit_bytes", gauge, S::external, number, 0, 0, {},
     "Memory the built-in store may use (memoryMaxBytes)."},
    {"flex_store_disk_bytes", gauge, S::external, number, 0, 0, {},
     "Disk the built-in store uses; 0 when it is in memory only."},
    {"flex_store_disk_limit_bytes", gauge, S::external, number, 0, 0, {},
     "Disk the built-in store may use (diskMaxBytes); 0 when it is in memory only."},
    {"flex_store_segments", gauge, S::external, number, 0, 0, {}, "Segment files of the store."},
    {"flex_store_exemplars", gauge, S::external, number, 0, 0, {}, "Exemplars kept in memory."},
    {"flex_store_flushes_total", counter, S::external, number, 0, 0, {},
     "Times new samples were written to the journal."},
    {"flex_store_flush_failures_total", counter, S::external, number, 0, 0, {},
     "Times that failed; the samples stay in memory and are tried again."},
    {"flex_store_checkpoints_total", counter, S::external, number, 0, 0, {},
     "Times the journal became segments."},
    {"flex_store_checkpoint_failures_total", counter, S::external, number, 0, 0, {},
     "Times that failed."},
    {"flex_store_flush_lag_seconds", gauge, S::external, number, 0, 0, {},
     "Age of the oldest sample that is not safe on the disk."},
    {"flex_store_corrupt_blocks_total", counter, S::external, number, 0, 0, {},
     "Damaged pieces of segments and journals that were skipped."},
    {"flex_store_quarantined_segments_total", counter, S::external, number, 0, 0, {},
     "Damaged segments moved to quarantine/."},
    {"flex_store_rounds_total", counter, S::external, number, 0, 0, {},
     "Rounds in which the gateway's own metrics were sampled."},
    {"flex_store_rounds_missed_total", counter, S::external, number, 0, 0, {},
     "Rounds that were left out because their time had passed."},
    {"flex_store_rounds_busy_seconds_total", counter, S::external, number, 0, 0, {},
     "Time spent in those rounds."},
    {"flex_console_requests_total", counter, S::external, number, 0, 0, {"code"},
     "Requests to the console and its API (port 9900) by class of status: 2xx, 4xx, ..."},
    {"flex_console_overloaded_total", counter, S::external, number, 0, 0, {},
     "Requests to the console refused with 503: too many waited, or too many streams were open."},
    {"flex_console_logins_refused_total", counter, S::external, number, 0, 0, {},
     "Requests to the console with wrong credentials."},
    {"flex_console_streams", gauge, S::external, number, 0, 0, {},
     "Open event streams of the console."},
    {"flex_console_streams_dropped_total", counter, S::external, number, 0, 0, {},
     "Event streams given up because their client did not read."},
    {"flex_series_limit", gauge, S::self, number, 0, 0, {},
     "Most series that may be exposed at once."},
    {"flex_series_overflow_total", counter, S::self, number, 0, 0, {},
     "Times a new label set found no room and was folded into a series labelled other."},
    {"flex_series", gauge, S::self, number, 0, 0, {}, "Series exposed by this scrape."},
};
// clang-format on

// Bounds of native buckets, and few: every one costs a line per label set in the text formats.
constexpr double kRequestSecondsEdges[] = {0x1p-8, 0x1p-6, 0x1p-4, 0x1p-2, 1, 4};
constexpr double kUpstreamSecondsEdges[] = {0x1p-10, 0x1p-9, 0x1p-8, 0x1p-7, 0x1p-6,
                                            0x1p-5,  0x1p-4, 0x1p-3, 0x1p-2, 0x1p-1,
                                            1,       2,      4,      8,      16};
constexpr double kStreamSecondsEdges[] = {0x1p-2, 1, 4, 16, 64, 256, 1024, 4096, 16384};

constexpr bool ends_in_total(std::string_view name) { return name.ends_with("_total"); }

constexpr bool catalogue_is_sound() {
    for (const Family& family : kFamilies) {
        // The lint of Prometheus: what is called _total is a counter, and the other way round.
        if ((family.type == counter) != ends_in_total(family.name)) return false;
        if (family.help.empty()) return false;
        if ((family.type == histogram) != (family.shape != number)) return false;
    }
    return true;
}
static_assert(catalogue_is_sound());

uint32_t lines_of(const Family& family) {
    return family.shape == number ? 1 : static_cast<uint32_t>(edges_of(family).size()) + 3;
}

}  // namespace

std::span<const Family> metric_catalogue() noexcept { return kFamilies; }

const Family* find_family(std::string_view name) noexcept {
    for (const Family& family : kFamilies)
        if (family.name == name) return &family;
    return nullptr;
}

std::string_view to_text(FamilyType type) noexcept {
    constexpr std::string_view kTypes[] = {"counter", "gauge", "unknown", "histogram"};
    return kTypes[static_cast<std::size_t>(type)];
}

std::span<const std::string_view> label_names(const Family& family) noexcept {
    std::size_t count = 0;
    while (count < kMaxLabels && !family.labels[count].empty()) ++count;
    return {family.labels.data(), count};
}

std::span<const std::string_view> label_names(Subject subject) noexcept {
    for (const Family& family : kFamilies)
        if (family.subject == subject) return label_names(family);
    return {};
}

bool clashes_in_open_metrics(std::string_view counter_name) noexcept {
    if (!ends_in_total(counter_name)) return true;
    return find_family(counter_name.substr(0, counter_name.size() - 6)) != nullptr;
}

std::span<const double> edges_of(const Family& family) noexcept {
    if (family.shape == classic) return classic_buckets::kEdgesMs;
    if (family.shape == number) return {};
    switch (family.subject) {
        case S::upstream:
            return kUpstreamSecondsEdges;
        case S::stream:
            return kStreamSecondsEdges;
        default:
            return kRequestSecondsEdges;
    }
}

uint32_t lines_of(Subject subject) noexcept {
    uint32_t lines = 0;
    for (const Family& family : kFamilies)
        if (family.subject == subject) lines += lines_of(family);
    return lines;
}

uint32_t cells_of(Subject subject) noexcept {
    switch (subject) {
        case S::request:
            return cells::request::kBuckets + classic_buckets::kBuckets;
        case S::client:
            return cells::client::kLastSeenNs + 1;
        case S::upstream:
            return cells::upstream::kNative + 1;
        case S::listener:
            return cells::listener::kActive + 1;
        case S::stream:
            return cells::stream::kNative + 1;
        case S::route:
        case S::pattern:
            return 0;
        default:
            return 1;
    }
}

std::string metrics_reference_markdown() {
    std::string out =
        "# Metrics\n\n"
        "Generated from src/telemetry/metrics/catalogue.cc. Served at `/metrics` on port 9090 as "
        "text 0.0.4, OpenMetrics 1.0 or protobuf, whichever the scraper asks for.\n\n"
        "| family | type | labels | meaning |\n|---|---|---|---|\n";
    for (const Family& family : kFamilies) {
        out.append("| `").append(family.name).append("` | ").append(to_text(family.type));
        if (family.shape == native) out.append(", native");
        out.append(" | ");
        bool first = true;
        for (const std::string_view label : label_names(family)) {
            if (!first) out.append(", ");
            out.append("`").append(label).append("`");
            first = false;
        }
        out.append(" | ").append(family.help).append(" |\n");
    }
    out.append("\n## Bucket bounds\n\nA value equal to a bound belongs to it. `le` edges:\n\n");
    for (const Family& family : kFamilies) {
        if (family.shape == number) continue;
        out.append("- `").append(family.name).append("`: ");
        bool first = true;
        for (const double edge : edges_of(family)) {
            if (!first) out.append(", ");
            append_number(out, edge);
            first = false;
        }
        out.append("\n");
    }
    out.append(
        "\nFamilies marked native are native histograms (schema 5, zero bucket up to 2^-17 s) for "
        "scrapers that take protobuf; the edges above are bounds of their buckets, so the text "
        "formats show exact counts.\n\n"
        "`flex_rate_limit_exceeded` and, in OpenMetrics, `flex_connections_total` are of type "
        "unknown: both are counters whose names OpenMetrics could not express as such.\n");
    return out;
}

}  // namespace glassgate::telemetry
