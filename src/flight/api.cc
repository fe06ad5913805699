#include "flight/api.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "base/clock.h"
#include "base/text.h"
#include "flight/render.h"
#include "telemetry/project/json_text.h"

namespace glassgate::flight {
namespace {

using telemetry::append_json_string;

Answer json(std::string body, uint16_t status = 200) {
    return {status, "application/json", std::move(body)};
}
Answer text(std::string body) { return {200, "text/plain; charset=utf-8", std::move(body)}; }

// 2026-11-27T09:14:22[.123][Z|+01:00]
std::optional<uint64_t> read_rfc3339(std::string_view text) {
    std::tm tm{};
    int used = 0;
    const std::string copy(text);
    if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
                    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 ||
        used != 19 || tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12)
        return std::nullopt;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    const auto seconds = static_cast<int64_t>(::timegm(&tm));
    text.remove_prefix(19);
    double fraction = 0;
    if (text.starts_with('.')) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fraction);
        if (error != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    }
    int64_t offset_s = 0;
    if (text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':') {
        const auto hours = parse_u64(text.substr(1, 2)), minutes = parse_u64(text.substr(4, 2));
        if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
        offset_s = static_cast<int64_t>(*hours * 3600 + *minutes * 60) * (text[0] == '-' ? -1 : 1);
    } else if (!text.empty() && text != "Z" && text != "z") {
        return std::nullopt;
    }
    if (seconds < offset_s) return std::nullopt;
    return static_cast<uint64_t>(seconds - offset_s) * kNsPerSecond +
           static_cast<uint64_t>(fraction * 1e9);
}

bool fill_range(const Question& question, uint64_t now_ns, Scan& scan, std::string& wrong) {
    const auto read = [&](std::string_view name, const std::string& text, uint64_t& into) {
        if (text.empty()) return true;
        const auto at = read_time(text, now_ns);
        if (at) into = *at;
        if (!at)
            wrong = std::string(name) + " is \"" + text +
                    "\"; expected RFC 3339, Unix seconds or a duration such as 10m";
        return at.has_value();
    };
    if (!read("from", question.from, scan.from_ns) || !read("to", question.to, scan.to_ns))
        return false;
    if (question.last.empty()) return true;
    const auto last = read_duration_ns(question.last);
    if (!last) {
        wrong = "last is \"" + question.last + "\"; expected a duration such as 10m";
        return false;
    }
    scan.from_ns = std::max(scan.from_ns, now_ns - std::min(*last, now_ns));
    return true;
}

void append_recorder(const RingStats& stats, std::string& out) {
    const auto number = [&](const char* name, uint64_t value) {
        out.append(name);
        append_u64(out, value);
    };
    number("{\"records\":", stats.records);
    number(",\"bytes\":", stats.bytes);
    number(",\"segments\":", stats.segments);
    if (stats.oldest_at_ns != 0) {
        out += ",\"oldest\":\"";
        append_iso8601_ms(out, stats.oldest_at_ns);
        out += '"';
    }
    number(",\"damaged_frames\":", stats.damage.frames);
    number(",\"skipped_bytes\":", stats.damage.skipped_bytes);
    number(",\"torn_bytes\":", stats.damage.torn_bytes);
    out += ",\"quarantined\":[";
    for (std::size_t i = 0; i < stats.quarantined.size(); ++i) {
        if (i != 0) out += ',';
        append_json_string(out, stats.quarantined[i]);
    }
    out += ']';
    if (!stats.last_error.empty()) append_json_string(out += ",\"last_error\":", stats.last_error);
    out += '}';
}

std::string records_json(const std::vector<Record>& records) {
    std::string out = "[";
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (i != 0) out += ',';
        append_json(records[i], out);
    }
    return out += ']';
}

bool is_trace_id(std::string_view id) noexcept {
    TraceId trace;
    return id.size() == 32 && read_hex(id, trace.bytes.data(), trace.bytes.size());
}

// Requests that came with an id of their own are in traces under another one.
std::vector<Record> find_by_trace(const Ring& ring, std::string_view id) {
    const auto filter = Filter::parse("trace.id=" + std::string(id));
    if (!filter) return {};
    Scan scan;
    scan.filter = &*filter;
    scan.limit = 8;
    scan.deadline_ns = mono_now_ns() + 5 * kNsPerSecond;
    return std::move(ring.scan(scan).records);
}

}  // namespace

