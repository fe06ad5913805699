// PlanLayout: where the cells of one plan's series are, by the indexes records carry. Built on the
// control thread before workers see the plan; workers only turn it into pointers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/method.h"
#include "model/names.h"
#include "telemetry/metrics/series_index.h"

namespace glassgate::telemetry {

struct RouteLayout {
    SeriesGroup* anchor = nullptr;  // parent of what the route makes on demand
    uint32_t first_row = 0;         // rows of pattern p: first_row + p * kMethodCount + method
    uint32_t patterns = 0;
    uint32_t first_step = 0;  // its policies in chain order
    uint32_t steps = 0;
};
struct StepLayout {
    uint32_t policy = 0;         // index into PlanNames::policies
    uint32_t first_verdict = 0;  // verdict of reason r: first_verdict + r
    uint32_t reasons = 0;
};
struct UpstreamLayout {
    SeriesGroup* group = nullptr;
    uint32_t first_attempt = 0;  // first_attempt + target * kAttemptResultCount + result
    uint32_t targets = 0;
};

struct PlanLayout {
    uint64_t sequence = 0;  // order of preparation
    std::shared_ptr<const model::PlanNames> names;
    std::vector<RouteLayout> routes;
    std::vector<SeriesGroup*> rows;             // null: on demand
    std::vector<SeriesGroup*> pattern_anchors;  // row / kMethodCount
    std::vector<StepLayout> steps;
    std::vector<SeriesGroup*> verdicts;
    std::vector<UpstreamLayout> upstreams;
    std::vector<SeriesGroup*> attempts;
    std::vector<SeriesGroup*> listeners;
    // listener * kConnectionEndingCount + ending; they live as long as their listener's group.
    std::vector<SeriesGroup*> connection_endings;
    std::vector<SeriesGroup*> named;  // all above but those, once per hold

    std::atomic<uint32_t> applied{0}, retired{0};  // workers
    std::atomic<bool> released{false};             // the scraper has given the holds back
};

// The methods whose series exist before a request: all a route names, or for a route that takes
// any, all but CONNECT and TRACE, which are made on demand.
[[nodiscard]] MethodSet precreated_methods(MethodSet methods) noexcept;

[[nodiscard]] std::shared_ptr<PlanLayout> build_layout(
    SeriesIndex& index, std::shared_ptr<const model::PlanNames> names, uint64_t sequence);

}  // namespace glassgate::telemetry
