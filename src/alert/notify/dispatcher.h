// Dispatcher: what Alertmanager does between an alert and a notification: grouping, waiting,
// repeating, inhibiting, silencing, and remembering what was told. Same semantics (0.25), except
// that what was told is remembered when it is in the spool.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "alert/notify/database.h"
#include "alert/notify/notice.h"
#include "alert/notify/routing.h"
#include "alert/notify/silences.h"

namespace glassgate::alert {

class Dispatcher {
public:
    // Hands a notification to an integration of that name. Not under a lock.
    using Deliver = std::function<void(const std::string& integration, const Notification&)>;
    // Milliseconds since the epoch; for tests.
    using Now = std::function<TimeMs()>;

    Dispatcher(Database& database, Silences& silences, Deliver deliver, Now now);
    ~Dispatcher();
    Dispatcher(const Dispatcher&) = delete;
    Dispatcher& operator=(const Dispatcher&) = delete;

    void start();  // its thread; without it call run_once()
    void stop();

    // Any thread. Groups are formed anew; what was told is remembered.
    void configure(Route route, std::vector<Receiver> receivers,
                   std::vector<Inhibition> inhibitions, std::string external_url);
    // Any thread.
    void receive(std::vector<Notice> notices);

    // What is due now; when to come back.
    TimeMs run_once();

    struct View {
        Notice notice;
        std::vector<std::string> receivers, silenced_by, inhibited_by;
    };
    // Those that are not over; any thread.
    [[nodiscard]] std::vector<View> alerts() const;
    struct GroupView {
        store::Labels labels;
        std::string receiver;
        std::vector<Notice> notices;
    };
    [[nodiscard]] std::vector<GroupView> groups() const;
    struct Numbers {
        uint64_t alerts = 0, groups = 0;
        uint64_t suppressed = 0;  // silenced or inhibited, now
    };
    [[nodiscard]] Numbers numbers() const;

private:
    struct Group {
        std::string key;  // route and labels
        const Route* route = nullptr;
        store::Labels labels;
        std::map<store::Labels, TimeMs> members;  // with when they were last updated
        TimeMs next_ms = 0;
        bool flushed = false;
    };
    // Where settings are, so that groups can point into them.
    struct Plan {
        Route route;
        std::map<std::string, Receiver> receivers;
        std::vector<Inhibition> inhibitions;
        std::string external_url;
    };
    struct Due {
        std::string integration;
        Notification notification;
        ToldRow told;
        bool only_remember = false;
    };

    void run();
    void place(const Notice& notice, TimeMs now_ms);
    void flush(Group& group, TimeMs now_ms, std::vector<Due>& out);
    void decide(const Integration& integration, const Group& group,
                const std::vector<Notification::Alert>& alerts, TimeMs now_ms,
                std::vector<Due>& out);
    [[nodiscard]] std::vector<std::string> inhibiting(const store::Labels& labels,
                                                      TimeMs now_ms) const;
    void forget_old(TimeMs now_ms);

    Database& database_;
    Silences& silences_;
    const Deliver deliver_;
    const Now now_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false, changed_ = false;
    std::shared_ptr<const Plan> plan_;
    std::map<store::Labels, Notice> alerts_;
    std::map<std::string, Group> groups_;
    std::map<std::pair<std::string, std::string>, ToldRow> told_;  // by group and integration
    TimeMs collected_ms_ = 0;
    std::thread thread_;
};

}  // namespace glassgate::alert
