// RuleState: one rule and what is known of it: the alerts that are active, the series it gave last,
// how its evaluations went. The state machine is that of Prometheus 2.42 (rules/alerting.go).
//
// Not thread-safe: evaluate() works without touching the state, apply() changes it; who shares it
// guards it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "alert/rules/rule_file.h"
#include "store/query/engine.h"

namespace glassgate::alert {

using store::TimeMs;

enum class AlertState : uint8_t { inactive, pending, firing };
[[nodiscard]] std::string_view to_text(AlertState state) noexcept;

struct ActiveAlert {
    store::Labels labels;
    Pairs annotations;
    AlertState state = AlertState::pending;
    double value = 0;
    TimeMs active_at_ms = 0;
    std::optional<TimeMs> fired_at_ms, resolved_at_ms, keep_firing_since_ms, last_sent_ms;
    TimeMs valid_until_ms = 0;  // what a receiver may take for granted: then it is over
};

// How long an alert that is over is remembered, so that everybody hears of it.
inline constexpr int64_t kResolvedRetentionMs = 15 * 60 * 1000;

// What an evaluation is done with.
struct EvaluationScene {
    const store::Source& source;
    store::query::Options query;
    store::Labels external_labels;
    std::string external_url;
};

// A change of an alert's state, told as it happens.
struct Transition {
    const Rule& rule;
    const ActiveAlert& alert;
    AlertState before, after;
    TimeMs at_ms;
};

class RuleState {
public:
    explicit RuleState(RulePtr rule) : rule_(std::move(rule)) {}

    // What the expression gives now, labels and annotations filled in. Asks the source only.
    struct Outcome {
        TimeMs at_ms = 0;
        std::vector<store::query::Sample> samples;  // of a recording rule: named and labelled
        std::vector<ActiveAlert> alerts;            // of an alerting rule: as if new
        std::string error;                          // then nothing else
        std::vector<std::string> warnings;          // templates that could not be expanded
    };
    [[nodiscard]] Outcome evaluate(const EvaluationScene& scene, TimeMs at_ms, int64_t limit) const;

    // Takes the outcome over; gives the samples to store. Error: the rule's limit; nothing is then
    // active any more.
    [[nodiscard]] Result<std::vector<store::query::Sample>> apply(
        Outcome outcome, int64_t limit, const std::function<void(const Transition&)>& changed);

    // Alerts that receivers have to hear of now; marks them as sent.
    [[nodiscard]] std::vector<ActiveAlert> take_due(TimeMs at_ms, int64_t resend_delay_ms,
                                                    int64_t interval_ms);

    // An alert that was active before a restart.
    void restore(ActiveAlert alert) { active_[alert.labels] = std::move(alert); }
    // The same rule after a reload: what is known goes on.
    void take_over(RuleState& before);

    [[nodiscard]] const Rule& rule() const noexcept { return *rule_; }
    [[nodiscard]] const std::map<store::Labels, ActiveAlert>& active() const noexcept {
        return active_;
    }
    // Of those that are not inactive, the highest.
    [[nodiscard]] AlertState state() const noexcept;

    struct Health {
        bool evaluated = false, good = true;
        std::string error;
        TimeMs last_ms = 0;
        uint64_t duration_ns = 0, evaluations = 0, failures = 0;
    };
    Health health;
    // Of the evaluation before: those that are gone get staleness markers.
    std::map<store::Labels, bool> last_series;

private:
    [[nodiscard]] std::vector<store::query::Sample> step(
        TimeMs at_ms, const std::map<store::Labels, bool>& found,
        const std::function<void(const Transition&)>& changed);

    RulePtr rule_;
    std::map<store::Labels, ActiveAlert> active_;
};

}  // namespace glassgate::alert
