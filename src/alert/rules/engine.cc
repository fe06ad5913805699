#include "alert/rules/engine.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "alert/template/functions.h"
#include "base/clock.h"
#include "store/query/label_sets.h"

namespace glassgate::alert {
namespace {

constexpr int64_t kAliveEveryMs = 5000;
constexpr uint64_t kQueryPatienceNs = 10 * kNsPerSecond;

// Spreads groups over their interval, the same way at every start.
uint64_t hash_of(const RuleGroup& group) {
    return fingerprint({{"file", group.file}, {"name", group.name}});
}

std::string json_of(const Pairs& pairs) {
    nlohmann::json out = nlohmann::json::object();
    for (const auto& [name, value] : pairs) out[name] = value;
    return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
std::string json_of(const store::Labels& labels) {
    Pairs pairs;
    for (const store::Label& label : labels) pairs.emplace_back(label.name, label.value);
    return json_of(pairs);
}

}  // namespace

class RuleEngine::StoreSink final : public SampleSink {
public:
    explicit StoreSink(store::Store& store) : store_(store) {}

    void append(const store::Labels& labels, TimeMs at_ms, double value,
                const store::query::HistogramPtr& histogram) override {
        const store::Handle handle = handle_of(labels);
        if (!handle.valid()) {
            ++refused;  // no room, which the store counts too
            return;
        }
        count(histogram != nullptr ? store_.append(handle, at_ms, histogram)
                                   : store_.append(handle, at_ms, value));
    }
    void end(const store::Labels& labels, TimeMs at_ms, bool was_histogram) override {
        const store::Handle handle = handle_of(labels);
        if (!handle.valid()) return;
        if (was_histogram)
            count(store_.append(handle, at_ms, store::query::HistogramPtr()));
        else
            count(store_.append(handle, at_ms, store::stale_marker()));
    }

    std::atomic<uint64_t> samples{0}, refused{0};

private:
    store::Handle handle_of(const store::Labels& labels) {
        return store_.obtain(labels,
                             store::kind_by_name(store::value_of(labels, store::kMetricName)));
    }
    void count(store::Append outcome) { ++(store::accepted(outcome) ? samples : refused); }

