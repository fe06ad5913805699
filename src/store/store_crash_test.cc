// kill -9 in the middle of whatever the store is doing, again and again; what was acknowledged as
// flushed is there, each time.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ids.h"
#include "store/store_scene_test.h"

namespace glassgate::store {
namespace {

using namespace scene;

constexpr int kSeries = 20;

Settings crash_settings(const Folder& folder) {
    Settings settings;
    settings.directory = folder.path();
    settings.tiers = {{1000, kHourMs}, {15'000, kDayMs}};
    return settings;
}

double value_at(int series, int64_t tick) {
    return series % 3 == 0 ? static_cast<double>(tick) * series
                           : static_cast<double>((tick / 50) % 7) + 0.125 * series;
}

// The child: appends ticks from `tick` on, flushes each, and says so on the pipe.
[[noreturn]] void write_until_killed(const Folder& folder, int64_t tick, int acks) {
    std::atomic<TimeMs> now{kStart + tick * 1000};
    Settings settings = crash_settings(folder);
    settings.background = false;
    settings.now = [&] { return now.load(); };
    auto store = Store::open(settings);
    if (!store) ::_exit(3);
    std::vector<Handle> handles;
    for (int s = 0; s < kSeries; ++s)
        handles.push_back((*store)->obtain(metric("x", std::to_string(s)), SeriesKind::gauge));
    const Handle h = (*store)->obtain(metric("h"), SeriesKind::counter);
    for (;; ++tick) {
        now = kStart + tick * 1000;
        for (int s = 0; s < kSeries; ++s)
            (*store)->append(handles[static_cast<std::size_t>(s)], now, value_at(s, tick));
        (*store)->append(h, now, histogram(static_cast<double>(1 + tick / 10)));
        if (!(*store)->flush()) ::_exit(4);
        if (::write(acks, &tick, sizeof tick) != sizeof tick) ::_exit(5);
        if (tick % 13 == 0 && !(*store)->checkpoint()) ::_exit(6);
        if (tick % 50 == 0) (*store)->trim();
    }
}

TEST(Crash, NothingThatWasFlushedIsLost) {
    const Folder folder;
    Random random;
    int64_t acknowledged = -1;
    for (int round = 0; round < 40; ++round) {
        int acks[2];
        ASSERT_EQ(::pipe(acks), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(acks[0]);
            write_until_killed(folder, acknowledged + 1, acks[1]);
        }
        ::close(acks[1]);
        // Its first word, then a random while.
        int64_t tick = -1;
        ASSERT_EQ(::read(acks[0], &tick, sizeof tick), ssize_t{sizeof tick})
            << "it could not start";
        acknowledged = tick;
        ::usleep(static_cast<useconds_t>(random.below(30'000)));
        ::kill(child, SIGKILL);
        while (::read(acks[0], &tick, sizeof tick) == sizeof tick) acknowledged = tick;
        ::close(acks[0]);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);

        Shop after(crash_settings(folder));
        after.now = kStart + acknowledged * 1000 + 1000;
        ASSERT_EQ(after->stats().corrupt_segments_total, 0u) << after->stats().last_error;
        ASSERT_EQ(after->stats().corrupt_blocks_total, 0u) << after->stats().last_error;
        const TimeMs from = std::max(kStart, after.now - kHourMs);
        ASSERT_EQ(after->tier_for(from).step_ms, 1000);
        const std::vector<Series> found = after.all("x", from, after.now);
        ASSERT_EQ(found.size(), std::size_t{kSeries});
        int64_t last = 0;
        for (const Series& series : found) {
            const int s = std::stoi(std::string(value_of(series.labels, "route")));
            last = (series.times_ms.back() - kStart) / 1000;
            ASSERT_GE(last, acknowledged);
            ASSERT_EQ(series.times_ms.size(),
                      static_cast<std::size_t>(last - (from - kStart + 999) / 1000 + 1));
            for (std::size_t i = 0; i < series.times_ms.size(); ++i)
                ASSERT_EQ(series.values[i], value_at(s, (series.times_ms[i] - kStart) / 1000));
        }
        const Series histograms = after.one("h", from, after.now);
        ASSERT_GE((histograms.times_ms.back() - kStart) / 1000, acknowledged);
        acknowledged = std::max(acknowledged, last);  // written, though not acknowledged
    }
    EXPECT_GT(acknowledged, 100);
}

}  // namespace
}  // namespace glassgate::store
