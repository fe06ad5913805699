// SeriesIndex: which series exist, where their cells are, and how many there may be.
//
// Three kinds of threads meet here. The control thread (a plan is prepared) and workers (first
// sight of something made on demand) create under a mutex that is held for one creation at a time.
// The scraper never takes that mutex: it learns of new series from a lock-free stack, decides when
// one vanishes by compare-and-swap on its `hold`, and hands the dead back on another stack. So no
// scrape can make a worker wait.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/ending.h"
#include "model/names.h"
#include "telemetry/metrics/catalogue.h"
#include "telemetry/metrics/cell_store.h"
#include "telemetry/metrics/eviction_clock.h"

namespace glassgate::telemetry {

struct PlanLayout;

// All series of one label set of one subject.
struct SeriesGroup {
    // In `hold`: how many plans name it (or other owners), and two marks.
    static constexpr uint32_t kVanished = 1u << 31;  // no longer exposed; nobody may claim it
    static constexpr uint32_t kOnDemand = 1u << 30;  // lives as long as its parent
    static constexpr uint32_t kOwners = kOnDemand - 1;

    Subject subject;
    std::vector<std::string> labels;
    SeriesGroup* parent = nullptr;
    uint32_t children = 0;  // that still point here; under the index's mutex
    CellIndex first_cell = kNoCell;
    std::atomic<uint32_t> hold{0};
    std::atomic<uint64_t> evicted_at{0};  // clients: EvictionClock time of the last eviction
    SeriesGroup* next = nullptr;          // on a stack

    // The scraper's.
    std::string label_text;   // route="a",method="GET",path="/x"
    std::string label_proto;  // the same as encoded LabelPair fields
    // Since it was last seen alive.
    uint32_t unheld_scrapes = 0, unheld_reloads = 0, unheld_samples = 0;

    [[nodiscard]] bool alive() const noexcept {
        const uint32_t h = hold.load(std::memory_order_acquire);
        if ((h & kVanished) != 0) return false;
        if ((h & kOwners) != 0) return true;
        return (h & kOnDemand) != 0 && (parent == nullptr || parent->alive());
    }
};

enum class Claim : uint8_t {
    named,      // the caller owns one hold and gives it back with release()
    on_demand,  // held by the parent's being alive
};

using Labels = std::span<const std::string_view>;

class SeriesIndex {
public:
    SeriesIndex(unsigned workers, uint64_t series_limit);
    ~SeriesIndex();
    SeriesIndex(const SeriesIndex&) = delete;
    SeriesIndex& operator=(const SeriesIndex&) = delete;

    // --- control thread and workers -------------------------------------------------------------
    // The group with these labels, made if there is none. When the budget is spent, the overflow
    // group of the subject, all labels "other": creation never fails.
    [[nodiscard]] SeriesGroup& obtain(Subject subject, Labels labels, SeriesGroup* parent,
                                      Claim claim);
    [[nodiscard]] SeriesGroup& overflow(Subject subject);
    void count_overflow() noexcept { overflows_.fetch_add(1, std::memory_order_relaxed); }

    void set_limit(uint64_t series_limit) noexcept { limit_.store(series_limit); }
    void add_layout(std::shared_ptr<PlanLayout> layout);
    [[nodiscard]] std::shared_ptr<PlanLayout> layout_of(const model::PlanNames* names);
    // Groups of a subject that still have cells, dead ones included.
    [[nodiscard]] std::size_t existing(Subject subject) const noexcept {
        return existing_[static_cast<std::size_t>(subject)].load(std::memory_order_relaxed);
    }

    // --- any thread -----------------------------------------------------------------------------
    void release(SeriesGroup& group) noexcept {
        group.hold.fetch_sub(1, std::memory_order_acq_rel);
    }
    [[nodiscard]] CellStore& store() noexcept { return store_; }
    [[nodiscard]] EvictionClock& clock() noexcept { return clock_; }
    [[nodiscard]] uint64_t limit() const noexcept { return limit_.load(); }
    [[nodiscard]] uint64_t overflows() const noexcept { return overflows_.load(); }

    // --- the scraper ----------------------------------------------------------------------------
    [[nodiscard]] SeriesGroup* take_new() noexcept { return born_.exchange(nullptr); }
    // Newest first.
    [[nodiscard]] std::vector<std::shared_ptr<PlanLayout>> take_layouts();
    // Marks a group that is not alive; false when somebody has claimed it meanwhile.
    [[nodiscard]] bool vanish(SeriesGroup& group) noexcept;
    void bury(SeriesGroup& group) noexcept;  // vanished and forgotten by the scraper
    void set_external_lines(uint64_t lines) noexcept { external_lines_.store(lines); }

    // Series that are there from the start and stay.
    struct Fixed {
        std::array<SeriesGroup*, kMethodCount> no_route{};
        // By ending * kOriginCount + origin; null: on demand.
        std::array<SeriesGroup*, model::kEndingCount * model::kOriginCount> endings{};
    };
    [[nodiscard]] const Fixed& fixed() const noexcept { return fixed_; }

private:
    struct LayoutNode {
        std::shared_ptr<PlanLayout> layout;
        LayoutNode* next;
    };
    void make_fixed();
    void set_key(Subject subject, Labels labels);
    [[nodiscard]] static bool claim(SeriesGroup& group, Claim claim) noexcept;
    [[nodiscard]] bool charge(uint64_t lines) noexcept;
    SeriesGroup& create(Subject subject, Labels labels, SeriesGroup* parent, CellIndex first,
                        Claim claim);
    SeriesGroup& overflow_locked(Subject subject);
    void reap(std::size_t most);
    void free_group(SeriesGroup& group);

    std::atomic<uint64_t> limit_;
    std::atomic<uint64_t> used_{0};
    std::atomic<uint64_t> external_lines_{0};
    std::atomic<uint64_t> overflows_{0};
    std::array<std::atomic<std::size_t>, kGroupedSubjects> existing_{};
    std::atomic<SeriesGroup*> born_{nullptr};
    std::atomic<SeriesGroup*> buried_{nullptr};
    std::atomic<LayoutNode*> layouts_born_{nullptr};
    EvictionClock clock_;

    std::mutex mutex_;  // all below
    CellStore store_;   // allocate and release; at() is for everybody
    std::unordered_map<std::string, SeriesGroup*> by_key_;
    std::unordered_set<SeriesGroup*> all_;
    std::vector<SeriesGroup*> dead_;  // waiting for reap()
    std::array<SeriesGroup*, kGroupedSubjects> overflow_{};
    std::array<CellIndex, kGroupedSubjects> overflow_cells_{};
    std::vector<std::shared_ptr<PlanLayout>> layouts_;
    std::string key_;
    Fixed fixed_;
};

}  // namespace glassgate::telemetry
