#include "telemetry/project/line_format.h"

#include <algorithm>

#include "telemetry/project/json_text.h"
#include "telemetry/project/redact.h"

namespace glassgate::telemetry {

LineFormat compile_line_format(const LoggingSettings& settings) {
    LineFormat line{settings.format, settings.level, settings.redact_query, {}};
    for (std::size_t i = 0; i < settings.fields.size(); ++i) {
        const model::FieldRef& field = settings.fields[i];
        LineElement element{field.field, field.slot, false, {}, {}};
        if (i < settings.field_names.size())
            element.name = settings.field_names[i];
        else
            element.name = std::string(describe(field.field).name) + field.parameter;
        element.withheld =
            field.field == model::Field::request_header && is_secret_header(field.parameter);
        element.json_key = i == 0 ? "{" : ",";
        append_json_string(element.json_key, element.name);
        element.json_key += ':';
        line.elements.push_back(std::move(element));
    }
    return line;
}

model::Level level_of(const model::Exchange& exchange) noexcept {
    if (!exchange.final) return model::Level::info;  // how it will end nobody knows
    if (exchange.failed()) return model::Level::error;
    return exchange.status >= 400 ? model::Level::warn : model::Level::info;
}

bool passes_level(model::Level level, const model::Exchange& exchange) noexcept {
    return level <= model::Level::info || level_of(exchange) >= level;
}

void LineFormats::add(const std::shared_ptr<const model::PlanNames>& names,
                      std::shared_ptr<const LineFormat> format) {
    std::erase_if(plans_, [&](const Plan& plan) {
        return plan.alive.expired() || plan.names == names.get();
    });
    newest_ = format;
    if (names != nullptr) plans_.push_back({names.get(), names, std::move(format)});
}

const LineFormat& LineFormats::of(const model::PlanNames* names) const noexcept {
    for (auto plan = plans_.rbegin(); plan != plans_.rend(); ++plan)
        if (plan->names == names) return *plan->format;
    return *newest_;
}

}  // namespace glassgate::telemetry
