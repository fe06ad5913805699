#include "alert/rules/test_run.h"

#include <algorithm>
#include <map>

#include "alert/rules/test_source.h"
#include "store/query/duration.h"
#include "store/query/label_sets.h"
#include "store/query/number_text.h"
#include "store/query/parser.h"
#include "store/query/string_literal.h"

namespace glassgate::alert {
namespace {

namespace query = store::query;

std::string shown(const store::Labels& labels) {
    std::string out = "{";
    for (const store::Label& label : labels) {
        if (out.size() > 1) out += ", ";
        out += label.name + "=" + query::quoted(label.value);
    }
    return out + "}";
}

struct GotAlert {
    store::Labels labels;
    Pairs annotations;
    auto operator<=>(const GotAlert&) const = default;
};

std::string shown(const std::vector<GotAlert>& alerts) {
    std::string out = "[";
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        store::Labels annotations;
        for (const auto& [name, value] : alerts[i].annotations)
            annotations.push_back({name, value});
        out += "\n            " + std::to_string(i) +
               ":\n              Labels:" + shown(alerts[i].labels) +
               "\n              Annotations:" + shown(annotations) +
               (i + 1 < alerts.size() ? "," : "");
    }
    return out + (alerts.empty() ? "]" : "\n            ]");
}

class TestRun {
public:
    TestRun(const TestGroup& test, const RuleTestFile& file, const std::vector<RuleGroup>& groups)
        : test_(test),
          interval_ms_(file.evaluation_interval_ms),
          source_(test.input),
          scene_{source_, {}, test.external_labels, test.external_url} {
        scene_.query.subquery_step_ms = interval_ms_;
        for (const RuleGroup& group : groups) runs_.emplace_back(group, test.interval_ms);
        std::map<std::string, std::size_t> order;
        for (std::size_t i = 0; i < file.group_order.size(); ++i) order[file.group_order[i]] = i;
        std::stable_sort(runs_.begin(), runs_.end(), [&](const GroupRun& a, const GroupRun& b) {
            return place(order, a) < place(order, b);
        });
    }

    std::vector<std::string> run() {
        const int64_t last_ms = test_.last_ms();
        for (TimeMs at = 0; at <= last_ms; at += interval_ms_) {
            source_.advance(at);
            evaluate(at);
            if (evaluation_failed_) return std::move(problems_);
            for (const AlertTest& test : test_.alerts)
                if (at <= test.at_ms && test.at_ms < at + interval_ms_) check(test);
        }
        for (const ExpressionTest& test : test_.expressions) check(test);
        return std::move(problems_);
    }

private:
    static std::size_t place(const std::map<std::string, std::size_t>& order, const GroupRun& run) {
        const auto found = order.find(run.group.name);
        return found == order.end() ? 0 : found->second;
    }
    [[nodiscard]] std::string prefix() const {
        return test_.name.empty() ? std::string("  ") : "    name: " + test_.name + ",\n  ";
    }

    void evaluate(TimeMs at) {
        GroupRun::Events events;
        events.changed = [](const Transition&) {};
        events.due = [](const Rule&, std::vector<ActiveAlert>) {};
        events.failed = [](const Rule&, const std::string&) {};
        for (GroupRun& run : runs_) {
            run.evaluate(scene_, at, 60'000, source_, guard_, events);
            for (const RuleState& state : run.rules) {
                if (state.health.good) continue;
                evaluation_failed_ = true;
                problems_.push_back("    rule: " + state.rule().name + ", time: " +
                                    query::duration_text(at) + ", err: " + state.health.error);
            }
        }
    }

    void check(const AlertTest& test) {
        std::vector<GotAlert> got, expected;
        for (const GroupRun& run : runs_)
            for (const RuleState& state : run.rules) {
                if (state.rule().kind != Rule::Kind::alerting || state.rule().name != test.alert)
                    continue;
                for (const auto& [labels, alert] : state.active())
                    if (alert.state == AlertState::firing)
                        got.push_back({labels, alert.annotations});
            }
        for (const ExpectedAlert& alert : test.expected)
            expected.push_back({alert.labels, alert.annotations});
        std::sort(got.begin(), got.end());
        std::sort(expected.begin(), expected.end());
        if (got == expected) return;
        problems_.push_back(prefix() + "    alertname: " + test.alert +
                            ", time: " + query::duration_text(test.at_ms) +
                            ", \n        exp:" + shown(expected) + ", \n        got:" + shown(got));
    }

    void check(const ExpressionTest& test) {
        const std::string what = "    expr: " + query::quoted(test.expression) +
                                 ", time: " + query::duration_text(test.at_ms) + ", ";
        const auto parsed = query::parse(test.expression);
        if (!parsed) {
            problems_.push_back(prefix() + what +
                                "err: " + parsed.error().to_text(test.expression));
            return;
        }
        const auto result = query::evaluate(source_, **parsed, test.at_ms, scene_.query);
        if (!result) {
            problems_.push_back(prefix() + what + "err: " + result.error().message);
            return;
        }
        using Shown = std::pair<store::Labels, double>;
        std::vector<Shown> got, expected;
        for (const query::Sample& sample : *result) got.emplace_back(sample.labels, sample.value);
        for (const ExpectedSample& sample : test.expected)
            expected.emplace_back(sample.labels, sample.value);
        const auto by_labels = [](const Shown& a, const Shown& b) { return a.first < b.first; };
        std::stable_sort(got.begin(), got.end(), by_labels);
        std::stable_sort(expected.begin(), expected.end(), by_labels);
        if (got == expected) return;
        const auto list = [](const std::vector<Shown>& samples) {
            std::string out;
            for (const auto& [labels, value] : samples) {
                out += (out.empty() ? "" : ", ") + query::labels_text(labels) + " ";
                query::append_api_value(out, value);
            }
            return out.empty() ? std::string("nil") : out;
        };
        problems_.push_back(prefix() + what + "\n        exp: " + list(expected) +
                            "\n        got: " + list(got));
    }

    const TestGroup& test_;
    int64_t interval_ms_;
    TestSource source_;
    EvaluationScene scene_;
    std::vector<GroupRun> runs_;
    std::mutex guard_;
    bool evaluation_failed_ = false;
    std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> run_test(const TestGroup& test, const RuleTestFile& file,
                                  const std::vector<RuleGroup>& groups) {
    return TestRun(test, file, groups).run();
}

}  // namespace glassgate::alert