std::optional<uint64_t> read_duration_ns(std::string_view text) {
    if (text.empty()) return std::nullopt;
    double total = 0;
    while (!text.empty()) {
        double number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || !(number >= 0) || number > 1e12) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        struct Unit {
            std::string_view name;
            double ns;
        };
        static constexpr Unit kUnits[] = {
            {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86'400e9}};
        const auto unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                       [&](const Unit& u) { return text.starts_with(u.name); });
        if (unit == std::end(kUnits)) return std::nullopt;
        total += number * unit->ns;
        text.remove_prefix(unit->name.size());
    }
    return total < 1e19 / 2 ? std::optional(static_cast<uint64_t>(total)) : std::nullopt;
}

std::optional<uint64_t> read_time(std::string_view text, uint64_t now_ns) {
    if (const auto at = read_rfc3339(text)) return at;
    if (const auto ago = read_duration_ns(text)) return now_ns - std::min(*ago, now_ns);
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || !(seconds >= 0) ||
        seconds > 1e10)
        return std::nullopt;
    return static_cast<uint64_t>(seconds * 1e9);
}

Answer problem(uint16_t status, std::string_view message) {
    std::string body = "{\"error\":";
    append_json_string(body, message);
    return json(body += "}", status);
}

Answer problem(const FilterError& error, std::string_view filter) {
    std::string body = "{\"error\":";
    append_json_string(body, explain(error, filter));
    body += ",\"column\":";
    append_u64(body, error.column);
    return json(body += "}", 400);
}

std::string stats_json(const RingStats& stats) {
    std::string out;
    append_recorder(stats, out);
    return out;
}

void order_by_time(std::vector<Record>& records, bool oldest_first) {
    std::stable_sort(records.begin(), records.end(), [=](const Record& a, const Record& b) {
        return oldest_first ? a.row.at_ns < b.row.at_ns : a.row.at_ns > b.row.at_ns;
    });
}

Answer list(const Ring& ring, const Question& question, uint64_t now_ns, uint32_t patience_ms) {
    Scan scan;
    std::string wrong;
    if (!fill_range(question, now_ns, scan, wrong)) return problem(400, wrong);
    if (question.limit == 0 || question.limit > kQuestionLimitMax)
        return problem(400, "limit is from 1 to " + std::to_string(kQuestionLimitMax));
    std::optional<Filter> filter;
    if (!question.where.empty()) {
        auto parsed = Filter::parse(question.where);
        if (!parsed) return problem(parsed.error(), question.where);
        filter = *std::move(parsed);
        scan.filter = &*filter;
    }
    scan.limit = question.limit;
    scan.below_sequence = question.before;
    scan.deadline_ns = mono_now_ns() + patience_ms * kNsPerMs;
    Scanned found = ring.scan(scan);
    const uint64_t next = found.records.empty() ? 0 : found.records.back().sequence;
    order_by_time(found.records, question.oldest_first);
    if (question.view == View::text) {
        std::string out;
        for (const Record& record : found.records) append_short_line(record, out);
        return text(std::move(out));
    }
    std::string out = "{\"records\":" + records_json(found.records);
    out += found.more ? ",\"more\":true" : ",\"more\":false";
    if (found.more) append_u64(out += ",\"next\":", next);
    if (found.gave_up) out += ",\"gave_up\":true";
    append_u64(out += ",\"looked_at\":", found.looked_at);
    append_recorder(ring.stats(), out += ",\"recorder\":");
    return json(out += "}\n");
}

Answer show(const Ring& ring, std::string_view id, View view, unsigned width) {
    std::vector<Record> records = ring.find(id);
    if (records.empty() && is_trace_id(id)) records = find_by_trace(ring, id);
    if (records.empty()) {
        const RingStats stats = ring.stats();
        std::string message = "no record of " + std::string(id.substr(0, 200)) + " among " +
                              std::to_string(stats.records);
        if (stats.oldest_at_ns != 0) {
            message += " since ";
            append_iso8601_ms(message, stats.oldest_at_ns);
        }
        message += "; errors, refusals and slow requests are kept, of others a sample";
        return problem(404, message);
    }
    if (view == View::json) return json("{\"records\":" + records_json(records) + "}\n");
    std::string out;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (i != 0) out += "\n";
        out += waterfall(records[i], width);
    }
    return text(std::move(out));
}

}  // namespace glassgate::flight
