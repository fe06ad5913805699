// AlertmanagerLink: one Alertmanager that is told of every alert, as Prometheus tells it: again and
// again while it lasts. So only the newest of each alert waits for delivery, in memory.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "alert/notify/notice.h"
#include "alert/settings.h"

namespace glassgate::alert {

class AlertmanagerLink {
public:
    static constexpr std::size_t kQueueMax = 10'000;
    static constexpr std::size_t kBatchMax = 64;

    explicit AlertmanagerLink(HttpTarget target);
    // Tries once more to send what waits, for a second at most.
    ~AlertmanagerLink();
    AlertmanagerLink(const AlertmanagerLink&) = delete;
    AlertmanagerLink& operator=(const AlertmanagerLink&) = delete;

    void submit(const std::vector<Notice>& notices);  // any thread

    struct Numbers {
        uint64_t sent = 0, failed = 0, dropped = 0, queued = 0;  // alerts; failed: requests
        std::string last_error;
    };
    [[nodiscard]] Numbers numbers() const;
    [[nodiscard]] const HttpTarget& target() const noexcept { return target_; }
    [[nodiscard]] std::string url() const { return post_.url; }

private:
    void run();
    [[nodiscard]] std::vector<Notice> take();
    void put_back(std::vector<Notice> notices);

    const HttpTarget target_;
    HttpTarget post_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::atomic<bool> abort_{false};  // of the request under way
    bool stopping_ = false;
    std::map<store::Labels, Notice> waiting_;
    Numbers numbers_;
    std::thread thread_;
};

}  // namespace glassgate::alert
