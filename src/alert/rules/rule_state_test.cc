#include "alert/rules/rule_state.h"

#include <gtest/gtest.h>

#include "alert/rules/test_source.h"

namespace glassgate::alert {
namespace {

constexpr int64_t kMinute = 60'000;

class RuleStateTest : public testing::Test {
protected:
    RuleStateTest() : source_({}), scene_{source_, {}, {}, "http://gw"} {}

    void load(const std::string& rule) {
        Diagnostics diagnostics;
        auto groups = read_rule_file("r", "groups:\n- name: g\n  rules:\n  - " + rule, diagnostics);
        ASSERT_FALSE(diagnostics.has_errors()) << to_text(diagnostics.all().front());
        state_.emplace(groups[0].rules[0]);
    }
    // One evaluation; the sequence of states that were passed, "inactive>pending pending>firing".
    std::string at(int64_t minute, double up) {
        source_.append({{"__name__", "up"}, {"job", "a"}}, minute * kMinute, up, nullptr);
        std::string moves;
        auto outcome = state_->evaluate(scene_, minute * kMinute, limit_);
        EXPECT_EQ(outcome.error, "");
        const auto samples = state_->apply(std::move(outcome), limit_, [&](const Transition& t) {
            moves += (moves.empty() ? "" : " ") + std::string(to_text(t.before)) + ">" +
                     std::string(to_text(t.after));
        });
        error_ = samples ? "" : samples.error().message;
        samples_ = samples ? *samples : std::vector<store::query::Sample>{};
        return moves;
    }

    TestSource source_;
    EvaluationScene scene_;
    std::optional<RuleState> state_;
    std::vector<store::query::Sample> samples_;
    std::string error_;
    int64_t limit_ = 0;
};

TEST_F(RuleStateTest, PendingThenFiringThenOver) {
    load("{alert: Down, expr: up == 0, for: 2m, labels: {severity: page}}");
    EXPECT_EQ(at(0, 1), "");
    EXPECT_EQ(at(1, 0), "inactive>pending");
    EXPECT_EQ(samples_.size(), 2u);
    EXPECT_EQ(store::value_of(samples_[0].labels, "alertstate"), "pending");
    EXPECT_EQ(store::value_of(samples_[1].labels, "__name__"), "ALERTS_FOR_STATE");
    EXPECT_EQ(samples_[1].value, 60);
    EXPECT_EQ(at(2, 0), "");
    EXPECT_TRUE(state_->take_due(2 * kMinute, kMinute, kMinute).empty());
    EXPECT_EQ(at(3, 0), "pending>firing");
    EXPECT_EQ(state_->state(), AlertState::firing);
    const auto due = state_->take_due(3 * kMinute, kMinute, 30'000);
    ASSERT_EQ(due.size(), 1u);
    EXPECT_EQ(due[0].valid_until_ms, 3 * kMinute + 4 * kMinute);
    EXPECT_EQ(store::value_of(due[0].labels, "alertname"), "Down");
    EXPECT_EQ(at(4, 0), "");
    // Not again before the resend delay has passed.
    EXPECT_TRUE(state_->take_due(4 * kMinute, kMinute, 30'000).empty());
    EXPECT_EQ(at(5, 1), "firing>inactive");
    const auto over = state_->take_due(5 * kMinute, kMinute, 30'000);
    ASSERT_EQ(over.size(), 1u);
    EXPECT_EQ(over[0].resolved_at_ms, 5 * kMinute);
    // Remembered for a while, then forgotten.
    EXPECT_EQ(state_->active().size(), 1u);
    at(21, 1);
    EXPECT_TRUE(state_->active().empty());
}

TEST_F(RuleStateTest, PendingIsForgottenAtOnce) {
    load("{alert: Down, expr: up == 0, for: 2m}");
    at(0, 0);
    EXPECT_EQ(at(1, 1), "pending>inactive");
    EXPECT_TRUE(state_->active().empty());
    EXPECT_TRUE(samples_.empty());
}

TEST_F(RuleStateTest, KeepsFiringFor) {
    load("{alert: Down, expr: up == 0, keep_firing_for: 3m}");
    EXPECT_EQ(at(0, 0), "inactive>pending pending>firing");
    EXPECT_EQ(at(1, 1), "");
    EXPECT_EQ(at(3, 1), "");
    EXPECT_EQ(at(4, 1), "firing>inactive");
}

TEST_F(RuleStateTest, LimitEndsAllOfIt) {
    load("{alert: Many, expr: up}");
    limit_ = 1;
    source_.append({{"__name__", "up"}, {"job", "b"}}, 0, 1, nullptr);
    at(0, 1);
    EXPECT_EQ(error_, "exceeded limit of 1 with 2 alerts");
    EXPECT_TRUE(state_->active().empty());
}

TEST_F(RuleStateTest, RecordingNamesAndLabels) {
    load("{record: 'a:up', expr: up, labels: {job: '', kind: x}}");
    at(0, 7);
    ASSERT_EQ(samples_.size(), 1u);
    EXPECT_EQ(samples_[0].labels, (store::Labels{{"__name__", "a:up"}, {"kind", "x"}}));
    EXPECT_EQ(samples_[0].value, 7);
}

TEST_F(RuleStateTest, SameLabelsTwiceIsAnError) {
    load("{alert: A, expr: up, labels: {job: same}}");
    source_.append({{"__name__", "up"}, {"job", "b"}}, 0, 1, nullptr);
    source_.append({{"__name__", "up"}, {"job", "c"}}, 0, 1, nullptr);
    EXPECT_EQ(state_->evaluate(scene_, 0, 0).error,
              "vector contains metrics with the same labelset after applying alert labels");
}

TEST_F(RuleStateTest, TemplateErrorIsInTheAnnotation) {
    load("{alert: A, expr: up, annotations: {s: '{{ toUpper $value }}'}}");
    at(0, 1);
    const std::string text = state_->active().begin()->second.annotations[0].second;
    EXPECT_TRUE(text.starts_with("<error expanding template: error executing template __alert_A: "))
        << text;
}

}  // namespace
}  // namespace glassgate::alert
