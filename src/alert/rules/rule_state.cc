#include "alert/rules/rule_state.h"

#include <algorithm>
#include <set>

#include "store/query/label_sets.h"
#include "store/query/parser.h"

namespace glassgate::alert {
namespace {

namespace query = store::query;

constexpr std::string_view kAlertName = "alertname";

query::Sample alert_sample(const Rule& rule, const ActiveAlert& alert) {
    query::Sample sample{alert.labels, 1, nullptr};
    query::set_label(sample.labels, store::kMetricName, "ALERTS");
    query::set_label(sample.labels, kAlertName, rule.name);
    query::set_label(sample.labels, "alertstate", to_text(alert.state));
    return sample;
}

query::Sample for_state_sample(const Rule& rule, const ActiveAlert& alert) {
    const auto seconds = alert.active_at_ms / 1000 - (alert.active_at_ms % 1000 < 0 ? 1 : 0);
    query::Sample sample{alert.labels, static_cast<double>(seconds), nullptr};
    query::set_label(sample.labels, store::kMetricName, "ALERTS_FOR_STATE");
    query::set_label(sample.labels, kAlertName, rule.name);
    return sample;
}

// Labels and annotations of one element, expanded.
class Expansion {
public:
    Expansion(const Rule& rule, const EvaluationScene& scene, TimeMs at_ms,
              std::vector<std::string>& warnings)
        : rule_(rule), warnings_(warnings) {
        template_scene_.external_labels = scene.external_labels;
        template_scene_.external_url = scene.external_url;
        template_scene_.query =
            [&scene, at_ms](const std::string& text) -> Result<std::vector<query::Sample>> {
            const auto parsed = query::parse(text);
            if (!parsed) return failure(parsed.error().to_text(text));
            auto result = query::evaluate(scene.source, **parsed, at_ms, scene.query);
            if (!result) return failure(result.error().message);
            return std::move(*result);
        };
    }

    ActiveAlert alert(const query::Sample& sample, TimeMs at_ms) {
        template_scene_.labels = sample.labels;
        template_scene_.value = sample.value;
        ActiveAlert alert;
        alert.active_at_ms = at_ms;
        alert.value = sample.value;
        alert.labels = sample.labels;
        query::drop_name(alert.labels);
        for (std::size_t i = 0; i < rule_.labels.size(); ++i)
            query::set_label(alert.labels, rule_.labels[i].name, expand(rule_.label_templates[i]));
        query::set_label(alert.labels, kAlertName, rule_.name);
        for (std::size_t i = 0; i < rule_.annotations.size(); ++i)
            alert.annotations.emplace_back(rule_.annotations[i].first,
                                           expand(rule_.annotation_templates[i]));
        return alert;
    }

private:
    std::string expand(const Template& t) {
        auto text = t.expand(template_scene_);
        if (text) return std::move(*text);
        warnings_.push_back(text.error().message);
        return "<error expanding template: error executing template __alert_" + rule_.name + ": " +
               text.error().message + ">";
    }

