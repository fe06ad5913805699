// What the configuration says about the built-in series store, compiled and checked. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/settings.h"

namespace glassgate::config {

// Other gateways (or anything with Prometheus' text formats) whose metrics are fetched.
struct ScrapeJob {
    std::string job;
    std::vector<std::string> targets;  // URLs
    int64_t interval_ms = 5000;
    bool operator==(const ScrapeJob&) const = default;
};

struct StoreSettings {
    bool enabled = true;
    std::string path;  // empty: the state directory's, or memory only if there is none
    std::string job = "flex-gateway";  // of the gateway's own series: what the dashboards ask for
    std::vector<store::Tier> tiers = store::Settings{}.tiers;
    uint32_t max_series = store::Settings{}.max_series;
    uint64_t memory_max_bytes = store::Settings{}.memory_max_bytes;
    uint64_t disk_max_bytes = store::Settings{}.disk_max_bytes;
    int64_t flush_ms = store::Settings{}.flush_interval_ms;
    int64_t interval_ms = store::kSecondMs;  // of the gateway's own metrics
    std::vector<ScrapeJob> scrape;           // the only part that changes with a reload

    [[nodiscard]] bool same_store(const StoreSettings& other) const {
        StoreSettings copy = other;
        copy.scrape = scrape;
        return *this == copy;
    }
    bool operator==(const StoreSettings&) const = default;
};

}  // namespace glassgate::config
