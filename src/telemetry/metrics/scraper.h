// Scraper: reads all cells and walks all families through a visitor. Whoever scrapes runs it, one
// at a time (the registry's lock); workers neither wait for it nor see it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/metrics/family_visitor.h"
#include "telemetry/metrics/plan_layout.h"
#include "telemetry/metrics/registry.h"
#include "telemetry/metrics/series_index.h"
#include "telemetry/metrics/worker_cells.h"

namespace glassgate::telemetry {

class Scraper {
public:
    Scraper(SeriesIndex& index, const std::vector<std::unique_ptr<WorkerCells>>& workers)
        : index_(index), workers_(workers) {}

    void add_external(External external);

    // One scrape: takes in new series, gives back what retired plans held, drops series that nobody
    // holds any more, then visits every family.
    void scrape(FamilyVisitor& visitor);
    // As a scrape, for MetricsRegistry::sample: drops nothing but evicted clients, and
    // passes over what is long gone.
    void sample(FamilyVisitor& visitor);

    // The same upkeep without a scrape, at a reload: where nobody scrapes, what is gone must go,
    // too, or it would pile up. Its grace is longer: reloads may be closer together than scrapes.
    void tidy();

    [[nodiscard]] double value(std::string_view family,
                               const std::vector<std::pair<std::string, std::string>>& labels);

private:
    struct ExternalFamily {
        std::string name, help;
        FamilyType type;
        std::vector<std::function<void(std::vector<Sample>&)>> collect;
    };
    void take_in();
    void render_labels(SeriesGroup& group) const;
    void release_retired();
    [[nodiscard]] bool has_retired(const PlanLayout& layout) const;
    void drop_unheld(uint32_t SeriesGroup::* rounds, uint32_t grace);

    void visit_all(FamilyVisitor& visitor);
    [[nodiscard]] bool passed_over(const SeriesGroup& group) const noexcept;
    void visit_grouped(const Family& family, FamilyVisitor& visitor);
    void visit_externals(FamilyVisitor& visitor);
    void visit_process(FamilyVisitor& visitor);
    void visit_self(FamilyVisitor& visitor);
    void visit_number(const FamilyHead& head, double value, FamilyVisitor& visitor);
    void visit_histogram(const Family& family, const SeriesGroup& group, FamilyVisitor& visitor);
    void read_classic(const Family& family, const SeriesGroup& group);
    void read_native(const Family& family, const SeriesGroup& group);
    [[nodiscard]] uint64_t sum_cells(const SeriesGroup& group, uint32_t cell) const noexcept;
    [[nodiscard]] double value_of_external(
        std::string_view family, const std::vector<std::pair<std::string, std::string>>& labels);

    SeriesIndex& index_;
    const std::vector<std::unique_ptr<WorkerCells>>& workers_;
    std::array<std::vector<SeriesGroup*>, kGroupedSubjects> groups_;  // sorted by labels
    std::vector<std::shared_ptr<PlanLayout>> layouts_;                // not yet retired
    std::vector<ExternalFamily> externals_;
    uint64_t lines_ = 0;  // exposed by this scrape so far
    bool sampling_ = false;

    // Scratch of one histogram.
    std::array<uint64_t, kMaxEdges> cumulative_{};
    std::array<ExemplarReading, kMaxEdges> exemplars_{};
    NativeReading native_;
    uint64_t count_ = 0;
    std::vector<Sample> samples_;
};

}  // namespace glassgate::telemetry