    const Rule& rule_;
    std::vector<std::string>& warnings_;
    TemplateScene template_scene_;
};

}  // namespace

std::string_view to_text(AlertState state) noexcept {
    static constexpr std::string_view kNames[] = {"inactive", "pending", "firing"};
    return kNames[static_cast<std::size_t>(state)];
}

RuleState::Outcome RuleState::evaluate(const EvaluationScene& scene, TimeMs at_ms,
                                       int64_t limit) const {
    Outcome outcome;
    outcome.at_ms = at_ms;
    auto result = query::evaluate(scene.source, *rule_->expr, at_ms, scene.query);
    if (!result) {
        outcome.error = result.error().message;
        return outcome;
    }
    std::set<store::Labels> seen;
    if (rule_->kind == Rule::Kind::alerting) {
        Expansion expansion(*rule_, scene, at_ms, outcome.warnings);
        for (const query::Sample& sample : *result) {
            outcome.alerts.push_back(expansion.alert(sample, at_ms));
            if (seen.insert(outcome.alerts.back().labels).second) continue;
            outcome.error =
                "vector contains metrics with the same labelset after applying alert labels";
            return outcome;
        }
        return outcome;
    }
    for (query::Sample& sample : *result) {
        query::set_label(sample.labels, store::kMetricName, rule_->name);
        for (const store::Label& label : rule_->labels)
            query::set_label(sample.labels, label.name, label.value);
        if (!seen.insert(sample.labels).second) {
            outcome.error =
                "vector contains metrics with the same labelset after applying rule labels";
            return outcome;
        }
    }
    if (limit > 0 && static_cast<int64_t>(result->size()) > limit)
        outcome.error = "exceeded limit of " + std::to_string(limit) + " with " +
                        std::to_string(result->size()) + " series";
    else
        outcome.samples = std::move(*result);
    return outcome;
}

Result<std::vector<query::Sample>> RuleState::apply(
    Outcome outcome, int64_t limit, const std::function<void(const Transition&)>& changed) {
    if (rule_->kind == Rule::Kind::recording) return std::move(outcome.samples);
    std::map<store::Labels, bool> found;
    for (ActiveAlert& alert : outcome.alerts) {
        found.emplace(alert.labels, true);
        const auto known = active_.find(alert.labels);
        if (known != active_.end() && known->second.state != AlertState::inactive) {
            known->second.value = alert.value;
            known->second.annotations = std::move(alert.annotations);
            continue;
        }
        ActiveAlert& now = active_[alert.labels];
        now = std::move(alert);
        changed({*rule_, now, AlertState::inactive, AlertState::pending, outcome.at_ms});
    }
    std::vector<query::Sample> samples = step(outcome.at_ms, found, changed);
    const auto active = static_cast<int64_t>(samples.size() / 2);
    if (limit > 0 && active > limit) {
        for (auto& [labels, alert] : active_)
            if (alert.state != AlertState::inactive)
                changed({*rule_, alert, alert.state, AlertState::inactive, outcome.at_ms});
        active_.clear();
        return failure("exceeded limit of " + std::to_string(limit) + " with " +
                       std::to_string(active) + " alerts");
    }
    return samples;
}

std::vector<query::Sample> RuleState::step(TimeMs at_ms, const std::map<store::Labels, bool>& found,
                                           const std::function<void(const Transition&)>& changed) {
    std::vector<query::Sample> samples;
    for (auto i = active_.begin(); i != active_.end();) {
        ActiveAlert& alert = i->second;
        if (found.contains(i->first)) {
            alert.keep_firing_since_ms.reset();
        } else {
            bool keeps_firing = false;
            if (alert.state == AlertState::firing && rule_->keep_firing_for_ms > 0) {
                if (!alert.keep_firing_since_ms) alert.keep_firing_since_ms = at_ms;
                keeps_firing = at_ms - *alert.keep_firing_since_ms < rule_->keep_firing_for_ms;
            }
            const bool forget =
                alert.state == AlertState::pending ||
                (alert.resolved_at_ms && at_ms - *alert.resolved_at_ms > kResolvedRetentionMs);
            if (alert.state != AlertState::inactive && !keeps_firing) {
                const AlertState before = std::exchange(alert.state, AlertState::inactive);
                alert.resolved_at_ms = at_ms;
                changed({*rule_, alert, before, AlertState::inactive, at_ms});
            }
            if (!keeps_firing) {
                i = forget ? active_.erase(i) : std::next(i);
                continue;
            }
        }
        if (alert.state == AlertState::pending && at_ms - alert.active_at_ms >= rule_->for_ms) {
            alert.state = AlertState::firing;
            alert.fired_at_ms = at_ms;
            changed({*rule_, alert, AlertState::pending, AlertState::firing, at_ms});
        }
        samples.push_back(alert_sample(*rule_, alert));
        samples.push_back(for_state_sample(*rule_, alert));
        ++i;
    }
    return samples;
}

std::vector<ActiveAlert> RuleState::take_due(TimeMs at_ms, int64_t resend_delay_ms,
                                             int64_t interval_ms) {
    std::vector<ActiveAlert> due;
    for (auto& [labels, alert] : active_) {
        if (alert.state == AlertState::pending) continue;
        const TimeMs sent = alert.last_sent_ms.value_or(INT64_MIN / 2);
        const bool over = alert.resolved_at_ms && *alert.resolved_at_ms > sent;
        if (!over && sent + resend_delay_ms >= at_ms) continue;
        alert.last_sent_ms = at_ms;
        alert.valid_until_ms = at_ms + 4 * std::max(resend_delay_ms, interval_ms);
        due.push_back(alert);
    }
    return due;
}

void RuleState::take_over(RuleState& before) {
    active_ = std::move(before.active_);
    last_series = std::move(before.last_series);
    health = std::move(before.health);
}

AlertState RuleState::state() const noexcept {
    AlertState highest = AlertState::inactive;
    for (const auto& [labels, alert] : active_) highest = std::max(highest, alert.state);
    return highest;
}

}  // namespace glassgate::alert