    store::Store& store_;
};

RuleEngine::RuleEngine(store::Store& store, Database& database, Hooks hooks)
    : store_(store),
      database_(database),
      hooks_(std::move(hooks)),
      sink_(std::make_unique<StoreSink>(store)) {}

RuleEngine::~RuleEngine() { stop(); }

Notice RuleEngine::notice_of(const Rule& rule, const ActiveAlert& alert) const {
    Notice notice;
    notice.labels = alert.labels;
    for (const store::Label& label : settings_.external_labels)
        if (store::value_of(notice.labels, label.name).empty())
            store::query::set_label(notice.labels, label.name, label.value);
    notice.annotations = alert.annotations;
    notice.starts_ms = alert.fired_at_ms.value_or(alert.active_at_ms);
    notice.ends_ms = alert.resolved_at_ms.value_or(alert.valid_until_ms);
    const Value query{rule.query};
    const auto link = find_function("tableLink")->call(TemplateScene{}, {&query, 1});
    std::string base = settings_.external_url;
    while (base.ends_with('/')) base.pop_back();
    notice.generator_url = base + (link ? to_text(*link) : "");
    return notice;
}

void RuleEngine::configure(const Settings& settings) {
    const std::lock_guard evaluating(evaluate_mutex_);
    const TimeMs now_ms = hooks_.now();
    std::vector<std::unique_ptr<GroupRun>> next;
    next.reserve(settings.groups.size());
    for (const RuleGroup& group : settings.groups)
        next.push_back(std::make_unique<GroupRun>(group, settings.evaluation_interval_ms));
    {
        const std::lock_guard lock(state_mutex_);
        settings_ = settings;
        // By the group's name and, of equal rules, in their order.
        for (const auto& run : next)
            for (const auto& before : groups_) {
                if (before->group.name != run->group.name || before->group.file != run->group.file)
                    continue;
                run->last_ms = before->last_ms;
                run->last_duration_ns = before->last_duration_ns;
                run->iterations = before->iterations;
                run->missed = before->missed;
                for (RuleState& rule : run->rules) {
                    const auto same = std::find_if(
                        before->rules.begin(), before->rules.end(),
                        [&](const RuleState& b) { return b.rule().same_as(rule.rule()); });
                    if (same == before->rules.end()) continue;
                    rule.take_over(*same);
                    before->rules.erase(same);
                }
            }
        std::swap(groups_, next);
        due_ms_.clear();
        due_ms_.reserve(groups_.size());
        for (const auto& run : groups_) due_ms_.push_back(slot_after(*run, now_ms));
    }
    // What is left of the old ones has no rule any more.
    for (const auto& run : next) {
        run->mark_stale(now_ms, *sink_);
        end_alerts_of(*run, now_ms);
    }
    if (!std::exchange(restored_, true)) restore(now_ms);
    {
        const std::lock_guard lock(wake_mutex_);
        ++configured_;
    }
    wake_.notify_all();
}

void RuleEngine::end_alerts_of(GroupRun& run, TimeMs now_ms) {
    std::vector<Notice> over;
    for (const RuleState& rule : run.rules)
        for (const auto& [labels, alert] : rule.active()) {
            if (alert.state == AlertState::inactive) continue;
            ActiveAlert ended = alert;
            ended.state = AlertState::inactive;
            ended.resolved_at_ms = now_ms;
            moved_.push_back({run.group.name, rule.rule().kind, rule.rule().name, ended,
                              alert.state, AlertState::inactive, now_ms});
            if (alert.state == AlertState::firing) over.push_back(notice_of(rule.rule(), ended));
        }
    write_moved();
    if (!over.empty()) hooks_.due(std::move(over));
}

// Time that nobody looked does not count as time the condition held.
void RuleEngine::restore(TimeMs now_ms) {
    const TimeMs alive_ms = database_.last_alive().value_or(now_ms);
    const int64_t away_ms = std::max<int64_t>(now_ms - alive_ms, 0);
    std::vector<Notice> over;
    for (SavedAlert& saved : database_.saved_alerts()) {
        RuleState* found = nullptr;
        for (const auto& run : groups_)
            for (RuleState& rule : run->rules)
                if (run->group.name == saved.group && rule.rule().name == saved.rule &&
                    rule.rule().kind == Rule::Kind::alerting)
                    found = found != nullptr ? found : &rule;
        // Rules of one name are told apart by the labels they add.
        for (const auto& run : groups_)
            for (RuleState& rule : run->rules) {
                if (run->group.name != saved.group || rule.rule().name != saved.rule) continue;
                const bool fits = std::all_of(
                    rule.rule().labels.begin(), rule.rule().labels.end(),
                    [&](const store::Label& label) {
                        return label.value.find("{{") != std::string::npos ||
                               store::value_of(saved.alert.labels, label.name) == label.value;
                    });
                if (fits) found = &rule;
            }
        ActiveAlert& alert = saved.alert;
        if (found != nullptr && away_ms <= settings_.outage_tolerance_ms) {
            if (alert.state == AlertState::pending) alert.active_at_ms += away_ms;
            const std::lock_guard lock(state_mutex_);
            found->restore(std::move(alert));
            continue;
        }
        database_.forget_alert(saved.group, saved.rule, alert.labels);
        if (alert.state != AlertState::firing) continue;
        alert.resolved_at_ms = now_ms;
        Rule gone;
        gone.name = saved.rule;
        over.push_back(notice_of(found != nullptr ? found->rule() : gone, alert));
    }
    if (!over.empty()) hooks_.due(std::move(over));
}

TimeMs RuleEngine::slot_after(const GroupRun& run, TimeMs after_ms) {
    const auto offset =
        static_cast<int64_t>(hash_of(run.group) % static_cast<uint64_t>(run.interval_ms));
    const int64_t turns = (after_ms - offset) / run.interval_ms;
    return (turns + 1) * run.interval_ms + offset;
}

void RuleEngine::start() {
    thread_ = std::thread([this] { run(); });
}

void RuleEngine::stop() {
    {
        const std::lock_guard lock(wake_mutex_);
        stopping_ = true;
    }
    cancel_.store(true);
    wake_.notify_all();
    if (!thread_.joinable()) return;
    thread_.join();
    const std::lock_guard evaluating(evaluate_mutex_);
    const TimeMs now_ms = hooks_.now();
    for (const auto& run : groups_) run->mark_stale(now_ms, *sink_);
    database_.save_alive(now_ms);
}

void RuleEngine::run() {
    while (true) {
        TimeMs next_ms = hooks_.now() + kAliveEveryMs;
        {
            const std::lock_guard evaluating(evaluate_mutex_);
            for (std::size_t i = 0; i < groups_.size(); ++i) {
                GroupRun& run = *groups_[i];
                const TimeMs now_ms = hooks_.now();
                if (due_ms_[i] <= now_ms) {
                    // The newest slot that has come; those before it were missed.
                    const TimeMs slot_ms = slot_after(run, now_ms) - run.interval_ms;
                    const int64_t missed =
                        std::max<int64_t>((slot_ms - due_ms_[i]) / run.interval_ms, 0);
                    due_ms_[i] = slot_ms + run.interval_ms;
                    {
                        const std::lock_guard lock(state_mutex_);
                        run.missed += static_cast<uint64_t>(missed);
                    }
                    evaluate(run, slot_ms);
                }
                // The clock was set back: from there on.
                if (due_ms_[i] > hooks_.now() + 2 * run.interval_ms)
                    due_ms_[i] = slot_after(run, hooks_.now());
                next_ms = std::min(next_ms, due_ms_[i]);
            }
            const TimeMs now_ms = hooks_.now();
            if (now_ms - alive_saved_ms_ >= kAliveEveryMs || alive_saved_ms_ > now_ms) {
                database_.save_alive(now_ms);
                alive_saved_ms_ = now_ms;
            }
        }
        std::unique_lock lock(wake_mutex_);
        const uint64_t configured = configured_;
        const int64_t wait_ms = std::max<int64_t>(next_ms - hooks_.now(), 1);
        wake_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                       [&] { return stopping_ || configured_ != configured; });
        if (stopping_) return;
    }
}

void RuleEngine::evaluate_all(TimeMs at_ms) {
    const std::lock_guard evaluating(evaluate_mutex_);
    for (const auto& run : groups_) evaluate(*run, at_ms);
}

void RuleEngine::evaluate(GroupRun& run, TimeMs at_ms) {
    EvaluationScene scene{store_, {}, settings_.external_labels, settings_.external_url};
    scene.query.limits.deadline_ns = mono_now_ns() + kQueryPatienceNs;
    scene.query.limits.cancelled = &cancel_;
    GroupRun::Events events;
    events.changed = [&](const Transition& t) {
        moved_.push_back(
            {run.group.name, t.rule.kind, t.rule.name, t.alert, t.before, t.after, t.at_ms});
    };
    events.due = [&](const Rule& rule, const std::vector<ActiveAlert>& due) {
        write_moved();  // before anybody is told
        std::vector<Notice> notices;
        notices.reserve(due.size());
        for (const ActiveAlert& alert : due) notices.push_back(notice_of(rule, alert));
        hooks_.due(std::move(notices));
    };
    events.failed = [&](const Rule& rule, const std::string& error) {
        if (!cancel_.load()) hooks_.failed(run.group.name, rule.name, error);
    };
    run.evaluate(scene, at_ms, settings_.resend_delay_ms, *sink_, state_mutex_, events);
    write_moved();
}

void RuleEngine::write_moved() {
    if (moved_.empty()) return;
    database_.together([&] {
        for (const Moved& m : moved_) {
            if (m.after == AlertState::inactive)
                database_.forget_alert(m.group, m.rule, m.alert.labels);
            else
                database_.save_alert({m.group, m.rule, m.alert});
            HistoryRow row;
            row.at_ms = m.at_ms;
            row.group = m.group;
            row.rule = m.rule;
            row.fingerprint = fingerprint_text(m.alert.labels);
            row.labels_json = json_of(m.alert.labels);
            row.annotations_json = json_of(m.alert.annotations);
            row.before = to_text(m.before);
            row.after = to_text(m.after);
            row.value = m.alert.value;
            database_.add_history(row, settings_.history_max_rows);
        }
    });
    moved_.clear();
}

void RuleEngine::look(
    const std::function<void(const std::vector<std::unique_ptr<GroupRun>>&)>& look) const {
    const std::lock_guard lock(state_mutex_);
    look(groups_);
}

RuleEngine::Numbers RuleEngine::numbers() const {
    Numbers out;
    out.samples = sink_->samples.load();
    out.samples_refused = sink_->refused.load();
    const std::lock_guard lock(state_mutex_);
    for (const auto& run : groups_) {
        Numbers::Group group;
        group.name = run->group.name;
        group.iterations = run->iterations;
        group.missed = run->missed;
        group.rules = run->rules.size();
        group.interval_s = static_cast<double>(run->interval_ms) / 1000;
        group.last_duration_s = static_cast<double>(run->last_duration_ns) / 1e9;
        group.last_at_s = static_cast<double>(run->last_ms) / 1000;
        for (const RuleState& rule : run->rules) {
            group.evaluations += rule.health.evaluations;
            group.failures += rule.health.failures;
            ++out.rules;
            for (const auto& [labels, alert] : rule.active()) {
                if (alert.state == AlertState::pending) ++out.pending;
                if (alert.state == AlertState::firing) ++out.firing;
            }
        }
        out.groups.push_back(std::move(group));
    }
    return out;
}

}  // namespace glassgate::alert
