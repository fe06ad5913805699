#include "alert/notify/dispatcher.h"

#include <algorithm>
#include <chrono>

namespace glassgate::alert {
namespace {

constexpr int64_t kCollectEveryMs = 60'000;
constexpr int64_t kToldRetentionMs = 120ll * 3'600'000;
constexpr TimeMs kIdleWaitMs = 60'000;

bool subset(const std::set<uint64_t>& a, const std::set<uint64_t>& b) {
    return std::includes(b.begin(), b.end(), a.begin(), a.end());
}

// Alertmanager's DedupStage.needsUpdate.
bool needs_telling(const ToldRow* before, const std::set<uint64_t>& firing,
                   const std::set<uint64_t>& resolved, bool send_resolved, int64_t repeat_ms,
                   TimeMs now_ms) {
    if (before == nullptr) return !firing.empty();
    if (!subset(firing, before->firing)) return true;
    if (firing.empty()) return !before->firing.empty();
    if (send_resolved && !subset(resolved, before->resolved)) return true;
    return before->at_ms <= now_ms - repeat_ms;
}

}  // namespace

Dispatcher::Dispatcher(Database& database, Silences& silences, Deliver deliver, Now now)
    : database_(database),
      silences_(silences),
      deliver_(std::move(deliver)),
      now_(std::move(now)),
      plan_(std::make_shared<const Plan>()) {
    for (ToldRow& row : database_.told()) {
        const auto key = std::pair(row.group_key, row.integration);
        told_.emplace(key, std::move(row));
    }
}

Dispatcher::~Dispatcher() { stop(); }

void Dispatcher::start() {
    thread_ = std::thread([this] { run(); });
}

void Dispatcher::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Dispatcher::configure(Route route, std::vector<Receiver> receivers,
                           std::vector<Inhibition> inhibitions, std::string external_url) {
    auto plan = std::make_shared<Plan>();
    plan->route = std::move(route);
    for (Receiver& receiver : receivers)
        plan->receivers.emplace(receiver.name, std::move(receiver));
    plan->inhibitions = std::move(inhibitions);
    plan->external_url = std::move(external_url);
    {
        const std::lock_guard lock(mutex_);
        groups_.clear();
        plan_ = std::move(plan);
        const TimeMs now_ms = now_();
        for (const auto& [labels, notice] : alerts_) place(notice, now_ms);
        changed_ = true;
    }
    wake_.notify_all();
}

void Dispatcher::receive(std::vector<Notice> notices) {
    {
        const std::lock_guard lock(mutex_);
        const TimeMs now_ms = now_();
        for (Notice& notice : notices) {
            notice.updated_ms = now_ms;
            Notice& known = alerts_[notice.labels];
            // It goes on: it began when it began.
            if (!known.labels.empty() && known.ends_ms > now_ms &&
                known.starts_ms < notice.starts_ms)
                notice.starts_ms = known.starts_ms;
            known = std::move(notice);
            place(known, now_ms);
        }
        changed_ = true;
    }
    wake_.notify_all();
}

void Dispatcher::place(const Notice& notice, TimeMs now_ms) {
    for (const RouteMatch& match : match_routes(plan_->route, notice.labels)) {
        store::Labels labels = group_labels(*match.route, notice.labels);
        const std::string key = match.key + ":" + labels_key(labels);
        const auto [found, fresh] = groups_.try_emplace(key);
        Group& group = found->second;
        if (fresh) {
            group.key = key;
            group.route = match.route;
            group.labels = std::move(labels);
            group.next_ms = now_ms + match.route->group_wait_ms;
        }
        group.members[notice.labels] = notice.updated_ms;
        // One that has waited elsewhere (before a restart) does not wait again.
        if (!group.flushed && notice.starts_ms + match.route->group_wait_ms < now_ms)
            group.next_ms = std::min(group.next_ms, now_ms);
    }
}

std::vector<std::string> Dispatcher::inhibiting(const store::Labels& labels, TimeMs now_ms) const {
    std::vector<std::string> out;
    for (const Inhibition& rule : plan_->inhibitions) {
        if (!all_match(rule.target, labels)) continue;
        // What matches both sides does not inhibit its like.
        const bool both = all_match(rule.source, labels);
        for (const auto& [source, notice] : alerts_) {
            if (notice.resolved_at(now_ms) || !all_match(rule.source, source)) continue;
            if (both && all_match(rule.target, source)) continue;
            const bool equal =
                std::all_of(rule.equal.begin(), rule.equal.end(), [&](const std::string& name) {
                    return store::value_of(source, name) == store::value_of(labels, name);
                });
            if (equal) out.push_back(fingerprint_text(source));
        }
    }
    return out;
}

void Dispatcher::flush(Group& group, TimeMs now_ms, std::vector<Due>& out) {
    std::vector<Notification::Alert> alerts;
    for (auto i = group.members.begin(); i != group.members.end();) {
        const auto known = alerts_.find(i->first);
        if (known == alerts_.end()) {
            i = group.members.erase(i);
            continue;
        }
        const Notice& notice = known->second;
        const bool muted = !silences_.silencing(notice.labels, now_ms).empty() ||
                           !inhibiting(notice.labels, now_ms).empty();
        if (!muted) alerts.push_back({!notice.resolved_at(now_ms), notice});
        ++i;
    }
    std::stable_sort(alerts.begin(), alerts.end(),
                     [](const auto& a, const auto& b) { return a.firing > b.firing; });
    const auto receiver = plan_->receivers.find(group.route->receiver);
    if (receiver != plan_->receivers.end())
        for (const Integration& integration : receiver->second.integrations)
            decide(integration, group, alerts, now_ms, out);
    // Told of: what is over leaves the group.
    std::erase_if(group.members,
                  [&](const auto& member) { return alerts_.at(member.first).resolved_at(now_ms); });
    group.flushed = true;
    group.next_ms = now_ms + group.route->group_interval_ms;
}

void Dispatcher::decide(const Integration& integration, const Group& group,
                        const std::vector<Notification::Alert>& alerts, TimeMs now_ms,
                        std::vector<Due>& out) {
    if (alerts.empty()) return;
    ToldRow told{group.key, integration.name, {}, {}, now_ms};
    for (const Notification::Alert& alert : alerts)
        (alert.firing ? told.firing : told.resolved).insert(fingerprint(alert.notice.labels));
    const auto before = told_.find({group.key, integration.name});
    if (!needs_telling(before == told_.end() ? nullptr : &before->second, told.firing,
                       told.resolved, integration.send_resolved, group.route->repeat_interval_ms,
                       now_ms))
        return;
    Due due;
    due.integration = integration.name;
    due.only_remember = told.firing.empty() && !integration.send_resolved;
    due.notification.receiver = group.route->receiver;
    due.notification.group_key = group.key;
    due.notification.group_labels = group.labels;
    due.notification.external_url = plan_->external_url;
    due.notification.at_ms = now_ms;
    for (const Notification::Alert& alert : alerts)
        if (alert.firing || integration.send_resolved) due.notification.alerts.push_back(alert);
    due.told = told;
    told_[{group.key, integration.name}] = std::move(told);
    out.push_back(std::move(due));
}

void Dispatcher::forget_old(TimeMs now_ms) {
    if (now_ms - collected_ms_ < kCollectEveryMs) return;
    collected_ms_ = now_ms;
    std::erase_if(told_,
                  [&](const auto& row) { return row.second.at_ms < now_ms - kToldRetentionMs; });
    database_.forget_told_before(now_ms - kToldRetentionMs);
    silences_.collect(now_ms);
}

TimeMs Dispatcher::run_once() {
    std::vector<Due> due;
    TimeMs next_ms = 0;
    {
        const std::lock_guard lock(mutex_);
        const TimeMs now_ms = now_();
        for (auto& [key, group] : groups_)
            if (group.next_ms <= now_ms) flush(group, now_ms, due);
        std::erase_if(groups_, [](const auto& group) {
            return group.second.flushed && group.second.members.empty();
        });
        // An alert that is over and that no group waits to tell of.
        std::erase_if(alerts_, [&](const auto& alert) {
            if (!alert.second.resolved_at(now_ms)) return false;
            return std::none_of(groups_.begin(), groups_.end(), [&](const auto& group) {
                return group.second.members.contains(alert.first);
            });
        });
        forget_old(now_ms);
        next_ms = now_ms + kIdleWaitMs;
        for (const auto& [key, group] : groups_) next_ms = std::min(next_ms, group.next_ms);
        changed_ = false;
    }
    for (const Due& one : due) {
        // Spooled first: after a crash in between it is told twice rather than never.
        if (!one.only_remember) deliver_(one.integration, one.notification);
        database_.save_told(one.told);
    }
    return next_ms;
}

void Dispatcher::run() {
    while (true) {
        const TimeMs next_ms = run_once();
        std::unique_lock lock(mutex_);
        if (stopping_) return;
        const int64_t wait_ms = std::max<int64_t>(next_ms - now_(), 1);
        wake_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                       [this] { return stopping_ || changed_; });
        if (stopping_) return;
    }
}

