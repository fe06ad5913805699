// MetricsRegistry: every number the gateway exports, and the exposition of it.
//
// Numbers about exchanges live in per-worker cells: each worker is the only writer of its own
// (plain relaxed stores), the scraper sums them. A scrape takes no lock a worker could wait for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/names.h"
#include "model/recorder.h"
#include "telemetry/settings.h"

namespace glassgate::telemetry {

class FamilyVisitor;  // family_visitor.h

enum class Exposition : uint8_t {
    text_0_0_4,    // text/plain; version=0.0.4; charset=utf-8
    open_metrics,  // application/openmetrics-text; version=1.0.0; charset=utf-8, with exemplars
    protobuf,      // application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily;
                   // encoding=delimited, with native histograms
};

// From an Accept header (RFC 9110 §12.5.1, q-values), as Prometheus' scraper sends it.
[[nodiscard]] Exposition negotiate(std::string_view accept) noexcept;
[[nodiscard]] std::string_view content_type(Exposition exposition) noexcept;

// A number somebody else keeps (breaker states, sink counters, config generation): asked at every
// scrape on the scraping thread.
struct Sample {
    std::vector<std::pair<std::string_view, std::string>> labels;
    double value = 0;
};
enum class MetricType : uint8_t { counter, gauge, unknown };
struct External {
    std::string name;  // full name as in text 0.0.4, e.g. flex_circuit_breaker_state
    std::string help;
    MetricType type = MetricType::gauge;
    std::function<void(std::vector<Sample>&)> collect;
};

class MetricsRegistry {
public:
    // A scrape or two may be lost on the way; after this many a series that is gone is forgotten.
    // Enough for several scrapers and people who look in between: each must see the last of it.
    static constexpr unsigned kRetiredGraceScrapes = 20;
    // And where nobody scrapes, after so many reloads.
    static constexpr unsigned kRetiredGraceReloads = 32;

    MetricsRegistry(unsigned workers, const MetricsSettings& settings);
    ~MetricsRegistry();
    MetricsRegistry(const MetricsRegistry&) = delete;
    MetricsRegistry& operator=(const MetricsRegistry&) = delete;

    // Control thread. Makes the series of a plan exist at 0; numbers of series that were there
    // continue. Series of routes that are gone stay for `kRetiredGraceScrapes` scrapes after the
    // last plan that named them has retired, then vanish (no stale series, no reset in between).
    void plan_prepared(const std::shared_ptr<const model::PlanNames>& names,
                       const MetricsSettings& settings);

    // The folding half of worker `index`'s recorder: worker thread.
    class Cells;
    [[nodiscard]] Cells& cells(unsigned index) noexcept;

    void add_external(External external);  // before the first scrape, control thread

    // Any thread but a worker's; scrapes are serialised. Appends the whole exposition.
    void expose(Exposition exposition, std::string& out);

    // The same walk for the built-in store, which comes far more often: it does not use up the
    // grace a scraper has to see the last of a series, and does itself see it for
    // `kGoneGraceSamples` walks only. Any thread but a worker's; serialised with scrapes.
    void sample(FamilyVisitor& visitor);
    static constexpr unsigned kGoneGraceSamples = 3;

    // Sum over everything for tests and the panel: value of a counter or gauge series, or the count
    // of a histogram's; 0 if absent.
    [[nodiscard]] double value(std::string_view family,
                               const std::vector<std::pair<std::string, std::string>>& labels);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// The fold: one call per closed record, into the worker's own cells. 20 to 150 ns, no allocation
// in steady state, no atomic read-modify-write.
class MetricsRegistry::Cells {
public:
    virtual ~Cells() = default;
    virtual void plan_applied(std::shared_ptr<const model::PlanNames> names) = 0;
    virtual void plan_retired(uint64_t generation) = 0;
    virtual void connection_opened(uint32_t listener) noexcept = 0;
    virtual void connection_closed(const model::Connection& connection) noexcept = 0;
    virtual void exchange_opened(uint32_t listener) noexcept = 0;
    virtual void exchange_closed(const model::Exchange& exchange) noexcept = 0;
    virtual void upstream_connections_changed(std::string_view upstream, int delta) noexcept = 0;
};

}  // namespace glassgate::telemetry
