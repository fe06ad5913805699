// PlanShelf: the plans of records on their way from the collector to the ring and to live views.
// Keys are asked for on the collector thread, under its mutex; the rest on any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "flight/stored_plan.h"

namespace glassgate::flight {

class PlanShelf {
public:
    // The key of the plan behind these names; encodes it when it is new.
    [[nodiscard]] uint64_t key_of(const model::PlanNames& names, const telemetry::LineFormat& line);
    // Null, or the unknown plan, when it has been forgotten: 64 plans are remembered.
    [[nodiscard]] std::shared_ptr<const std::string> bytes(uint64_t key) const;
    [[nodiscard]] std::shared_ptr<const StoredPlan> plan(uint64_t key) const;

private:
    struct Entry {
        const model::PlanNames* names;
        uint64_t generation;
        const telemetry::LineFormat* line;
        uint64_t key;
        std::shared_ptr<const std::string> bytes;
        std::shared_ptr<const StoredPlan> plan;
    };
    [[nodiscard]] const Entry* find(uint64_t key) const;

    static constexpr std::size_t kPlansMax = 64;
    mutable std::mutex mutex_;
    std::deque<Entry> entries_;  // the newest last
};

}  // namespace glassgate::flight
