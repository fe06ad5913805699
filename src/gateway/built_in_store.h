// BuiltInStore: the series store and what feeds it: the gateway's own metrics each second, and
// scraped siblings. Opened first and closed last.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/store_settings.h"
#include "console/api/metadata_table.h"
#include "console/api/prometheus_api.h"
#include "console/scraper.h"
#include "gateway/store_feed.h"
#include "store/feed/sampler.h"
#include "store/store.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::gateway {

class BuiltInStore {
public:
    // state_directory: where the process may keep things; empty: nowhere. Error: the store cannot
    // be opened there.
    static Result<std::unique_ptr<BuiltInStore>> open(const config::StoreSettings& settings,
                                                      const std::string& state_directory,
                                                      telemetry::MetricsRegistry& registry,
                                                      const std::string& gateway);
    ~BuiltInStore();  // stop()
    BuiltInStore(const BuiltInStore&) = delete;
    BuiltInStore& operator=(const BuiltInStore&) = delete;

    // From now on the gateway is sampled and siblings are scraped.
    void start(const std::string& metrics_url);
    // Follows a reload: other siblings, nothing else. Control thread.
    void reconfigure(const config::StoreSettings& settings);
    // Samples once more what came since the last round, and ends all series. Once.
    void stop();

    [[nodiscard]] store::Store& store() noexcept { return *store_; }
    [[nodiscard]] console::MetadataTable& metadata() noexcept { return metadata_; }
    [[nodiscard]] std::vector<console::ScrapeTarget> targets() const;  // any thread

private:
    BuiltInStore(std::unique_ptr<store::Store> store, const config::StoreSettings& settings,
                 telemetry::MetricsRegistry& registry, const std::string& gateway);
    void export_metrics(telemetry::MetricsRegistry& registry);
    void scrape(const std::vector<config::ScrapeJob>& jobs);

    std::unique_ptr<store::Store> store_;
    console::MetadataTable metadata_;
    config::StoreSettings settings_;
    StoreFeed feed_;
    const store::Labels labels_;  // of the gateway's own series
    store::Sampler sampler_;
    bool started_ = false;
    std::string metrics_url_;
    mutable std::mutex mutex_;  // guards what follows
    std::vector<std::unique_ptr<console::Scraper>> scrapers_;
};

// Where a service or a laptop keeps its state: `given` (--state-dir), else $STATE_DIRECTORY as
// systemd sets it, else nowhere (empty).
[[nodiscard]] std::string state_directory(const std::string& given);

}  // namespace glassgate::gateway
