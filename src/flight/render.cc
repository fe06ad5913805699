#include "flight/render.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "base/text.h"
#include "telemetry/project/exchange_events.h"
#include "telemetry/project/field_value.h"
#include "telemetry/project/json_line.h"
#include "telemetry/project/json_text.h"
#include "telemetry/project/text_line.h"

namespace glassgate::flight {
namespace {

using model::Exchange;
using telemetry::append_json_string;

std::string ms_text(double ms) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", ms);
    return text;
}

double ms_of(const Exchange& x, uint64_t at_ns) noexcept {
    return static_cast<double>(static_cast<int64_t>(at_ns - x.opened_ns)) / 1e6;
}

std::string_view upstream_of(const Exchange& x, const model::Attempt& attempt) noexcept {
    return attempt.upstream < x.names->upstreams.size()
               ? std::string_view(x.names->upstreams[attempt.upstream].name)
               : std::string_view();
}

std::string attempt_note(const Exchange& x, const model::Attempt& attempt) {
    std::string note(upstream_of(x, attempt));
    const std::string_view address = x.str(attempt.address);
    if (!address.empty()) note.append(note.empty() ? "" : " ").append(address);
    if (attempt.reused) note += ", reused";
    note += ": ";
    if (attempt.status != 0)
        append_u64(note, attempt.status);
    else
        note += to_text(attempt.result);
    return note;
}

void attempt_phases(const Exchange& x, std::size_t index, std::vector<Phase>& phases) {
    const model::Attempt& a = x.attempts[index];
    const double start = ms_of(x, a.start_ns), end = ms_of(x, std::max(a.end_ns, a.start_ns));
    phases.push_back({"attempt " + std::to_string(index + 1), attempt_note(x, a), start, end, 0});
    const auto part = [&](const char* name, uint64_t from_ns, uint64_t to_ns) {
        if (from_ns != 0 && to_ns > from_ns)
            phases.push_back({name, {}, ms_of(x, from_ns), ms_of(x, to_ns), 1});
    };
    if (!a.reused) part("connect", a.start_ns, a.connected_ns);
    const uint64_t waiting = a.connected_ns != 0 ? a.connected_ns : a.start_ns;
    part("wait", waiting, a.first_byte_ns != 0 ? a.first_byte_ns : a.end_ns);
    part("body", a.first_byte_ns, a.end_ns);
}

// --- JSON ----------------------------------------------------------------------------------------

class Object {
public:
    explicit Object(std::string& out) : out_(out) { out_ += '{'; }
    ~Object() { out_ += '}'; }
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    std::string& key(std::string_view name) {
        if (!std::exchange(first_, false)) out_ += ',';
        append_json_string(out_, name);
        out_ += ':';
        return out_;
    }
    void text(std::string_view name, std::string_view value) {
        if (!value.empty()) append_json_string(key(name), value);
    }
    void number(std::string_view name, uint64_t value) { append_u64(key(name), value); }
    void flag(std::string_view name, bool value) { key(name) += value ? "true" : "false"; }
    void ms(std::string_view name, double value) { key(name) += ms_text(value); }
    template <typename Id>
    void id(std::string_view name, const Id& value) {
        if (!value.valid()) return;
        std::string hex;
        append_hex(hex, value);
        append_json_string(key(name), hex);
    }

private:
    std::string& out_;
    bool first_ = true;
};

void append_time(std::string& out, uint64_t wall_ns) {
    out += '"';
    append_iso8601_ms(out, wall_ns);
    out += '"';
}

// The line as an object, whatever the plan's format is.
void append_line_object(const Exchange& x, const telemetry::LineFormat& line, std::string& out) {
    std::string scratch;
    telemetry::append_json_line(x, line, scratch, out);
    out.pop_back();
}

template <typename List, typename Put>
void append_list(std::string& out, const List& list, Put&& put) {
    out += '[';
    bool first = true;
    for (const auto& item : list) {
        if (!std::exchange(first, false)) out += ',';
        put(item);
    }
    out += ']';
}

void append_attempt(const Exchange& x, const model::Attempt& a, std::string& out) {
    Object object(out);
    object.text("upstream", upstream_of(x, a));
    object.text("target", telemetry::target_of(x, a));
    object.text("address", x.str(a.address));
    object.id("span", a.span_id);
    object.text("result", to_text(a.result));
    if (a.status != 0) object.number("status", a.status);
    object.flag("reused", a.reused);
    object.ms("start_ms", ms_of(x, a.start_ns));
    if (a.connected_ns != 0) object.ms("connected_ms", ms_of(x, a.connected_ns));
    if (a.first_byte_ns != 0) object.ms("first_byte_ms", ms_of(x, a.first_byte_ns));
    if (a.end_ns != 0) object.ms("end_ms", ms_of(x, a.end_ns));
}

std::string_view reason_of(const Exchange& x, const model::PolicyStep& step) noexcept {
    if (step.policy >= x.names->policies.size()) return {};
    const auto& reasons = x.names->policies[step.policy].reasons;
    return step.reason < reasons.size() ? std::string_view(reasons[step.reason])
                                        : std::string_view();
}

std::string_view policy_of(const Exchange& x, const model::PolicyStep& step) noexcept {
    return step.policy < x.names->policies.size()
               ? std::string_view(x.names->policies[step.policy].kind)
               : std::string_view("unknown");
}

std::string_view verdict_of(const model::PolicyStep& step) noexcept {
    return step.verdict == model::PolicyVerdict::pass ? "pass" : "reply";
}

void append_step(const Exchange& x, const model::PolicyStep& step, std::string& out) {
    Object object(out);
    object.text("policy", policy_of(x, step));
    object.text("verdict", verdict_of(step));
    object.text("reason", reason_of(x, step));
    object.ms("ms", step.elapsed_ns / 1e6);
}

void append_exchange(const Record& record, Object& object, std::string& out) {
    const Exchange& x = record.exchange;
    std::string scratch;
    object.text("id", telemetry::request_id_of(x, scratch));
    object.id("trace", x.trace_id);
    object.id("span", x.span_id);
    object.id("parent_span", x.parent_span_id);
    object.flag("traced", x.sampled);
    append_time(object.key("time"), x.opened_wall_ns);
    object.text("method", x.method == Method::other ? x.str(x.method_text) : to_text(x.method));
    object.text("path", x.str(x.path));
    object.text("query", x.str(x.query));
    object.text("host", x.str(x.host));
    object.text("user_agent", x.str(x.user_agent));
    object.text("protocol", to_text(x.protocol));
    object.text("scheme", to_text(x.scheme));
    object.text("remote_address", x.str(x.remote_address));
    if (x.remote_port != 0) object.number("remote_port", x.remote_port);
    if (x.listener < x.names->listeners.size())
        object.text("listener", x.names->listeners[x.listener].name);
    object.text("gateway", x.names->gateway);
    object.text("route", x.route < x.names->routes.size()
                             ? std::string_view(x.names->routes[x.route].id)
                             : std::string_view("none"));
    object.text("pattern", telemetry::pattern_of(x));
    object.text("client_id", x.str(x.client_id));
    object.text("client_name", x.str(x.client_name));
    object.number("status", x.status);
    object.text("ending", to_text(x.ending));
    object.text("origin", to_text(x.origin));
    object.text("detail", x.str(x.detail));
    object.ms("duration_ms", static_cast<double>(x.lifetime_ns()) / 1e6);
    object.number("request_bytes", x.request_bytes);
    object.number("response_bytes", x.response_bytes);
    object.text("tls_version", x.str(x.tls_version));
    object.text("tls_cipher", x.str(x.tls_cipher));
    object.text("tls_client_subject", x.str(x.tls_client_cert_subject));
    if (x.grpc_status >= 0) object.number("grpc_status", static_cast<uint64_t>(x.grpc_status));
    if (x.stream != model::StreamKind::none) object.text("stream", to_text(x.stream));
    if (x.quota_limit != 0) {
        object.number("quota_limit", x.quota_limit);
        object.number("quota_current", x.quota_current);
        object.number("quota_period_s", x.quota_period_s);
    }
    object.number("attempt_count", x.attempt_count);
    append_list(object.key("attempts"), x.attempts,
                [&](const model::Attempt& a) { append_attempt(x, a, out); });
    append_list(object.key("policies"), x.policies,
                [&](const model::PolicyStep& step) { append_step(x, step, out); });
    append_list(object.key("phases"), phases_of(record), [&](const Phase& phase) {
        Object part(out);
        part.text("name", phase.name);
        part.text("note", phase.note);
        part.ms("from_ms", phase.from_ms);
        part.ms("to_ms", phase.to_ms);
        part.number("depth", phase.depth);
    });
    append_line_object(x, record.plan->line, object.key("line"));
}

// --- text ----------------------------------------------------------------------------------------

constexpr unsigned kNameColumns = 16, kTimeColumns = 22;

void append_bar(const Phase& phase, double total_ms, unsigned columns, std::string& out) {
    const double scale = total_ms > 0 ? columns / total_ms : 0;
    const auto cell = [&](double ms) {
        return static_cast<unsigned>(std::clamp(std::floor(ms * scale), 0.0, columns - 1.0));
    };
    const unsigned begin = cell(phase.from_ms), end = cell(phase.to_ms);
    out.append(begin, ' ');
    if (end == begin) {
        out += phase.to_ms - phase.from_ms > total_ms / (2.0 * columns) ? "\u258c" : "\u258f";
        return;
    }
    for (unsigned i = begin; i < end; ++i) out += "\u2588";
}

void append_phase(const Phase& phase, double total_ms, unsigned width, std::string& out) {
    std::string name(2 + 2 * std::size_t{phase.depth}, ' ');
    name += phase.name;
    name.resize(std::max<std::size_t>(name.size(), kNameColumns), ' ');
    char times[64];
    std::snprintf(times, sizeof times, "%10.3f %10.3f  ", phase.from_ms,
                  phase.to_ms - phase.from_ms);
    out += name + times;
    append_bar(phase, total_ms, std::max(20u, width - kNameColumns - kTimeColumns - 3), out);
    out += '\n';
    if (!phase.note.empty()) out.append(kNameColumns, ' ').append(phase.note).append("\n");
}

void append_facts(const Exchange& x, std::string& out) {
    std::string line;
    const auto add = [&](std::string_view name, std::string_view value) {
        if (value.empty()) return;
        if (!line.empty()) line += " \u00b7 ";
        line.append(name).append(name.empty() ? "" : " ").append(value);
    };
    const auto end = [&] {
        if (!line.empty()) out.append("  ").append(line).append("\n");
        line.clear();
    };
    std::string hex;
    append_hex(hex, x.trace_id);
    add("trace", hex);
    hex.clear();
    append_hex(hex, x.span_id);
    if (x.span_id.valid()) add("span", hex);
    end();
    const bool routed = x.route < x.names->routes.size();
    add("route", routed ? std::string_view(x.names->routes[x.route].id) : "none");
    add("", telemetry::pattern_of(x));
    if (routed) add("api", x.names->routes[x.route].api);
    add("client", x.str(x.client_id));
    add("", x.str(x.client_name));
    end();
    std::string from(x.str(x.remote_address));
    if (x.remote_port != 0 && !from.empty()) from += " port " + std::to_string(x.remote_port);
    add("from", from);
    add("", x.str(x.user_agent));
    end();
    add("", to_text(x.protocol));
    add("", to_text(x.scheme));
    add("host", x.str(x.host));
    if (x.listener < x.names->listeners.size())
        add("listener", x.names->listeners[x.listener].name);
    end();
    add("", x.str(x.tls_version));
    add("", x.str(x.tls_cipher));
    add("SNI", x.str(x.tls_server_name));
    add("certificate", x.str(x.tls_client_cert_subject));
    add("serial", x.str(x.tls_client_cert_serial));
    end();
    add("request body", std::to_string(x.request_bytes) + " bytes");
    add("response body", std::to_string(x.response_bytes) + " bytes");
    end();
    if (x.quota_limit != 0)
        add("quota", std::to_string(x.quota_current) + " of " + std::to_string(x.quota_limit) +
                         " in " + std::to_string(x.quota_period_s) + " s");
    add("detail", x.str(x.detail));
    end();
}

void append_policies(const Exchange& x, std::string& out) {
    if (x.policies.empty()) return;
    out += "\npolicies\n";
    for (const model::PolicyStep& step : x.policies) {
        char line[160];
        std::snprintf(
            line, sizeof line, "  %-22.60s %-6s %-24.40s %s ms\n",
            std::string(policy_of(x, step)).c_str(), std::string(verdict_of(step)).c_str(),
            std::string(reason_of(x, step)).c_str(), ms_text(step.elapsed_ns / 1e6).c_str());
        out += line;
    }
}

// What a short line shows behind its head; the slots are those of no plan.
const telemetry::LineFormat& short_format() {
    static const telemetry::LineFormat format = [] {
        telemetry::LoggingSettings logging;
        logging.format = telemetry::LogFormat::text;
        model::FieldSelection selection;
        for (const char* const name :
             {"response.ending", "route.id", "client.id", "upstream.address", "request.id"}) {
            logging.fields.push_back(*selection.add(name));
            logging.field_names.emplace_back(name);
        }
        return telemetry::compile_line_format(logging);
    }();
    return format;
}

}  // namespace

