// Lane: the way to one integration of a receiver: a spool on disk and a thread that delivers from
// it, first in, first out. What could not be delivered is tried again with growing pauses, and
// given up when it is refused for good, too old, or pushed out of a full spool; each is counted and
// logged.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "alert/notify/database.h"
#include "alert/notify/format.h"
#include "alert/notify/transport.h"
#include "alert/settings.h"

namespace glassgate::alert {

struct LaneSettings {
    Integration integration;
    Links links;
    uint64_t spool_max_bytes = 0;
    int64_t max_age_ms = 0;
    uint64_t first_pause_ms = 1000, last_pause_ms = 300'000;  // between attempts
    bool operator==(const LaneSettings& other) const {
        return integration == other.integration && links.external_url == other.links.external_url &&
               links.runbook_url == other.links.runbook_url &&
               spool_max_bytes == other.spool_max_bytes && max_age_ms == other.max_age_ms;
    }
};

// Rows of the log of deliveries.
inline constexpr uint64_t kDeliveryRowsMax = 20'000;

class Lane {
public:
    // Goes on with what the spool has under this integration's name.
    Lane(LaneSettings settings, Database& database);
    // What is not delivered stays in the spool.
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    // Any thread. Durable when it returns.
    void submit(const Notification& notification);

    struct Numbers {
        uint64_t sent = 0, failed = 0, dropped = 0;  // notifications; failed: attempts
        uint64_t queued = 0, queued_bytes = 0;
        uint64_t last_sent_ms = 0, latency_ns = 0;  // latency: of all attempts together
        std::string last_error;                     // empty: the last attempt was good
    };
    [[nodiscard]] Numbers numbers() const;
    [[nodiscard]] const LaneSettings& settings() const noexcept { return settings_; }
    // Counters go on in the lane that replaces this one.
    void take_over(const Numbers& before);

private:
    void run();
    // Until the next attempt at the same row, in ms; 0: go on at once.
    [[nodiscard]] uint64_t attempt(const SpoolRow& row);
    [[nodiscard]] Delivery deliver(const Notification& notification);
    void finish(const SpoolRow& row, const Notification* notification, std::string_view outcome,
                const std::string& error);
    void make_room(uint64_t bytes);
    [[nodiscard]] uint64_t pause_ms(uint64_t attempts) const;

    const LaneSettings settings_;
    Database& database_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::atomic<bool> stop_{false};
    Numbers numbers_;
    std::thread thread_;
};

}  // namespace glassgate::alert
