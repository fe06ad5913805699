#include "gateway/demo/summary.h"

#include <algorithm>
#include <cstdlib>

#include "gateway/demo/canvas.h"
#include "gateway/demo/exposition_sum.h"
#include "gateway/demo/figures.h"

namespace glassgate::gateway::demo {
namespace {

std::string count_text(double value) { return with_thousands(static_cast<uint64_t>(value + 0.5)); }

std::string seconds_text(double seconds) { return decimal(seconds, 0) + " s"; }

class Lines {
public:
    explicit Lines(bool colour) : colour_(colour) {}
    void heading(const std::string& text) {
        out_ += "\n" + (colour_ ? "\x1b[1m" + text + "\x1b[0m" : text) + "\n";
    }
    void line(const std::string& text) { out_ += "  " + text + "\n"; }
    void row(const std::string& what, const std::string& measured, const std::string& mission,
             const std::string& note = {}) {
        std::string text = "  " + pad(what, 34) + pad(measured, 24) + pad(mission, 24) + note;
        text.erase(text.find_last_not_of(' ') + 1);
        out_ += text + "\n";
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    static std::string pad(std::string text, std::size_t cells) {
        text.append(cells - std::min(cells, cells_of(text)), ' ');
        return text;
    }
    bool colour_;
    std::string out_;
};

void compare(Lines& lines, const Summary& s) {
    const Highlights& m = s.measured;
    lines.row("", "measured", "mission");
    lines.row("Requests per second, peak", count_text(m.peak_per_second), "3,847");
    lines.row("  against the baseline",
              m.baseline_per_second > 0
                  ? decimal(m.peak_per_second / m.baseline_per_second, 1) + "×"
                  : "-",
              "2.7×");
    lines.row("Error rate, baseline", percent(m.baseline_error_share), "0.1%");
    lines.row("Error rate, peak", percent(m.peak_error_share), "8.3%");
    lines.row("P99 latency, baseline", milliseconds(m.baseline_p99_ms), "84ms");
    lines.row("P99 latency, peak", milliseconds(m.peak_p99_ms), "642ms");
    lines.row("Rate-limit hits", count_text(static_cast<double>(m.limited)), "14.2k");
    lines.row("  a minute, peak", compact(m.peak_limited_per_minute) + "/min", "12k/min");
    if (!m.top_clients.empty()) {
        const ClientRow& top = m.top_clients.front();
        lines.row("Top offender", top.client_id + ", " + with_thousands(top.hits),
                  "mob-4f7a, 9,847");
    }
    const auto since = [](double from, double to) {
        return from >= 0 && to >= from ? seconds_text(to - from) : "-";
    };
    lines.row("First alert to hotfix", since(m.first_alert_s, m.hotfix_applied_s), "under 90 s");
    lines.row("Hotfix to error rate below 1%", since(m.hotfix_applied_s, m.recovered_s),
              "within 2 min");
    lines.row("Error rate at the end", percent(m.final_error_share), "0.4%");
    std::string alerts;
    for (const std::string& name : m.alerts_fired) alerts += (alerts.empty() ? "" : ", ") + name;
    lines.line("circuit opened " + with_thousands(m.circuit_opened) + " times, " +
               with_thousands(m.upstream_timeouts) +
               " upstream timeouts, alerts fired: " + (alerts.empty() ? "none" : alerts));
    if (s.clients.held_back > 0)
        lines.line("this machine could not keep up: " + with_thousands(s.clients.held_back) +
                   " requests were due and not sent");
    else if (m.baseline_p99_ms > 200)
        lines.line(
            "this machine was busy with something else: the baseline alone should be near 84ms");
}

void add_up(Lines& lines, const Summary& s, bool colour) {
    const Reconciliation& c = s.counts;
    const auto line = [&](const char* what, uint64_t count, const std::string& note = {}) {
        lines.row(what, with_thousands(count), note);
    };
    line("flex_exchanges_total, by ending", c.by_endings);
    line("flex_requests_total, by route", c.by_routes);
    line("access-log records", c.log_records,
         c.log_lost == 0 ? "none lost" : with_thousands(c.log_lost) + " lost");
    if (c.log_lines != 0) line("lines in access.log", c.log_lines);
    line("responses read by clients", c.clients_answered,
         with_thousands(s.clients.broken) + " broken off");
    std::string endings;
    for (const auto& [name, count] : c.endings)
        endings += (endings.empty() ? "" : " · ") + name + " " + with_thousands(count);
    lines.line("by ending: " + endings);
    const std::string good = colour ? "\x1b[32m" : "", bad = colour ? "\x1b[31m" : "",
                      off = colour ? "\x1b[0m" : "";
    lines.line(c.holds()
                   ? good + "the first three agree: every request is in each of them once" + off
                   : bad + "THE NUMBERS DISAGREE" + off);
}

class JsonObject {
public:
    void number(std::string_view key, double value) { add(key, decimal(value, 4)); }
    void count(std::string_view key, uint64_t value) { add(key, std::to_string(value)); }
    void flag(std::string_view key, bool value) { add(key, value ? "true" : "false"); }
    void raw(std::string_view key, const std::string& json) { add(key, json); }
    void text(std::string_view key, std::string_view value) { add(key, quoted(value)); }
    [[nodiscard]] std::string take() { return body_ + "}"; }
    // The texts here are ids and names of our own.
    static std::string quoted(std::string_view value) {
        std::string out = "\"";
        for (const char c : value)
            if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) out += c;
        return out + "\"";
    }

private:
    void add(std::string_view key, const std::string& json) {
        body_ += body_.size() > 1 ? ", " : "";
        body_ += quoted(key) + ": " + json;
    }
    std::string body_ = "{";
};

}  // namespace

Reconciliation reconcile(telemetry::MetricsRegistry& metrics) {
    std::string text;
    metrics.expose(telemetry::Exposition::text_0_0_4, text);
    const ExpositionSum sum(text);
    Reconciliation r;
    const auto whole = [](double value) { return static_cast<uint64_t>(value + 0.5); };
    r.by_endings = whole(sum.of("flex_exchanges_total"));
    r.by_routes = whole(sum.of("flex_requests_total"));
    r.log_records = whole(sum.of("flex_telemetry_records_total", "sink=\"log"));
    r.log_lost = whole(sum.of("flex_telemetry_records_total", "sink=\"log", "outcome=\"lost\""));
    for (const auto& [ending, value] : sum.by_label("flex_exchanges_total", "ending"))
        if (value > 0) r.endings.emplace_back(ending, whole(value));
    std::stable_sort(r.endings.begin(), r.endings.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    return r;
}

std::string summary_text(const Summary& s, bool colour) {
    Lines lines(colour);
    std::string what = "The incident: " + seconds_text(s.seconds);
    if (s.scenario.speed != 1) what += ", " + decimal(s.scenario.speed, 1) + " times faster";
    if (s.scenario.scale != 1) what += ", request rates x" + decimal(s.scenario.scale, 2);
    if (s.interrupted) what += ", interrupted";
    lines.heading(what + " (figures over " + seconds_text(s.scenario.window_s) + ")");
    compare(lines, s);
    lines.heading("The same requests, counted independently");
    add_up(lines, s, colour);
    return lines.take();
}

std::string summary_json(const Summary& s) {
    const Highlights& m = s.measured;
    JsonObject measured;
    measured.number("baseline_per_second", m.baseline_per_second);
    measured.number("baseline_error_share", m.baseline_error_share);
    measured.number("baseline_p99_ms", m.baseline_p99_ms);
    measured.number("peak_per_second", m.peak_per_second);
    measured.number("peak_error_share", m.peak_error_share);
    measured.number("peak_p99_ms", m.peak_p99_ms);
    measured.number("peak_limited_per_minute", m.peak_limited_per_minute);
    measured.count("rate_limit_hits", m.limited);
    measured.text("top_offender", m.top_clients.empty() ? "" : m.top_clients.front().client_id);
    measured.count("top_offender_hits", m.top_clients.empty() ? 0 : m.top_clients.front().hits);
    measured.count("circuit_opened", m.circuit_opened);
    measured.count("upstream_timeouts", m.upstream_timeouts);
    measured.number("first_alert_s", m.first_alert_s);
    measured.number("hotfix_applied_s", m.hotfix_applied_s);
    measured.number("recovered_s", m.recovered_s);
    measured.number("final_error_share", m.final_error_share);
    measured.number("final_p99_ms", m.final_p99_ms);
    std::string alerts = "[";
    for (const std::string& name : m.alerts_fired)
        alerts += (alerts.size() > 1 ? ", " : "") + JsonObject::quoted(name);
    measured.raw("alerts_fired", alerts + "]");

    JsonObject counts, endings, clients, whole;
    counts.count("by_endings", s.counts.by_endings);
    counts.count("by_routes", s.counts.by_routes);
    counts.count("log_records", s.counts.log_records);
    counts.count("log_lines", s.counts.log_lines);
    counts.count("log_lost", s.counts.log_lost);
    counts.count("panel", s.counts.panel);
    counts.flag("agree", s.counts.holds());
    for (const auto& [name, count] : s.counts.endings) endings.count(name, count);
    counts.raw("endings", endings.take());
    clients.count("sent", s.clients.sent);
    clients.count("answered", s.clients.answered);
    clients.count("broken", s.clients.broken);
    clients.count("limited", s.clients.limited);
    clients.count("held_back", s.clients.held_back);
    whole.number("speed", s.scenario.speed);
    whole.number("scale", s.scenario.scale);
    whole.number("seconds", s.seconds);
    whole.flag("interrupted", s.interrupted);
    whole.raw("measured", measured.take());
    whole.raw("counts", counts.take());
    whole.raw("clients", clients.take());
    return whole.take() + "\n";
}

}  // namespace glassgate::gateway::demo