std::vector<Phase> phases_of(const Record& record) {
    std::vector<Phase> phases;
    if (record.row.kind != RecordKind::exchange) return phases;
    const Exchange& x = record.exchange;
    const uint64_t head = x.head_received_ns != 0 ? x.head_received_ns : x.opened_ns;
    if (x.head_received_ns != 0)
        phases.push_back({"request head", {}, 0, ms_of(x, x.head_received_ns), 0});
    const uint64_t first = x.attempts.empty() ? 0 : x.attempts[0].start_ns;
    const uint64_t decided = first != 0                ? first
                             : x.response_head_ns != 0 ? x.response_head_ns
                                                       : x.closed_ns;
    if (decided > head) phases.push_back({"policies", {}, ms_of(x, head), ms_of(x, decided), 0});
    for (std::size_t i = 0; i < x.attempts.size(); ++i) attempt_phases(x, i, phases);
    if (x.response_head_ns != 0 && x.closed_ns >= x.response_head_ns)
        phases.push_back({"response", {}, ms_of(x, x.response_head_ns), ms_of(x, x.closed_ns), 0});
    return phases;
}

std::string log_line_of(const Record& record) {
    std::string scratch, out;
    if (record.row.kind == RecordKind::connection) {
        telemetry::append_json_line(telemetry::event_of(record.connection), scratch, out);
    } else {
        const bool text = record.plan->line.format == telemetry::LogFormat::text;
        if (record.row.kind == RecordKind::event)
            telemetry::append_json_line(record.event, scratch, out);
        else if (text)
            telemetry::append_text_line(record.exchange, record.plan->line, scratch, out);
        else
            telemetry::append_json_line(record.exchange, record.plan->line, scratch, out);
    }
    if (out.ends_with('\n')) out.pop_back();
    return out;
}

