// StoredPlan: the names behind the indexes of records, and the log line they were written with, as
// the flight recorder keeps them: without them a record of a dead gateway would be numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/names.h"
#include "telemetry/project/line_format.h"

namespace glassgate::flight {

struct StoredPlan {
    uint64_t key = 0;  // of its bytes
    model::PlanNames names;
    telemetry::LineFormat line;
};

// The bytes of a plan, and the key records refer to it by: equal plans have equal keys.
[[nodiscard]] std::string encode_plan(const model::PlanNames& names,
                                      const telemetry::LineFormat& line);
[[nodiscard]] uint64_t plan_key(std::string_view bytes) noexcept;
[[nodiscard]] Result<std::shared_ptr<const StoredPlan>> decode_plan(std::string_view bytes);
// Stands for one that is damaged or missing: records keep their ids, texts and times, and have no
// names of routes and policies.
[[nodiscard]] const std::shared_ptr<const StoredPlan>& unknown_plan();

}  // namespace glassgate::flight
