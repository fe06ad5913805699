#include "telemetry/project/text_line.h"

#include "base/clock.h"
#include "base/text.h"
#include "telemetry/project/field_value.h"
#include "telemetry/project/json_text.h"
#include "telemetry/project/redact.h"

namespace glassgate::telemetry {
namespace {

constexpr std::string_view kDot = " \xC2\xB7 ";

void append_head(std::string& out, uint64_t wall_ns, model::Level level) {
    const std::size_t from = out.size();
    append_iso8601_ms(out, wall_ns);
    out.erase(from, sizeof "2026-11-27T" - 1);
    out.erase(from + sizeof "09:14:22" - 1);
    out += ' ';
    out += to_text(level);
    out += ' ';
}

bool needs_quotes(std::string_view value) noexcept {
    return value.empty() || value.find_first_of(" \"\\=") != std::string_view::npos ||
           value.find("\xC2\xB7") != std::string_view::npos;
}

void append_value(std::string& out, std::string_view value) {
    if (needs_quotes(value))
        append_json_string(out, value);
    else
        append_json_escaped(out, value);
}

// A word of the head of a line, where quotes would only disturb: a path has no blanks of its own.
void append_word(std::string& out, std::string_view value) {
    if (value.empty())
        out += '-';
    else
        append_value(out, value);
}

bool is_in_head(model::Field field) noexcept {
    using enum model::Field;
    return field == request_timestamp || field == request_method || field == request_path ||
           field == response_status || field == response_duration_ms;
}

void append_outcomes(std::string& out, const model::Exchange& x) {
    bool first = true;
    for (const model::PolicyStep& step : x.policies) {
        if (step.policy >= x.names->policies.size()) continue;
        const model::PolicyName& policy = x.names->policies[step.policy];
        if (!std::exchange(first, false)) out += ',';
        out += policy.kind;
        out += ':';
        out += step.reason < policy.reasons.size() ? std::string_view(policy.reasons[step.reason])
                                                   : "?";
    }
}

}  // namespace

void append_text_line(const model::Exchange& x, const LineFormat& format, std::string& scratch,
                      std::string& out) {
    append_head(out, x.opened_wall_ns, level_of(x));
    if (x.method != Method::other)
        out += to_text(x.method);
    else
        append_word(out, redacted(x.str(x.method_text), scratch));
    out += ' ';
    append_word(out, x.path.empty() ? pattern_of(x) : redacted(x.str(x.path), scratch));
    out += ' ';
    append_u64(out, x.status);
    out += ' ';
    append_ms(out, x.lifetime_ns());
    out += "ms";
    for (const LineElement& element : format.elements) {
        if (is_in_head(element.field)) continue;
        const FieldValue value = field_value(x, element, format.redact_query, scratch);
        const bool outcomes = value.kind == FieldValue::Kind::outcomes;
        if (value.kind == FieldValue::Kind::absent || (outcomes && x.policies.empty())) continue;
        out += kDot;
        out += element.name;
        out += '=';
        if (outcomes)
            append_outcomes(out, x);
        else
            append_value(out, value.text);
    }
    if (!x.final) out.append(kDot).append("interim=true");
    out += '\n';
}

void append_text_line(const model::Event& event, std::string& scratch, std::string& out) {
    append_head(out, event.wall_ns, event.level);
    out += to_text(event.kind);
    for (const model::EventAttribute& attribute : event.attributes) {
        out += kDot;
        out += attribute.key;
        out += '=';
        if (attribute.is_number)
            out += std::to_string(attribute.number);
        else
            append_value(out, redacted(event.str(attribute), scratch));
    }
    if (event.count > 1) {
        out += kDot;
        out += "count=";
        append_u64(out, event.count);
    }
    out += '\n';
}

}  // namespace glassgate::telemetry