void append_json(const Record& record, std::string& out) {
    Object object(out);
    object.number("sequence", record.sequence);
    object.text("kind", to_text(record.row.kind));
    object.text("kept", to_text(record.row.kept));
    if (record.row.kind == RecordKind::exchange) return append_exchange(record, object, out);
    append_time(object.key("time"), record.row.at_ns);
    object.key("line") += log_line_of(record);
}

void append_short_line(const Record& record, std::string& out) {
    std::string scratch;
    switch (record.row.kind) {
        case RecordKind::exchange:
            return telemetry::append_text_line(record.exchange, short_format(), scratch, out);
        case RecordKind::event:
            return telemetry::append_text_line(record.event, scratch, out);
        case RecordKind::connection:
            return telemetry::append_text_line(telemetry::event_of(record.connection), scratch,
                                               out);
    }
}

std::string waterfall(const Record& record, unsigned width) {
    std::string out;
    if (record.row.kind != RecordKind::exchange) {
        append_short_line(record, out);
        return out;
    }
    const Exchange& x = record.exchange;
    std::string scratch;
    append_iso8601_ms(out, x.opened_wall_ns);
    out.append("  ").append(x.method == Method::other ? x.str(x.method_text) : to_text(x.method));
    out.append(" ").append(x.path.empty() ? "-" : x.str(x.path));
    if (!x.query.empty()) out.append("?").append(x.str(x.query));
    out.append("\n").append(x.status == 0 ? "no response" : std::to_string(x.status));
    out.append(" ").append(to_text(x.ending)).append(", by the ").append(to_text(x.origin));
    out.append(", ").append(ms_text(static_cast<double>(x.lifetime_ns()) / 1e6)).append(" ms");
    out.append(", kept as ").append(to_text(record.row.kept)).append("\n");
    out.append("  id ").append(telemetry::request_id_of(x, scratch)).append("\n");
    append_facts(x, out);
    const std::vector<Phase> phases = phases_of(record);
    out += "\nphase                from_ms         ms\n";
    const double total = static_cast<double>(x.lifetime_ns()) / 1e6;
    for (const Phase& phase : phases) append_phase(phase, total, width, out);
    if (x.attempt_count > x.attempts.size())
        out +=
            "  and " + std::to_string(x.attempt_count - x.attempts.size()) + " further attempts\n";
    append_policies(x, out);
    out += "\nlog line\n" + log_line_of(record) + "\n";
    return out;
}

}  // namespace glassgate::flight
