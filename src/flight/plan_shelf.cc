#include "flight/plan_shelf.h"

#include <algorithm>

namespace glassgate::flight {

uint64_t PlanShelf::key_of(const model::PlanNames& names, const telemetry::LineFormat& line) {
    const std::lock_guard lock(mutex_);
    for (auto e = entries_.rbegin(); e != entries_.rend(); ++e)
        if (e->names == &names && e->generation == names.generation && e->line == &line)
            return e->key;
    Entry entry{&names, names.generation, &line, 0, nullptr, unknown_plan()};
    entry.bytes = std::make_shared<const std::string>(encode_plan(names, line));
    entry.key = plan_key(*entry.bytes);
    if (auto plan = decode_plan(*entry.bytes)) entry.plan = *std::move(plan);
    entries_.push_back(std::move(entry));
    if (entries_.size() > kPlansMax) entries_.pop_front();
    return entries_.back().key;
}

const PlanShelf::Entry* PlanShelf::find(uint64_t key) const {
    const auto found = std::find_if(entries_.rbegin(), entries_.rend(),
                                    [key](const Entry& e) { return e.key == key; });
    return found == entries_.rend() ? nullptr : &*found;
}

std::shared_ptr<const std::string> PlanShelf::bytes(uint64_t key) const {
    const std::lock_guard lock(mutex_);
    const Entry* const entry = find(key);
    return entry == nullptr ? nullptr : entry->bytes;
}

std::shared_ptr<const StoredPlan> PlanShelf::plan(uint64_t key) const {
    const std::lock_guard lock(mutex_);
    const Entry* const entry = find(key);
    return entry == nullptr ? unknown_plan() : entry->plan;
}

}  // namespace glassgate::flight
