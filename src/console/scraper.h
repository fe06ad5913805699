// Scraper: fetches the metrics of other gateways (or anything with Prometheus' text formats) into
// the built-in store, as a Prometheus would: up, scrape_duration_seconds, scrape_samples_scraped,
// staleness markers when a target fails or a series goes. Each target has a thread: for a handful.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "config/store_settings.h"
#include "console/api/metadata_table.h"
#include "console/api/prometheus_api.h"
#include "store/feed/feed.h"

namespace glassgate::console {

// What a Prometheus would have discovered of a target.
[[nodiscard]] store::Labels discovered_labels(const std::string& url, const std::string& job);

// One GET; any thread, one at a time. Gives up soon after `stopping` is set.
class Fetcher {
public:
    static constexpr std::size_t kBodyBytesMax = 64u << 20;  // unpacked

    Fetcher();
    ~Fetcher();
    Fetcher(const Fetcher&) = delete;
    Fetcher& operator=(const Fetcher&) = delete;

    struct Fetched {
        std::string body, content_type;
    };
    // Error: in words, as "server returned HTTP status 503 Service Unavailable".
    [[nodiscard]] Result<Fetched> get(const std::string& url, int64_t timeout_ms,
                                      const std::atomic<bool>& stopping);

private:
    struct Transfer;
    static std::size_t on_body(char* data, std::size_t size, std::size_t count,
                               void* transfer) noexcept;
    static int on_progress(void* transfer, long, long, long, long) noexcept;
    void* easy_ = nullptr;  // CURL
};

class Scraper {
public:
    Scraper(store::Store& store, MetadataTable& metadata, const config::ScrapeJob& job,
            const std::string& url);
    ~Scraper();  // ends its series
    Scraper(const Scraper&) = delete;
    Scraper& operator=(const Scraper&) = delete;

    [[nodiscard]] ScrapeTarget state() const;  // any thread
    // One round at that time; for tests, while it is not started.
    void scrape(store::TimeMs t_ms);
    void start();

private:
    void run();
    [[nodiscard]] Result<std::size_t> feed(store::TimeMs t_ms);

    MetadataTable& metadata_;
    const int64_t interval_ms_, timeout_ms_;
    store::Feed feed_;
    store::TimeMs last_ms_ = store::kNever;
    Fetcher fetcher_;
    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    ScrapeTarget target_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace glassgate::console
