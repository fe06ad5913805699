// What a plan's logging settings come to: the line compiled into elements, once, at load. A record
// is written with the format of its own plan, because the capture slots of its fields are that
// plan's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/exchange.h"
#include "model/names.h"
#include "telemetry/settings.h"

namespace glassgate::telemetry {

struct LineElement {
    model::Field field;
    uint8_t slot = model::kNoSlot;
    bool withheld = false;  // a credential: written as "***" whatever it is
    std::string name;       // as the plan writes it
    std::string json_key;   // ,"name":  escaped; the first of a line begins with '{'
};

struct LineFormat {
    LogFormat format = LogFormat::json;
    model::Level level = model::Level::info;
    bool redact_query = true;
    std::vector<LineElement> elements;
};

[[nodiscard]] LineFormat compile_line_format(const LoggingSettings& settings);

// Whether the level lets it through: error: failed exchanges only; warn: also those refused or
// answered with 4xx; info and debug: all, interim records, too.
[[nodiscard]] bool passes_level(model::Level level, const model::Exchange& exchange) noexcept;
// The level a line about it is shown with.
[[nodiscard]] model::Level level_of(const model::Exchange& exchange) noexcept;

// The formats of the plans that records may still refer to. One writer and reader at a time (the
// collector's mutex).
class LineFormats {
public:
    // From now on records of `names`, and events, are written so. Forgets plans that are gone.
    void add(const std::shared_ptr<const model::PlanNames>& names,
             std::shared_ptr<const LineFormat> format);
    [[nodiscard]] const LineFormat& of(const model::PlanNames* names) const noexcept;
    [[nodiscard]] const LineFormat& newest() const noexcept { return *newest_; }
    [[nodiscard]] std::size_t size() const noexcept { return plans_.size(); }

private:
    struct Plan {
        const model::PlanNames* names;
        std::weak_ptr<const model::PlanNames> alive;
        std::shared_ptr<const LineFormat> format;
    };
    std::vector<Plan> plans_;  // the newest last
    std::shared_ptr<const LineFormat> newest_ = std::make_shared<const LineFormat>();
};

}  // namespace glassgate::telemetry
