#include "alert/rules/group_run.h"

#include "base/clock.h"

namespace glassgate::alert {

GroupRun::GroupRun(RuleGroup from, int64_t default_interval_ms)
    : group(std::move(from)),
      interval_ms(group.interval_ms > 0 ? group.interval_ms : default_interval_ms) {
    for (const RulePtr& rule : group.rules) rules.emplace_back(rule);
}

namespace {

void write_results(RuleState& state, const std::vector<store::query::Sample>& samples, TimeMs at_ms,
                   SampleSink& sink) {
    std::map<store::Labels, bool> series;
    for (const store::query::Sample& sample : samples) {
        sink.append(sample.labels, at_ms, sample.value, sample.histogram);
        series.emplace(sample.labels, sample.histogram != nullptr);
    }
    for (const auto& [labels, histogram] : state.last_series)
        if (!series.contains(labels)) sink.end(labels, at_ms, histogram);
    state.last_series = std::move(series);
}

}  // namespace

void GroupRun::evaluate(const EvaluationScene& scene, TimeMs at_ms, int64_t resend_delay_ms,
                        SampleSink& sink, std::mutex& guard, const Events& events) {
    const uint64_t began_ns = mono_now_ns();
    for (RuleState& state : rules) {
        const uint64_t rule_began_ns = mono_now_ns();
        RuleState::Outcome outcome = state.evaluate(scene, at_ms, group.limit);
        const std::vector<std::string> warnings = std::move(outcome.warnings);
        std::vector<store::query::Sample> samples;
        std::vector<ActiveAlert> due;
        std::string error = outcome.error;
        {
            const std::lock_guard lock(guard);
            if (error.empty()) {
                auto applied = state.apply(std::move(outcome), group.limit, events.changed);
                if (applied)
                    samples = std::move(*applied);
                else
                    error = applied.error().message;
            }
            if (error.empty() && state.rule().kind == Rule::Kind::alerting)
                due = state.take_due(at_ms, resend_delay_ms, interval_ms);
            state.health.evaluated = true;
            state.health.good = error.empty();
            state.health.error = error;
            state.health.last_ms = at_ms;
            state.health.duration_ns = mono_now_ns() - rule_began_ns;
            ++state.health.evaluations;
            if (!error.empty()) ++state.health.failures;
        }
        for (const std::string& warning : warnings) events.failed(state.rule(), warning);
        if (!error.empty()) {
            events.failed(state.rule(), error);
            continue;
        }
        if (!due.empty()) events.due(state.rule(), std::move(due));
        write_results(state, samples, at_ms, sink);
    }
    const std::lock_guard lock(guard);
    last_ms = at_ms;
    last_duration_ns = mono_now_ns() - began_ns;
    ++iterations;
}

void GroupRun::mark_stale(TimeMs at_ms, SampleSink& sink) {
    for (RuleState& state : rules) {
        for (const auto& [labels, histogram] : state.last_series)
            sink.end(labels, at_ms, histogram);
        state.last_series.clear();
    }
}

}  // namespace glassgate::alert
