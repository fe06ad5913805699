#include "telemetry/metrics/registry.h"

#include <atomic>
#include <mutex>

#include "base/check.h"
#include "telemetry/metrics/client_table.h"
#include "telemetry/metrics/expose_protobuf.h"
#include "telemetry/metrics/expose_text.h"
#include "telemetry/metrics/plan_layout.h"
#include "telemetry/metrics/scraper.h"
#include "telemetry/metrics/series_index.h"
#include "telemetry/metrics/worker_cells.h"

namespace glassgate::telemetry {

struct MetricsRegistry::State {
    State(unsigned worker_count, const MetricsSettings& settings)
        : index(worker_count, settings.series_limit),
          clients(index, settings.clients_limit),
          scraper(index, workers) {
        for (unsigned i = 0; i < worker_count; ++i)
            workers.push_back(std::make_unique<WorkerCells>(
                index, clients, i, [this](auto names) { return prepare(std::move(names)); }));
    }

    std::shared_ptr<PlanLayout> prepare(std::shared_ptr<const model::PlanNames> names) {
        const std::lock_guard lock(prepare_mutex);
        if (auto layout = index.layout_of(names.get())) return layout;
        auto layout = build_layout(index, std::move(names), ++sequence);
        index.add_layout(layout);
        return layout;
    }

    SeriesIndex index;
    ClientTable clients;
    std::vector<std::unique_ptr<WorkerCells>> workers;
    std::mutex scrape_mutex;  // the scraper; no worker ever takes it
    Scraper scraper;
    std::mutex prepare_mutex;
    uint64_t sequence = 0;
    std::size_t last_size = 0;  // of the last exposition, to allocate once
};

MetricsRegistry::MetricsRegistry(unsigned workers, const MetricsSettings& settings)
    : state_(std::make_unique<State>(workers, settings)) {}

MetricsRegistry::~MetricsRegistry() = default;

void MetricsRegistry::plan_prepared(const std::shared_ptr<const model::PlanNames>& names,
                                    const MetricsSettings& settings) {
    state_->index.set_limit(settings.series_limit);
    state_->clients.set_limit(settings.clients_limit);
    // A scrape in progress is doing the same upkeep: no need to wait for it.
    if (const std::unique_lock lock(state_->scrape_mutex, std::try_to_lock); lock.owns_lock())
        state_->scraper.tidy();
    (void)state_->prepare(names);
}

MetricsRegistry::Cells& MetricsRegistry::cells(unsigned index) noexcept {
    GW_CHECK(index < state_->workers.size());
    return *state_->workers[index];
}

void MetricsRegistry::add_external(External external) {
    const std::lock_guard lock(state_->scrape_mutex);
    state_->scraper.add_external(std::move(external));
}

void MetricsRegistry::expose(Exposition exposition, std::string& out) {
    const std::lock_guard lock(state_->scrape_mutex);
    const std::size_t start = out.size();
    out.reserve(start + state_->last_size + state_->last_size / 8);
    switch (exposition) {
        case Exposition::text_0_0_4: {
            TextExposer exposer(out);
            state_->scraper.scrape(exposer);
            break;
        }
        case Exposition::open_metrics: {
            OpenMetricsExposer exposer(out);
            state_->scraper.scrape(exposer);
            break;
        }
        case Exposition::protobuf: {
            ProtobufExposer exposer(out);
            state_->scraper.scrape(exposer);
            break;
        }
    }
    state_->last_size = out.size() - start;
}

void MetricsRegistry::sample(FamilyVisitor& visitor) {
    const std::lock_guard lock(state_->scrape_mutex);
    state_->scraper.sample(visitor);
}

double MetricsRegistry::value(std::string_view family,
                              const std::vector<std::pair<std::string, std::string>>& labels) {
    const std::lock_guard lock(state_->scrape_mutex);
    return state_->scraper.value(family, labels);
}

}  // namespace glassgate::telemetry
