#include "alert/rules/engine.h"

#include <gtest/gtest.h>

namespace glassgate::alert {
namespace {

constexpr TimeMs kBegin = 1'700'000'000'000;

class EngineTest : public testing::Test {
protected:
    EngineTest() {
        store::Settings settings;
        settings.background = false;
        settings.now = [this] { return now_; };
        store_ = std::move(*store::Store::open(settings));
        database_ = std::move(*Database::open(""));
        begin();
    }
    void begin() {
        engine_ = std::make_unique<RuleEngine>(
            *store_, *database_,
            RuleEngine::Hooks{[this](std::vector<Notice> n) {
                                  for (Notice& one : n) told_.push_back(std::move(one));
                              },
                              [this](const std::string&, const std::string& rule,
                                     const std::string& error) { failed_ = rule + ": " + error; },
                              [this] { return now_; }});
    }
    void configure(const std::string& rules) {
        Diagnostics diagnostics;
        Settings settings;
        settings.groups =
            read_rule_file("r", "groups:\n- name: g\n  rules:\n" + rules, diagnostics);
        ASSERT_FALSE(diagnostics.has_errors()) << to_text(diagnostics.all().front());
        settings.external_labels = {{"site", "s"}};
        engine_->configure(settings);
    }
    void up(double value) {
        const auto handle =
            store_->obtain({{"__name__", "up"}, {"job", "a"}}, store::SeriesKind::gauge);
        store_->append(handle, now_, value);
    }
    void after(int64_t seconds, double value) {
        now_ += seconds * 1000;
        up(value);
        engine_->evaluate_all(now_);
    }
    // The newest value of a series; "stale", "none".
    std::string newest(const std::string& name, const std::string& state = "") {
        std::vector<store::Matcher> matchers{{"__name__", store::Matcher::Kind::equal, name}};
        if (!state.empty()) matchers.push_back({"alertstate", store::Matcher::Kind::equal, state});
        const auto found = store_->select(matchers, now_ - 1000, now_, {});
        if (!found || found->empty()) return "none";
        const double value = found->front().values.back();
        return store::is_stale(value) ? "stale" : std::to_string(static_cast<int64_t>(value));
    }

    TimeMs now_ = kBegin;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<Database> database_;
    std::unique_ptr<RuleEngine> engine_;
    std::vector<Notice> told_;
    std::string failed_;
};

const char* const kRules = R"(  - {record: 'job:up', expr: up}
  - {alert: Down, expr: 'job:up == 0', for: 30s, labels: {severity: page}}
)";

TEST_F(EngineTest, WritesWhatPrometheusWrites) {
    configure(kRules);
    after(10, 1);
    EXPECT_EQ(newest("job:up"), "1");
    EXPECT_EQ(newest("ALERTS"), "none");
    after(10, 0);
    EXPECT_EQ(newest("ALERTS", "pending"), "1");
    EXPECT_EQ(newest("ALERTS_FOR_STATE"), std::to_string(now_ / 1000));
    after(30, 0);
    EXPECT_EQ(newest("ALERTS", "pending"), "stale");
    EXPECT_EQ(newest("ALERTS", "firing"), "1");
    ASSERT_EQ(told_.size(), 1u);
    EXPECT_EQ(store::value_of(told_[0].labels, "site"), "s");
    EXPECT_GT(told_[0].ends_ms, now_);
    after(10, 1);
    EXPECT_EQ(newest("ALERTS", "firing"), "stale");
    ASSERT_EQ(told_.size(), 2u);
    EXPECT_EQ(told_[1].ends_ms, now_);
    EXPECT_EQ(database_->history("", 0, 10).size(), 3u);
}

TEST_F(EngineTest, ReloadKeepsWhatDidNotChangeAndEndsWhatIsGone) {
    configure(kRules);
    after(10, 0);
    after(30, 0);
    ASSERT_EQ(told_.size(), 1u);
    configure(std::string(kRules) + "  - {alert: Other, expr: up == 5}\n");
    EXPECT_EQ(engine_->numbers().firing, 1u);
    EXPECT_EQ(told_.size(), 1u);
    now_ += 1000;
    configure("  - {alert: Other, expr: up == 5}\n");
    EXPECT_EQ(engine_->numbers().firing, 0u);
    ASSERT_EQ(told_.size(), 2u);
    EXPECT_EQ(told_[1].ends_ms, now_);
    EXPECT_EQ(newest("ALERTS", "firing"), "stale");
}

TEST_F(EngineTest, StateSurvivesARestart) {
    configure(kRules);
    after(10, 0);
    after(20, 0);  // pending for 20 s
    database_->save_alive(now_);
    now_ += 100'000;
    begin();
    configure(kRules);
    after(1, 0);  // the time away does not count
    EXPECT_EQ(newest("ALERTS", "pending"), "1");
    after(10, 0);
    EXPECT_EQ(newest("ALERTS", "firing"), "1");
    // Firing over a restart, and over at the first look.
    database_->save_alive(now_);
    begin();
    configure(kRules);
    told_.clear();
    after(10, 1);
    ASSERT_EQ(told_.size(), 1u);
    EXPECT_EQ(told_[0].ends_ms, now_);
    EXPECT_TRUE(database_->saved_alerts().empty());
}

TEST_F(EngineTest, AwayForTooLongIsOver) {
    configure(kRules);
    after(10, 0);
    after(40, 0);
    database_->save_alive(now_);
    now_ += 2 * 3'600'000;
    begin();
    told_.clear();
    configure(kRules);
    ASSERT_EQ(told_.size(), 1u);
    EXPECT_EQ(told_[0].ends_ms, now_);
}

TEST_F(EngineTest, CountsFailures) {
    configure("  - {record: bad, expr: 'up * on () group_left () up'}\n");
    const auto other = store_->obtain({{"__name__", "up"}, {"job", "b"}}, store::SeriesKind::gauge);
    store_->append(other, now_ + 10'000, 1);
    after(10, 1);
    EXPECT_EQ(engine_->numbers().groups.at(0).failures, 1u);
    EXPECT_FALSE(failed_.empty());
}

}  // namespace
}  // namespace glassgate::alert
