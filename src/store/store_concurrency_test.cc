// Appends, queries, flushes, checkpoints and new series all at once; meant for the thread
// sanitizer.
#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "base/ids.h"
#include "store/store_scene_test.h"

namespace glassgate::store {
namespace {

using namespace scene;

TEST(Concurrency, QueriesSeeWholeSeriesWhileEverythingHappens) {
    const Folder folder;
    Settings settings;
    settings.directory = folder.path();
    settings.memory_max_bytes = 8u << 20;
    Shop shop(settings);
    constexpr int kTicks = 3000;
    constexpr int kSeries = 150;
    std::atomic<int> ticks{0};
    std::atomic<bool> done{false};
    std::atomic<int> queries{0};

    const auto append = [&] {
        std::vector<Handle> handles;
        for (int s = 0; s < kSeries; ++s)
            handles.push_back(shop->obtain(metric("x", std::to_string(s)), SeriesKind::counter));
        const Handle h = shop->obtain(metric("h"), SeriesKind::counter);
        std::vector<Sample> batch(kSeries);
        for (int t = 0; t < kTicks; ++t) {
            shop.now = kStart + t * 1000;
            for (std::size_t s = 0; s < kSeries; ++s)
                batch[s] = {handles[s], shop.now, s % 2 == 0 ? 1.0 : t};
            const AppendCounts counts = shop->append(batch);
            EXPECT_EQ(counts[Append::stored], std::size_t{kSeries});
            shop->append(h, shop.now, histogram(1 + t / 4));
            ticks = t + 1;
            // Queries must have their turn on a machine with few cores.
            if (t % 100 == 99)
                while (queries < t / 100 && !done) std::this_thread::yield();
        }
    };
    const auto query = [&] {
        Random random;
        while (!done) {
            const int before = ticks;
            const TimeMs from = kStart + static_cast<TimeMs>(random.below(1500)) * 1000;
            const TimeMs to = kStart + kTicks * 1000;
            auto found = shop->select({{"__name__", Matcher::Kind::regex, "x|h"}}, from, to, {});
            ASSERT_TRUE(found);
            for (const Series& series : *found) {
                ASSERT_EQ(series.times_ms.front() % 1000, 0);
                for (std::size_t i = 1; i < series.times_ms.size(); ++i)
                    ASSERT_EQ(series.times_ms[i], series.times_ms[i - 1] + 1000) << "a hole";
                ASSERT_GE(series.times_ms.back(), kStart + (before - 1) * 1000)
                    << "less than there was";
            }
            ++queries;
        }
    };
    const auto keep = [&] {
        for (int i = 0; !done; ++i) {
            EXPECT_TRUE(shop->flush());
            if (i % 3 == 0) {
                EXPECT_TRUE(shop->checkpoint());
            }
            shop->trim();
            (void)shop->stats();
            const Handle churn =
                shop->obtain(metric("churn", std::to_string(i)), SeriesKind::gauge);
            shop->append(churn, shop.now, 1);
            shop->add_exemplar(churn, {labels({{"trace_id", "t"}}), 1, shop.now});
            (void)shop->exemplars({}, 0, shop.now);
        }
    };
    std::thread reader(query), keeper(keep);
    append();
    done = true;
    reader.join();
    keeper.join();
    EXPECT_GT(queries.load(), 5);
    EXPECT_EQ(shop.all("x").size(), std::size_t{kSeries});
    EXPECT_EQ(shop->stats().samples_dropped_total, 0u);
}

TEST(Concurrency, TheStoresOwnThreadFlushes) {
    const Folder folder;
    Settings settings;
    settings.directory = folder.path();
    settings.flush_interval_ms = 5;
    settings.checkpoint_interval_ms = 20;
    auto store = Store::open(settings);
    ASSERT_TRUE(store);
    const Handle x = (*store)->obtain(metric("x"), SeriesKind::gauge);
    auto now = static_cast<TimeMs>(wall_now_ns() / kNsPerMs);
    const uint64_t deadline = mono_now_ns() + 20 * kNsPerSecond;
    while ((*store)->stats().checkpoints_total < 3 && mono_now_ns() < deadline) {
        (*store)->append(x, ++now, 1);
        std::this_thread::yield();
    }
    EXPECT_GE((*store)->stats().checkpoints_total, 3u);
    EXPECT_GE((*store)->stats().flushes_total, 3u);
    EXPECT_FALSE(folder.files(".segment").empty());
}

}  // namespace
}  // namespace glassgate::store
