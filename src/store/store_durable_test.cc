// Restarts, full disks, damaged files, caps on the disk.
#include <gtest/gtest.h>

#include <cerrno>

#include "base/ids.h"
#include "store/segment/disk.h"
#include "store/store_scene_test.h"

namespace glassgate::store {
namespace {

using namespace scene;

Settings in(const Folder& folder) {
    Settings settings;
    settings.directory = folder.path();
    return settings;
}

std::vector<double> counting(int from, int to) {
    std::vector<double> values;
    for (int i = from; i < to; ++i) values.push_back(i);
    return values;
}

// What a crash leaves: a copy of the folder while the store is running.
class Crashed {
public:
    explicit Crashed(const Folder& folder) {
        for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
            if (entry.is_regular_file())
                std::filesystem::copy(entry.path(), copy_.path() / entry.path().filename());
    }
    [[nodiscard]] Settings settings() const { return in(copy_); }
    [[nodiscard]] const Folder& folder() const { return copy_; }

private:
    struct Copy : Folder {
        [[nodiscard]] std::filesystem::path path() const { return Folder::path(); }
    };
    Folder copy_;
};

TEST(Durable, ARestartContinuesTheHistory) {
    const Folder folder;
    Shop shop(in(folder));
    shop.feed(shop->obtain(metric("x"), SeriesKind::counter), kStart, counting(0, 5000));
    shop.close();
    EXPECT_TRUE(folder.files(".tmp").empty());
    shop.open();
    EXPECT_EQ(shop.one("x").values, counting(0, 5000));
    const Handle x = shop->obtain(metric("x"), SeriesKind::counter);
    EXPECT_EQ(shop->append(x, kStart + 4'999'000, 4999), Append::out_of_order);
    shop.feed(x, kStart + 5'000'000, counting(0, 100));
    const Series series = shop.one("x");
    EXPECT_EQ(series.values.size(), 5100u);
    EXPECT_EQ(series.values.back(), 99);
    EXPECT_EQ(shop->stats().corrupt_blocks_total, 0u);
}

TEST(Durable, WhatWasFlushedSurvivesACrash) {
    const Folder folder;
    Shop shop(in(folder));
    const Handle x = shop->obtain(metric("x"), SeriesKind::counter);
    const Handle h = shop->obtain(metric("h"), SeriesKind::counter);
    for (int i = 0; i < 100; ++i) {
        shop.now = kStart + i * 1000;
        shop->append(x, shop.now, i);
        shop->append(h, shop.now, histogram(i));
        if (i % 10 == 9) {
            ASSERT_TRUE(shop->flush());
        }
    }
    shop.feed(x, kStart + 100'000, {100, 101});
    const Crashed crashed(folder);
    Shop after(crashed.settings());
    EXPECT_EQ(after.one("x").values, counting(0, 100));
    const Series histograms = after.one("h");
    ASSERT_EQ(histograms.histograms.size(), 100u);
    EXPECT_EQ(*histograms.histograms[99], *histogram(99));
}

// A crash after every step of a checkpoint costs nothing that was flushed, in no tier.
TEST(Durable, CoarseTiersSurviveCrashesAroundCheckpoints) {
    const Folder folder;
    Settings settings = in(folder);
    Shop shop(settings);
    const Handle x = shop->obtain(metric("x"), SeriesKind::counter);
    for (int i = 0; i < 1000; ++i) {
        shop.now = kStart + i * 1000;
        shop->append(x, shop.now, i);
        if (i % 10 == 9) {
            ASSERT_TRUE(shop->flush());
        }
        if (i % 97 == 96) {
            ASSERT_TRUE(shop->checkpoint());
        }
        if (i % 41 != 40) continue;
        ASSERT_TRUE(shop->flush());
        const Crashed crashed(folder);
        Shop after(crashed.settings());
        after.now = kStart + i * 1000;
        ASSERT_EQ(after.one("x").values, counting(0, i + 1));
        for (const int64_t later : {kDayMs, 10 * kDayMs}) {
            after.now = kStart + later;
            const Series coarse = after.one("x", kStart, after.now);
            ASSERT_LT(coarse.values.size(), 200u);
            ASSERT_EQ(coarse.values.front(), 0);
            ASSERT_EQ(coarse.values.back(), i) << "the newest, too";
        }
    }
}

TEST(Durable, AResetAtARestartIsSeenInEveryTier) {
    const Folder folder;
    Shop shop(in(folder));
    shop.feed(shop->obtain(metric("x"), SeriesKind::counter), kStart, counting(0, 62));
    shop.close();
    shop.open();
    // The process began anew; by the end of the interval the counter is higher than before.
    shop.feed(shop->obtain(metric("x"), SeriesKind::counter), kStart + 63'000, {5, 1000, 1001});
    shop.now = kStart + 10 * kDayMs;
    const Series coarse = shop.one("x", kStart, shop.now);
    double sum = 0;
    for (std::size_t i = 1; i < coarse.values.size(); ++i)
        sum += coarse.values[i] < coarse.values[i - 1] ? coarse.values[i]
                                                       : coarse.values[i] - coarse.values[i - 1];
    EXPECT_EQ(sum, 61 + 1001);
}

TEST(Durable, ManySpansSeriesAndTypesJoin) {
    const Folder folder;
    Settings settings = in(folder);
    settings.memory_max_bytes = 2u << 20;
    Shop shop(settings);
    std::vector<Handle> handles;
    for (int s = 0; s < 40; ++s)
        handles.push_back(shop->obtain(metric("x", std::to_string(s)), SeriesKind::counter));
    const int hours = 5;
    for (int i = 0; i < hours * 3600; i += 5) {
        shop.now = kStart + i * 1000;
        for (int n = 0; n < 40; ++n) {
            const Handle handle = handles[static_cast<std::size_t>(n)];
            if (n % 10 == 0) {
                ASSERT_EQ(shop->append(handle, shop.now, histogram(i / 100)), Append::stored);
            } else if (n % 3 != 0 || i < 7200) {
                ASSERT_EQ(shop->append(handle, shop.now, i * n), Append::stored);
            }
        }
        if (i % 900 == 0) {
            ASSERT_TRUE(shop->checkpoint());
            shop->trim();
        }
    }
    const auto check = [&](const std::string& when) {
        const TimeMs from = shop.now - 2 * kHourMs;
        ASSERT_EQ(shop->tier_for(from).step_ms, 1000);
        const std::vector<Series> found = shop.all("x", from, shop.now);
        ASSERT_EQ(found.size(), 40u - 12u) << when << ": silent ones are not in this range";
        for (const Series& series : found) {
            const int s = std::stoi(std::string(value_of(series.labels, "route")));
            ASSERT_EQ(series.times_ms.size(), 1441u - (series.times_ms.size() == 1440))
                << when << s;
            for (std::size_t i = 0; i < series.times_ms.size(); ++i) {
                const auto second = (series.times_ms[i] - kStart) / 1000;
                if (s % 10 == 0) {
                    ASSERT_EQ(*series.histograms[i], *histogram(static_cast<double>(second / 100)));
                } else {
                    ASSERT_EQ(series.values[i], static_cast<double>(second * s));
                }
            }
        }
    };
    check("running");
    EXPECT_GE(shop->stats().segments, 4u);
    EXPECT_EQ(shop->stats().samples_dropped_total, 0u);
    EXPECT_LT(shop->stats().memory_bytes, settings.memory_max_bytes);
    shop.close();
    shop.open();
    check("after a restart");
    // Silent series are found where they had samples.
    EXPECT_EQ(shop.all("x", kStart, shop.now).size(), 40u);
    EXPECT_EQ(shop->stats().corrupt_blocks_total, 0u) << shop->stats().last_error;
}

TEST(Durable, SeriesThatLeftTheMemoryAreReadFromDisk) {
    const Folder folder;
    Shop shop(in(folder));
    shop.feed(shop->obtain(metric("x"), SeriesKind::counter), kStart, counting(0, 100));
    shop.now = kStart + 40 * kMinuteMs;
    ASSERT_TRUE(shop->checkpoint());  // settles it: its newest sample goes to all tiers
    shop.now = kStart + 90 * kMinuteMs;
    ASSERT_TRUE(shop->checkpoint());
    shop->trim();
    EXPECT_EQ(shop->stats().series, 0u);
    EXPECT_EQ(shop.one("x", kStart, shop.now).values, counting(0, 100));
    // It comes back, but not into its own past.
    const Handle again = shop->obtain(metric("x"), SeriesKind::counter);
    EXPECT_EQ(shop->append(again, kStart + 50'000, 1), Append::too_old);
    EXPECT_EQ(shop->append(again, shop.now, 1), Append::stored);
    EXPECT_EQ(shop.one("x", kStart, shop.now).values.size(), 101u);
}

TEST(Durable, OneProcessADirectory) {
    const Folder folder;
    Shop shop(in(folder));
    Settings settings = in(folder);
    const auto second = Store::open(settings);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("in use"), std::string::npos);
}

TEST(Durable, ADirectoryThatCannotBeIsAnError) {
    Settings settings;
    settings.directory = "/proc/nowhere/store";
    EXPECT_FALSE(Store::open(settings));
}

// --- a disk that fails ---------------------------------------------------------------------------

class FullDisk : public Disk {
public:
    ssize_t write(int fd, const char* bytes, std::size_t count) noexcept override {
        if (room < count) {
            // As a real one: what fits is written, then there is no room.
            const std::size_t fits = std::exchange(room, 0);
            if (fits > 0) return Disk::write(fd, bytes, fits);
            errno = ENOSPC;
            return -1;
        }
        room -= count;
        return Disk::write(fd, bytes, count);
    }
    int sync(int fd) noexcept override {
        if (sync_fails) {
            errno = EIO;
            return -1;
        }
        return Disk::sync(fd);
    }
    std::size_t room = SIZE_MAX;
    bool sync_fails = false;
};

TEST(Durable, AFullDiskIsCountedAndServingGoesOn) {
    const Folder folder;
    FullDisk disk;
    Settings settings = in(folder);
    settings.disk = &disk;
    Shop shop(settings);
    const Handle x = shop->obtain(metric("x"), SeriesKind::counter);
    shop.feed(x, kStart, counting(0, 50));
    ASSERT_TRUE(shop->flush());
    shop.feed(x, kStart + 50'000, counting(50, 100));
    for (const std::size_t room : {0, 1, 5, 11, 30}) {
        disk.room = room;
        EXPECT_FALSE(shop->flush());
        disk.room = room;
        EXPECT_FALSE(shop->checkpoint());
        shop->trim();
    }
    EXPECT_GT(shop->stats().flush_failures_total, 4u);
    EXPECT_GT(shop->stats().checkpoint_failures_total, 4u);
    EXPECT_NE(shop->stats().last_error.find("No space left"), std::string::npos);
    shop.now = shop.now + 60'000;
    EXPECT_GE(shop->stats().flush_lag_ms, 60'000);
    EXPECT_EQ(shop.one("x").values, counting(0, 100));
    {
        const Crashed crashed(folder);
        Shop after(crashed.settings());
        EXPECT_EQ(after.one("x").values, counting(0, 50)) << "what was safe stays safe";
        EXPECT_EQ(after->stats().corrupt_segments_total, 0u);
    }
    disk.room = SIZE_MAX;  // somebody made room
    EXPECT_TRUE(shop->flush());
    EXPECT_EQ(shop->stats().flush_lag_ms, 0);
    {
        const Crashed crashed(folder);
        Shop after(crashed.settings());
        EXPECT_EQ(after.one("x").values, counting(0, 100));
    }
    EXPECT_TRUE(shop->checkpoint());
    EXPECT_LE(folder.files(".journal").size(), 1u);
    const Crashed crashed(folder);
    Shop after(crashed.settings());
    EXPECT_EQ(after.one("x").values, counting(0, 100));
}

TEST(Durable, AFailingSyncIsAFailingFlush) {
    const Folder folder;
    FullDisk disk;
    Settings settings = in(folder);
    settings.disk = &disk;
    Shop shop(settings);
    // Shop turns syncing off for speed; here it is the point.
    settings.sync = true;
    shop.close();
    settings.background = false;
    settings.now = [&] { return shop.now.load(); };
    auto store = Store::open(settings);
    ASSERT_TRUE(store);
    (*store)->append((*store)->obtain(metric("x"), SeriesKind::gauge), kStart, 1);
    disk.sync_fails = true;
    EXPECT_FALSE((*store)->flush());
    disk.sync_fails = false;
    EXPECT_TRUE((*store)->flush());
}

TEST(Durable, TheDiskHasACap) {
    const Folder folder;
    Settings settings = in(folder);
    settings.disk_max_bytes = 3u << 20;
    settings.tiers = {{1000, kHourMs}, {15'000, 6 * kHourMs}};
    Shop shop(settings);
    Random random(4);
    std::vector<Handle> handles;
    for (int s = 0; s < 100; ++s)
        handles.push_back(shop->obtain(metric("noise", std::to_string(s)), SeriesKind::gauge));
    for (int i = 0; i < 3 * 3600; ++i) {
        shop.now = kStart + i * 1000;
        for (const Handle h : handles) shop->append(h, shop.now, random.unit());
        if (i % 60 == 59) (void)shop->flush();
        if (i % 300 == 299) {
            (void)shop->checkpoint();
            shop->trim();
            ASSERT_LE(shop->stats().disk_bytes, settings.disk_max_bytes) << i;
        }
    }
    EXPECT_GT(shop->stats().samples_dropped_total, 0u);
    EXPECT_EQ(shop.all("noise", shop.now - kMinuteMs, shop.now).size(), 100u);
    uint64_t on_disk = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        if (entry.is_regular_file()) on_disk += entry.file_size();
    EXPECT_NEAR(static_cast<double>(on_disk), static_cast<double>(shop->stats().disk_bytes), 100);
}

TEST(Durable, RetentionDeletesSegments) {
    const Folder folder;
    Settings settings = in(folder);
    settings.tiers = {{1000, kHourMs}};
    Shop shop(settings);
    const Handle x = shop->obtain(metric("x"), SeriesKind::counter);
    for (int i = 0; i < 10 * 3600; i += 10) {
        shop.now = kStart + i * 1000;
        shop->append(x, shop.now, i);
        if (i % 900 == 0) {
            ASSERT_TRUE(shop->checkpoint());
            shop->trim();
        }
    }
    EXPECT_LE(folder.files(".segment").size(), 4u);
    EXPECT_GE(folder.files(".segment").size(), 2u);
}

// --- damage --------------------------------------------------------------------------------------

TEST(Durable, ADamagedSegmentIsSetAsideAndTheRestServed) {
    const Folder folder;
    Shop shop(in(folder));
    shop.feed(shop->obtain(metric("x"), SeriesKind::counter), kStart, counting(0, 100));
    shop.close();
    for (const std::string& path : folder.files(".segment")) {
        if (path.find("/1000ms") == std::string::npos) continue;
        std::string bytes = read_all(path);
        bytes[bytes.size() - 60] ^= 1;  // the index
        write_all(path, bytes);
    }
    shop.open();
    const Stats stats = shop->stats();
    EXPECT_EQ(stats.corrupt_segments_total, 1u);
    EXPECT_NE(stats.last_error.find("the index is damaged"), std::string::npos);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path() + "/quarantine"), {}),
              1);
    // The coarser tiers have not lost it.
    EXPECT_EQ(shop.one("x").values.back(), 99);
    EXPECT_LT(shop.one("x").values.size(), 20u);
}

TEST(Durable, ADamagedExtentCostsOneSeriesItsSpan) {
    const Folder folder;
    Shop shop(in(folder));
    const Handle x = shop->obtain(metric("x"), SeriesKind::counter);
    const Handle y = shop->obtain(metric("y"), SeriesKind::counter);
    for (int i = 0; i < 100; ++i) {
        shop.now = kStart + i * 1000;
        shop->append(x, shop.now, i);
        shop->append(y, shop.now, i);
    }
    shop.close();
    for (const std::string& path : folder.files(".segment")) {
        std::string bytes = read_all(path);
        bytes[50] = static_cast<char>(bytes[50] ^ 1);  // the first extent: x
        write_all(path, bytes);
    }
    shop.open();
    EXPECT_TRUE(shop.all("x").empty());
    EXPECT_TRUE(shop.all("x").empty());
    EXPECT_EQ(shop->stats().corrupt_blocks_total, 1u) << "once, however often it is met";
    EXPECT_EQ(shop.one("y").values, counting(0, 100));
    // The next checkpoint sets the file aside and carries the sound rest over.
    shop.feed(shop->obtain(metric("y"), SeriesKind::counter), kStart + 100'000, counting(100, 110));
    ASSERT_TRUE(shop->checkpoint());
    EXPECT_EQ(shop.one("y").values, counting(0, 110));
    EXPECT_TRUE(std::filesystem::exists(folder.path() + "/quarantine"));
}

TEST(Durable, AnyByteOfAnyFileMayBeDamaged) {
    const Folder folder;
    Shop shop(in(folder));
    const Handle x = shop->obtain(metric("x"), SeriesKind::counter);
    shop.feed(x, kStart, counting(0, 60));
    ASSERT_TRUE(shop->checkpoint());
    shop.feed(x, kStart + 60'000, counting(60, 90));
    ASSERT_TRUE(shop->flush());
    const Crashed pristine(folder);
    Random random(8);
    for (int round = 0; round < 120; ++round) {
        const Crashed crashed(pristine.folder());
        std::vector<std::string> files = crashed.folder().files(".segment");
        for (const std::string& path : crashed.folder().files(".journal")) files.push_back(path);
        const std::string& path = files[random.below(files.size())];
        std::string bytes = read_all(path);
        if (bytes.empty()) continue;
        const std::size_t at = random.below(bytes.size());
        if (round % 3 == 0)
            bytes.resize(at);
        else
            bytes[at] = static_cast<char>(random.next());
        write_all(path, bytes);
        Shop after(crashed.settings());
        after.now = kStart + 90'000;
        for (const Series& series : after.all("x"))
            for (std::size_t i = 0; i < series.values.size(); ++i)
                ASSERT_EQ(series.values[i],
                          static_cast<double>((series.times_ms[i] - kStart) / 1000));
    }
}

}  // namespace
}  // namespace glassgate::store
