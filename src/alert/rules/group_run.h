// GroupRun: one group of rules, evaluated one after the other at one time.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "alert/rules/rule_state.h"

namespace glassgate::alert {

// Where results go.
class SampleSink {
public:
    virtual ~SampleSink() = default;
    virtual void append(const store::Labels& labels, TimeMs at_ms, double value,
                        const store::query::HistogramPtr& histogram) = 0;
    // The series is not given any more: a staleness marker.
    virtual void end(const store::Labels& labels, TimeMs at_ms, bool was_histogram) = 0;
};

struct GroupRun {
    RuleGroup group;
    int64_t interval_ms = 0;
    std::vector<RuleState> rules;

    GroupRun(RuleGroup from, int64_t default_interval_ms);

    struct Events {
        std::function<void(const Transition&)> changed;
        // Alerts to tell receivers of, after each alerting rule.
        std::function<void(const Rule&, std::vector<ActiveAlert>)> due;
        // An evaluation or a template that failed.
        std::function<void(const Rule&, const std::string&)> failed;
    };
    // All rules at `at_ms`; later ones see what earlier ones wrote. `guard` is held while the state
    // changes, and not while expressions are evaluated.
    void evaluate(const EvaluationScene& scene, TimeMs at_ms, int64_t resend_delay_ms,
                  SampleSink& sink, std::mutex& guard, const Events& events);

    // The group ends, or begins anew without what it had: markers for all its series.
    void mark_stale(TimeMs at_ms, SampleSink& sink);

    TimeMs last_ms = 0;
    uint64_t last_duration_ns = 0, iterations = 0, missed = 0;
};

}  // namespace glassgate::alert
