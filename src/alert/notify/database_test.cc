#include "alert/notify/database.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "alert/notify/silences.h"

namespace glassgate::alert {
namespace {

class DatabaseTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "alertdb.XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
        path_ = folder_ + "/alerts.db";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string folder_, path_;
};

TEST_F(DatabaseTest, EverythingIsThereAgain) {
    {
        const auto db = std::move(*Database::open(path_));
        SavedAlert saved{"g", "r", {}};
        saved.alert.labels = {{"a", "b"}};
        saved.alert.annotations = {{"s", "t"}};
        saved.alert.state = AlertState::firing;
        saved.alert.value = NAN;
        saved.alert.active_at_ms = 5;
        saved.alert.fired_at_ms = 7;
        db->save_alert(saved);
        db->save_alive(42);
        db->save_told({"k", "i", {1, 2}, {3}, 9});
        EXPECT_TRUE(db->spool("i", 1, "one"));
        EXPECT_TRUE(db->spool("i", 2, "two"));
    }
    const auto db = std::move(*Database::open(path_));
    const auto saved = db->saved_alerts();
    ASSERT_EQ(saved.size(), 1u);
    EXPECT_EQ(saved[0].alert.labels, (store::Labels{{"a", "b"}}));
    EXPECT_EQ(saved[0].alert.state, AlertState::firing);
    EXPECT_EQ(saved[0].alert.fired_at_ms, 7);
    EXPECT_TRUE(std::isnan(saved[0].alert.value));
    EXPECT_EQ(db->last_alive(), 42);
    EXPECT_EQ(db->told().at(0).firing, (std::set<uint64_t>{1, 2}));
    const auto front = db->spool_front("i");
    ASSERT_TRUE(front);
    EXPECT_EQ(front->body, "one");
    db->spool_remove(front->id);
    EXPECT_EQ(db->spool_front("i")->body, "two");
    EXPECT_EQ(db->spool_sizes().at("i").bytes, 3u);
    db->forget_alert("g", "r", {{"a", "b"}});
    EXPECT_TRUE(db->saved_alerts().empty());
    EXPECT_EQ(db->failures(), 0u);
}

TEST_F(DatabaseTest, LogsAreBoundedAndReadInPages) {
    const auto db = std::move(*Database::open(""));
    for (int i = 1; i <= 50; ++i) {
        HistoryRow row;
        row.at_ms = i;
        row.rule = i % 2 != 0 ? "odd" : "even";
        db->add_history(row, 20);
    }
    EXPECT_EQ(db->history("", 0, 100).size(), 20u);
    EXPECT_EQ(db->history("odd", 0, 100).size(), 10u);
    const auto page = db->history("", 0, 3);
    ASSERT_EQ(page.size(), 3u);
    EXPECT_EQ(page[0].at_ms, 50);
    EXPECT_EQ(db->history("", page.back().id, 3)[0].at_ms, 47);
}

TEST_F(DatabaseTest, DamagedFileIsMovedAside) {
    std::ofstream(path_) << std::string(8192, 'x');
    const auto db = Database::open(path_);
    ASSERT_TRUE(db) << db.error().message;
    EXPECT_TRUE((*db)->damaged());
    EXPECT_TRUE(std::filesystem::exists(path_ + ".damaged"));
}

TEST_F(DatabaseTest, SilencesLiveOn) {
    std::string id;
    {
        const auto db = std::move(*Database::open(path_));
        Silences silences(*db);
        Silence silence;
        silence.matchers = {*LabelMatcher::parse("a=b")};
        silence.ends_ms = 2000;
        silence.comment = "why";
        id = *silences.set(silence, 1000);
        silence.id = id;
        silence.starts_ms = 1000;
        silence.ends_ms = 3000;
        EXPECT_EQ(*silences.set(silence, 1500), id);  // its end moves
        silence.matchers = {*LabelMatcher::parse("a=c")};
        EXPECT_NE(*silences.set(silence, 1600), id);  // another one
    }
    const auto db = std::move(*Database::open(path_));
    Silences silences(*db);
    EXPECT_EQ(silences.all().size(), 2u);
    EXPECT_EQ(silences.find(id)->state_at(1700), Silence::State::expired);
    EXPECT_EQ(silences.silencing({{"a", "c"}}, 1700).size(), 1u);
    EXPECT_FALSE(silences.expire(id, 1700));
    EXPECT_FALSE(silences.expire("none", 1700));
    Silence bad;
    bad.ends_ms = 5000;
    EXPECT_FALSE(silences.set(bad, 1000));  // no matcher
    bad.matchers = {*LabelMatcher::parse("a!=b")};
    EXPECT_FALSE(silences.set(bad, 1000));  // would match everything
    silences.collect(4000 + kSilenceRetentionMs);
    EXPECT_TRUE(silences.all().empty());
}

}  // namespace
}  // namespace glassgate::alert
