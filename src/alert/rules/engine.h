// RuleEngine: evaluates groups of rules over a store, each at its own interval, on a thread of its
// own; writes what they give back into the store, as Prometheus does (recording rules, ALERTS,
// ALERTS_FOR_STATE, staleness markers); keeps the state of alerts over reloads and restarts.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "alert/notify/database.h"
#include "alert/notify/notice.h"
#include "alert/rules/group_run.h"
#include "alert/settings.h"
#include "store/store.h"

namespace glassgate::alert {

class RuleEngine {
public:
    struct Hooks {
        std::function<void(std::vector<Notice>)> due;  // alerts to tell of
        // A rule whose evaluation begins to fail, or a template that cannot be expanded.
        std::function<void(const std::string& group, const std::string& rule,
                           const std::string& error)>
            failed;
        std::function<TimeMs()> now;  // milliseconds since the epoch
    };

    RuleEngine(store::Store& store, Database& database, Hooks hooks);
    ~RuleEngine();
    RuleEngine(const RuleEngine&) = delete;
    RuleEngine& operator=(const RuleEngine&) = delete;

    // Before start(), or at a reload. Rules that say the same, in a group of the same name, keep
    // their state; alerts of rules that are gone are over. The first time, the state of the run
    // before is taken up, if that is not too long ago.
    void configure(const Settings& settings);
    void start();
    // Marks its series as ended.
    void stop();

    // One group at a time, whatever the time; for tests.
    void evaluate_all(TimeMs at_ms);

    // For views: nothing changes while `look` runs. Any thread.
    void look(const std::function<void(const std::vector<std::unique_ptr<GroupRun>>&)>& look) const;

    struct Numbers {
        uint64_t pending = 0, firing = 0;  // alerts
        uint64_t rules = 0;
        uint64_t samples = 0, samples_refused = 0;  // written to the store
        struct Group {
            std::string name;
            uint64_t evaluations = 0, failures = 0;  // of rules
            uint64_t iterations = 0, missed = 0;
            uint64_t rules = 0;
            double interval_s = 0, last_duration_s = 0, last_at_s = 0;
        };
        std::vector<Group> groups;
    };
    [[nodiscard]] Numbers numbers() const;

private:
    class StoreSink;
    struct Moved {  // a transition, kept until it is written
        std::string group;
        Rule::Kind kind;
        std::string rule;
        ActiveAlert alert;
        AlertState before, after;
        TimeMs at_ms;
    };

    void run();
    void evaluate(GroupRun& run, TimeMs at_ms);
    void write_moved();
    void restore(TimeMs now_ms);
    void end_alerts_of(GroupRun& run, TimeMs now_ms);
    [[nodiscard]] Notice notice_of(const Rule& rule, const ActiveAlert& alert) const;
    [[nodiscard]] static TimeMs slot_after(const GroupRun& run, TimeMs after_ms);

    store::Store& store_;
    Database& database_;
    const Hooks hooks_;
    std::unique_ptr<StoreSink> sink_;

    mutable std::mutex state_mutex_;  // what views look at
    std::mutex evaluate_mutex_;       // one evaluation or reconfiguration at a time; taken first
    std::vector<std::unique_ptr<GroupRun>> groups_;
    std::vector<TimeMs> due_ms_;  // same order
    Settings settings_;
    bool restored_ = false;
    std::vector<Moved> moved_;
    TimeMs alive_saved_ms_ = 0;

    std::mutex wake_mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    uint64_t configured_ = 0;  // counts
    std::thread thread_;
    std::atomic<bool> cancel_{false};  // of the query under way
};

}  // namespace glassgate::alert
