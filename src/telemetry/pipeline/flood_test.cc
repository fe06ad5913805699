#include "telemetry/pipeline/flood.h"

#include <gtest/gtest.h>

#include <vector>

namespace glassgate::telemetry {
namespace {

using model::Event;
using model::EventKind;

struct Shown {
    std::string client;
    uint64_t count;
    bool operator==(const Shown&) const = default;
};

class FloodTest : public ::testing::Test {
protected:
    void note(std::string_view client, uint64_t now_ms,
              EventKind kind = EventKind::rate_limit_exceeded) {
        ++noted;
        table.note(kind, "route", client, now_ms * kNsPerMs, [&] {
            ++made;
            return Event(kind, 1).with("client_id", client);
        });
    }
    std::vector<Shown> shown;
    uint64_t noted = 0, made = 0;
    FloodTable table{
        [this](const Event& e) { shown.push_back({std::string(e.str(e.attributes[0])), e.count}); },
        4};
};

TEST_F(FloodTest, TheFirstAtOnceThenOneASecond) {
    for (uint64_t ms = 0; ms <= 2500; ms += 10) {
        table.tick(ms * kNsPerMs);
        note("mob", ms);
    }
    ASSERT_EQ(shown.size(), 3u);
    EXPECT_EQ(shown[0], (Shown{"mob", 1}));
    EXPECT_NEAR(static_cast<double>(shown[1].count), 100, 6);
    EXPECT_LE(made, 4u);  // the others are only counted
    table.flush();
    uint64_t sum = 0;
    for (const Shown& s : shown) sum += s.count;
    EXPECT_EQ(sum, noted);
}

TEST_F(FloodTest, AFloodThatIsOverIsForgottenAndBeginsAnew) {
    note("mob", 0);
    table.tick(1500 * kNsPerMs);
    EXPECT_EQ(table.size(), 0u);
    note("mob", 1600);
    EXPECT_EQ(shown, (std::vector<Shown>{{"mob", 1}, {"mob", 1}}));
}

TEST_F(FloodTest, ClientsAndKindsAreToldApart) {
    note("a", 0);
    note("b", 0);
    note("a", 0, EventKind::auth_failed);
    note("a", 1);
    EXPECT_EQ(shown.size(), 3u);
}

TEST_F(FloodTest, BeyondItsSizeClientsAreOneFlood) {
    for (int i = 0; i < 100; ++i) note("client-" + std::to_string(i), 1);
    EXPECT_LE(table.size(), 5u);
    ASSERT_EQ(shown.size(), 5u);
    EXPECT_EQ(shown[4], (Shown{"other", 1}));
    table.flush();
    EXPECT_EQ(shown.back(), (Shown{"other", 95}));
}

}  // namespace
}  // namespace glassgate::telemetry