std::vector<Dispatcher::View> Dispatcher::alerts() const {
    const std::lock_guard lock(mutex_);
    const TimeMs now_ms = now_();
    std::vector<View> out;
    for (const auto& [labels, notice] : alerts_) {
        if (notice.resolved_at(now_ms)) continue;
        View view{notice, {}, silences_.silencing(labels, now_ms), inhibiting(labels, now_ms)};
        for (const RouteMatch& match : match_routes(plan_->route, labels))
            view.receivers.push_back(match.route->receiver);
        out.push_back(std::move(view));
    }
    return out;
}

std::vector<Dispatcher::GroupView> Dispatcher::groups() const {
    const std::lock_guard lock(mutex_);
    std::vector<GroupView> out;
    for (const auto& [key, group] : groups_) {
        GroupView view{group.labels, group.route->receiver, {}};
        for (const auto& [labels, updated] : group.members)
            if (const auto known = alerts_.find(labels); known != alerts_.end())
                view.notices.push_back(known->second);
        out.push_back(std::move(view));
    }
    return out;
}

Dispatcher::Numbers Dispatcher::numbers() const {
    Numbers out;
    for (const View& view : alerts()) {
        ++out.alerts;
        if (!view.silenced_by.empty() || !view.inhibited_by.empty()) ++out.suppressed;
    }
    const std::lock_guard lock(mutex_);
    out.groups = groups_.size();
    return out;
}

}  // namespace glassgate::alert
