// The sink in the pipeline: what is kept, what is counted, what watchers see.
#include "flight/recorder.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>

#include "flight/api.h"
#include "flight/flight_scene_test.h"
#include "flight/render.h"
#include "telemetry/telemetry.h"

namespace glassgate::flight {
namespace {

using namespace scene;

class RecorderTest : public ::testing::Test {
protected:
    void start(const RecorderSettings& wanted) {
        auto opened = FlightRecorder::open(wanted);
        ASSERT_TRUE(opened) << opened.error().message;
        recorder = *opened;
        settings.logging = scene.logging;
        settings.logging.enabled = false;
        settings.guests = {
            {"flight", [this, wanted](auto formats) -> Result<std::unique_ptr<telemetry::Sink>> {
                 return FlightRecorder::make_sink(recorder, wanted, std::move(formats));
             }}};
        auto created = telemetry::Telemetry::create(1, settings);
        ASSERT_TRUE(created);
        telemetry = *std::move(created);
        names = std::make_shared<model::PlanNames>(scene.names);
        ASSERT_TRUE(telemetry->reconfigure(settings, names));
        telemetry->recorder(0).plan_applied(names);
    }
    void close(uint64_t from, uint64_t to) {
        for (uint64_t i = from; i < to; ++i) {
            Made m = scene.make(i);
            m.x.names = names.get();
            m.x.text = m.text.data();
            telemetry->recorder(0).exchange_opened(0);
            telemetry->recorder(0).exchange_closed(m.x);
        }
    }
    [[nodiscard]] telemetry::SinkCounts counts() const {
        for (const auto& [name, counts] : telemetry->sink_counts())
            if (name == kSinkName) return counts;
        return {};
    }
    static bool wait(const std::function<bool()>& condition) {
        const uint64_t until = mono_now_ns() + 20 * kNsPerSecond;
        while (!condition()) {
            if (mono_now_ns() > until) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }
    ~RecorderTest() override { telemetry.reset(); }

    Folder folder;
    Scene scene;
    std::shared_ptr<FlightRecorder> recorder;
    telemetry::Settings settings;
    std::shared_ptr<model::PlanNames> names;
    std::unique_ptr<telemetry::Telemetry> telemetry;
};

TEST_F(RecorderTest, KeepsWhatMattersAndASampleAndCountsTheRest) {
    RecorderSettings wanted;
    wanted.directory = folder.ring();
    wanted.selection.sample_rate = 0.25;
    wanted.flush_ms = 10;
    start(wanted);
    close(0, 1000);
    model::Event event(model::EventKind::config_applied, kStartNs);
    telemetry->event(event);
    ASSERT_TRUE(wait([this] { return counts().queued == 0 && counts().closed() == 1000; }));
    const auto c = counts();
    EXPECT_EQ(c.lost + c.filtered, 0u);
    // 10 in a hundred are errors, refusals or slow; of the other 90 a quarter.
    EXPECT_NEAR(static_cast<double>(c.delivered), 100 + 225, 60);
    ASSERT_TRUE(wait([this] { return counts().events_queued == 0; }));
    const auto count = [this](const char* where) {
        const auto filter = Filter::parse(where);
        Scan scan;
        scan.filter = &*filter;
        scan.limit = 10'000;
        return recorder->ring().scan(scan).records.size();
    };
    EXPECT_EQ(count("kept=error"), 30u);
    EXPECT_EQ(count("kept=refused"), 60u);
    EXPECT_EQ(count("kept=slow"), 10u);
    EXPECT_EQ(count("kind=exchange"), c.delivered);
    EXPECT_EQ(count("event=config_applied"), 1u);
    EXPECT_GE(count("event"), 2u);  // the collector's own, too
    RecorderSettings changed = wanted;
    changed.selection.sample_rate = 1;
    recorder->reconfigure(changed);
    close(1000, 1100);
    ASSERT_TRUE(wait([this] { return counts().queued == 0 && counts().closed() == 1100; }));
    EXPECT_EQ(counts().delivered, c.delivered + 100);
}

TEST_F(RecorderTest, WatchersSeeWhatIsSampledOut) {
    RecorderSettings wanted;
    wanted.selection.sample_rate = 0;
    start(wanted);  // without a directory
    struct Seen {
        std::mutex mutex;
        std::vector<uint16_t> statuses;
        bool enough = false;
    };
    auto seen = std::make_shared<Seen>();
    recorder->live().watch(*Filter::parse("response.status in (200, 404)"),
                           [seen](const auto& records, uint64_t dropped) {
                               EXPECT_EQ(dropped, 0u);
                               const std::lock_guard lock(seen->mutex);
                               for (const Record* r : records)
                                   seen->statuses.push_back(r->exchange.status);
                               return !seen->enough;
                           });
    EXPECT_TRUE(recorder->live().watched());
    close(0, 100);
    const auto size = [seen] {
        const std::lock_guard lock(seen->mutex);
        return seen->statuses.size();
    };
    ASSERT_TRUE(wait([&] { return size() == 92; })) << size();
    {
        const std::lock_guard lock(seen->mutex);
        seen->enough = true;
    }
    EXPECT_TRUE(wait([this] { return !recorder->live().watched(); }));
    EXPECT_EQ(std::filesystem::exists(folder.ring()), false);
}

TEST_F(RecorderTest, AWatcherIsToldWhatItWasSpared) {
    start({});
    auto given = std::make_shared<std::atomic<uint64_t>>(0);
    auto spared = std::make_shared<std::atomic<uint64_t>>(0);
    recorder->live().watch(std::nullopt, [=](const auto& records, uint64_t dropped) {
        *given += records.size();
        *spared += dropped;
        return true;
    });
    close(0, 5000);
    ASSERT_TRUE(wait([&] { return given->load() + spared->load() >= 5000; }))
        << *given << " " << *spared;
    EXPECT_GE(given->load(), LiveFeed::kRecordsPerSecond);
}

TEST_F(RecorderTest, AnswersForPeopleAndPrograms) {
    RecorderSettings wanted;
    wanted.directory = folder.ring();
    wanted.flush_ms = 10;
    start(wanted);
    close(0, 100);
    ASSERT_TRUE(wait([this] { return counts().queued == 0 && counts().closed() == 100; }));
    Question question;
    question.where = "response.status=504";
    question.limit = 2;
    const Answer page = list(recorder->ring(), question, kStartNs);
    EXPECT_EQ(page.status, 200);
    EXPECT_NE(page.body.find("\"more\":true"), std::string::npos);
    EXPECT_NE(page.body.find("\"ending\":\"upstream_timeout\""), std::string::npos);
    question.view = View::text;
    const Answer lines = list(recorder->ring(), question, kStartNs);
    EXPECT_EQ(std::count(lines.body.begin(), lines.body.end(), '\n'), 2);

    Scan scan;
    const auto filter = Filter::parse("response.status=504");
    scan.filter = &*filter;
    scan.limit = 1;
    std::string scratch;
    const Record record = recorder->ring().scan(scan).records.at(0);
    const std::string id(request_id_of(record, scratch));
    const Answer shown = show(recorder->ring(), id, View::text);
    for (const char* const part :
         {"504 upstream_timeout, by the upstream", "attempt 1", "wait", "rate-limit",
          "detail no response head within 5000 ms", "log line\n{\"request.id\":"})
        EXPECT_NE(shown.body.find(part), std::string::npos) << part << "\n" << shown.body;
    EXPECT_NE(shown.body.find(log_line_of(record)), std::string::npos);
    EXPECT_EQ(show(recorder->ring(), "nobody", View::json).status, 404);
    question.where = "response.statsu=1";
    EXPECT_EQ(list(recorder->ring(), question, kStartNs).status, 400);
    question.where.clear();
    question.from = "yesterday";
    EXPECT_EQ(list(recorder->ring(), question, kStartNs).status, 400);
}

TEST(Times, ReadsThreeForms) {
    constexpr uint64_t kNow = 1'795'770'863'000'000'000;
    EXPECT_EQ(read_time("2026-11-27T09:14:23Z", 0), kNow);
    EXPECT_EQ(read_time("2026-11-27T10:14:23+01:00", 0), kNow);
    EXPECT_EQ(read_time("2026-11-27T09:14:23.5Z", 0), kNow + 500'000'000);
    EXPECT_EQ(read_time("1795770863", 0), kNow);
    EXPECT_EQ(read_time("10m", kNow), kNow - 600 * kNsPerSecond);
    EXPECT_EQ(read_duration_ns("1h30m"), 5400 * kNsPerSecond);
    EXPECT_EQ(read_duration_ns("250ms"), 250'000'000u);
    for (const char* const wrong : {"", "m", "10", "10x", "-5m", "1e400s"})
        EXPECT_FALSE(read_duration_ns(wrong)) << wrong;
    for (const char* const wrong : {"now", "2026-13-01T00:00:00Z", "2026-11-27", "-1", "1e99"})
        EXPECT_FALSE(read_time(wrong, kNow)) << wrong;
}

}  // namespace
}  // namespace glassgate::flight
