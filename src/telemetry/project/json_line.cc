#include "telemetry/project/json_line.h"

#include "base/clock.h"
#include "base/text.h"
#include "telemetry/project/field_value.h"
#include "telemetry/project/json_text.h"
#include "telemetry/project/redact.h"

namespace glassgate::telemetry {
namespace {

constexpr std::string_view kInterim = R"(,"interim":true)";

void append_outcome(std::string& out, const model::PlanNames& names,
                    const model::PolicyStep& step) {
    out += R"({"policy":)";
    const bool known = step.policy < names.policies.size();
    append_json_string(out, known ? std::string_view(names.policies[step.policy].kind) : "unknown");
    out += R"(,"verdict":)";
    out += step.verdict == model::PolicyVerdict::pass ? R"("pass")" : R"("reply")";
    out += R"(,"reason":)";
    if (known && step.reason < names.policies[step.policy].reasons.size())
        append_json_string(out, names.policies[step.policy].reasons[step.reason]);
    else
        out += "null";
    out += R"(,"ms":)";
    append_ms(out, step.elapsed_ns);
    out += '}';
}

void append_outcomes(std::string& out, const model::Exchange& exchange) {
    out += '[';
    for (std::size_t i = 0; i < exchange.policies.size(); ++i) {
        if (i != 0) out += ',';
        append_outcome(out, *exchange.names, exchange.policies[i]);
    }
    out += ']';
}

}  // namespace

void append_json_line(const model::Exchange& exchange, const LineFormat& format,
                      std::string& scratch, std::string& out) {
    for (const LineElement& element : format.elements) {
        out += element.json_key;
        const FieldValue value = field_value(exchange, element, format.redact_query, scratch);
        switch (value.kind) {
            case FieldValue::Kind::absent:
                out += "null";
                break;
            case FieldValue::Kind::text:
                append_json_string(out, value.text);
                break;
            case FieldValue::Kind::number:
                out += value.text;
                break;
            case FieldValue::Kind::outcomes:
                append_outcomes(out, exchange);
                break;
        }
    }
    if (format.elements.empty()) out += '{';
    if (!exchange.final) out += format.elements.empty() ? kInterim.substr(1) : kInterim;
    out += "}\n";
}

void append_json_line(const model::Event& event, std::string& scratch, std::string& out) {
    out += R"({"timestamp":")";
    append_iso8601_ms(out, event.wall_ns);
    out += R"(","level":")";
    out += to_text(event.level);
    out += R"(","event":")";
    out += to_text(event.kind);
    out += '"';
    for (const model::EventAttribute& attribute : event.attributes) {
        out += ',';
        append_json_string(out, attribute.key);
        out += ':';
        if (attribute.is_number)
            out += std::to_string(attribute.number);
        else
            append_json_string(out, redacted(event.str(attribute), scratch));
    }
    if (event.count > 1) {
        out += R"(,"count":)";
        append_u64(out, event.count);
    }
    out += "}\n";
}

}  // namespace glassgate::telemetry
