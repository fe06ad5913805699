// AlertService: alerting as the gateway sees it: rules over the store, and everybody who is told.
//
// Owns its threads: one evaluates, one groups, one a receiver delivers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "alert/notify/alertmanager.h"
#include "alert/notify/dispatcher.h"
#include "alert/notify/lane.h"
#include "alert/notify/silences.h"
#include "alert/rules/engine.h"
#include "alert/settings.h"
#include "base/result.h"

namespace glassgate::alert {

class AlertService {
public:
    struct Hooks {
        // A rule that fails: group, rule, error. Told once until it is good or fails otherwise.
        std::function<void(const std::string&, const std::string&, const std::string&)> failed;
        std::function<TimeMs()> now;  // empty: the wall clock
    };

    // Error: its directory cannot be used. `store` outlives it.
    [[nodiscard]] static Result<std::unique_ptr<AlertService>> start(const Settings& settings,
                                                                     store::Store& store,
                                                                     Hooks hooks);
    // Stops; what is not delivered stays in the spool.
    ~AlertService();
    // All threads; numbers can still be asked. Once.
    void stop();
    AlertService(const AlertService&) = delete;
    AlertService& operator=(const AlertService&) = delete;

    // Follows a reload; one thread at a time. The directory stays what it was at the start.
    void reconfigure(const Settings& settings);

    [[nodiscard]] RuleEngine& rules() noexcept { return *rules_; }
    [[nodiscard]] Dispatcher& dispatcher() noexcept { return *dispatcher_; }
    [[nodiscard]] Silences& silences() noexcept { return *silences_; }
    [[nodiscard]] Database& database() noexcept { return *database_; }
    [[nodiscard]] Settings settings() const;
    [[nodiscard]] TimeMs now() const { return hooks_.now(); }
    [[nodiscard]] TimeMs started_ms() const noexcept { return started_ms_; }

    struct Receiver {
        std::string receiver, integration, kind;
        Lane::Numbers numbers;
    };
    struct Alertmanager {
        std::string url;
        AlertmanagerLink::Numbers numbers;
    };
    [[nodiscard]] std::vector<Receiver> receivers() const;
    [[nodiscard]] std::vector<Alertmanager> alertmanagers() const;

private:
    AlertService(std::unique_ptr<Database> database, Hooks hooks);
    void tell(std::vector<Notice> notices);
    void deliver(const std::string& integration, const Notification& notification);
    void replace_lanes(const Settings& settings);
    void drop_spool(const std::string& integration);
    void replace_links(const Settings& settings);

    const Hooks hooks_;
    TimeMs started_ms_ = 0;
    std::unique_ptr<Database> database_;
    std::unique_ptr<Silences> silences_;
    mutable std::mutex mutex_;  // guards what follows
    Settings settings_;
    std::map<std::string, std::shared_ptr<Lane>> lanes_;  // by integration
    std::map<std::string, std::string> receiver_of_;      // likewise
    std::vector<std::shared_ptr<AlertmanagerLink>> links_;
    std::unique_ptr<Dispatcher> dispatcher_;
    std::mutex failing_mutex_;
    std::map<std::string, std::string> failing_;  // rule to error, told
    std::unique_ptr<RuleEngine> rules_;           // last: its thread uses the others
};

}  // namespace glassgate::alert
