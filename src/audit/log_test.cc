#include "audit/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "audit/scene_test.h"
#include "audit/segment.h"
#include "audit/verifier.h"

namespace glassgate::audit {
namespace {

TEST(Log, ANewLogIsGood) {
    Scene scene;
    auto log = scene.open();
    for (int i = 0; i < 100; ++i) log->append(body(i));
    ASSERT_TRUE(log->close());
    log.reset();
    const VerifyReport report = scene.verify();
    EXPECT_EQ(problem(report), "");
    EXPECT_TRUE(report.stopped);
    EXPECT_EQ(report.last_seq, 103u);  // opened, started, ..., stopped
    EXPECT_EQ(report.signed_size, 103u);
}

TEST(Log, SegmentsAreSealedReadOnlyAndGoOn) {
    Scene scene;
    scene.settings.segment_bytes = 8'000;
    auto log = scene.open();
    for (int i = 0; i < 200; ++i) {
        log->append(body(i));
        ASSERT_TRUE(log->commit(true));
    }
    ASSERT_TRUE(log->close());
    log.reset();
    const VerifyReport report = scene.verify();
    EXPECT_EQ(problem(report), "");
    EXPECT_GT(report.segments, 4u);
    struct stat info{};
    ASSERT_EQ(::stat(SegmentPaths(scene.folder(), 1).records.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0440u);
}

TEST(Log, GoesOnAfterAnOrderlyStop) {
    Scene scene;
    for (int round = 0; round < 3; ++round) {
        auto log = scene.open();
        log->append(body(round));
        ASSERT_TRUE(log->close());
    }
    EXPECT_EQ(problem(scene.verify()), "");
    EXPECT_EQ(scene.count("\"type\":\"log.started\""), 3u);
    EXPECT_EQ(scene.count("log.recovered"), 0u);
}

TEST(Log, TwoWritersAreOneTooMany) {
    Scene scene;
    auto log = scene.open();
    EXPECT_FALSE(Log::open(scene.settings));
}

TEST(Log, AKeyOthersCanReadIsRefused) {
    Scene scene;
    ASSERT_TRUE(scene.open()->close());
    ASSERT_EQ(::chmod(scene.settings.key_path.c_str(), 0640), 0);
    const auto again = Log::open(scene.settings);
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().message.find("chmod 600"), std::string::npos);
}

// Wherever a crash cuts the file behind the last checkpoint, the log is taken over, says so, keeps
// what it cut off, and verifies.
TEST(Log, RecoversFromEveryCut) {
    Scene scene;
    scene.settings.checkpoint_records = 1'000'000;
    auto log = scene.open();
    const std::string path = SegmentPaths(scene.folder(), 1).records;
    const uint64_t signed_bytes = size_of(path).value();
    for (int i = 0; i < 4; ++i) log->append(body(i));
    ASSERT_TRUE(log->commit(true));
    log.reset();
    const uint64_t all = size_of(path).value();
    const std::string copy = scene.folder() + ".copy";
    std::filesystem::copy(scene.folder(), copy, std::filesystem::copy_options::recursive);
    for (uint64_t cut = signed_bytes; cut <= all; cut += 37) {
        std::filesystem::remove_all(scene.folder());
        std::filesystem::copy(copy, scene.folder(), std::filesystem::copy_options::recursive);
        ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(cut)), 0);
        auto again = Log::open(scene.settings);
        ASSERT_TRUE(again) << cut << again.error().message;
        ASSERT_TRUE((*again)->close());
        again->reset();
        ASSERT_EQ(problem(scene.verify()), "") << cut;
        ASSERT_EQ(scene.count("log.recovered"), 1u) << cut;
    }
    std::filesystem::remove_all(copy);
}

TEST(Log, KeepsWhatRecoveryCutsOff) {
    Scene scene;
    auto log = scene.open();
    log->append(body(1));
    ASSERT_TRUE(log->commit(true));
    log.reset();
    const std::string path = SegmentPaths(scene.folder(), 1).records;
    std::ofstream(path, std::ios::app) << "{\"seq\":4,\"time\":\"20";
    EXPECT_NE(problem(scene.verify()).find("unfinished last line"), std::string::npos);
    ASSERT_TRUE(scene.open()->close());
    EXPECT_EQ(problem(scene.verify()), "");
    const auto torn = read_whole(SegmentPaths(scene.folder(), 1).torn(4), 1000);
    ASSERT_TRUE(torn);
    EXPECT_EQ(*torn, "{\"seq\":4,\"time\":\"20");
    EXPECT_EQ(scene.count("\"torn\":{\"bytes\":19,\"sha256\":\"" + hex(sha256(*torn)) +
                          "\",\"file\":\"audit-00000001.torn-4\"}"),
              1u);
}

TEST(Log, DoesNotTakeOverADamagedLog) {
    Scene scene;
    {
        auto log = scene.open();
        for (int i = 0; i < 10; ++i) log->append(body(i));
        ASSERT_TRUE(log->checkpoint());
    }
    const std::string path = SegmentPaths(scene.folder(), 1).records;
    ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(size_of(path).value() - 100)), 0);
    const auto again = Log::open(scene.settings);
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().message.find("No crash leaves a log like that"), std::string::npos);
}

// A crash between any two steps of a change of segments: some files there, some not.
TEST(Log, RecoversFromACrashWhileSealing) {
    Scene scene;
    scene.settings.segment_bytes = 4'000;
    auto log = scene.open();
    uint64_t i = 0;
    while (log->segment() == 1) {
        log->append(body(static_cast<int>(i++)));
        ASSERT_TRUE(log->commit(true));
    }
    log.reset();
    const SegmentPaths second(scene.folder(), 2);
    for (const std::string& gone : {second.records, second.checkpoints, second.tree, second.index})
        ::unlink(gone.c_str());
    ASSERT_TRUE(scene.open()->close());  // sealed, and nothing behind it
    EXPECT_EQ(problem(scene.verify()), "");

    for (const std::string& gone : {second.checkpoints, second.tree, second.index})
        ::unlink(gone.c_str());
    ASSERT_EQ(::truncate(second.records.c_str(), 0), 0);  // begun, and no line written
    ASSERT_TRUE(scene.open()->close());
    EXPECT_EQ(problem(scene.verify()), "");
    EXPECT_EQ(scene.count("log.recovered"), 1u);
}

// ---- failing disks -----------------------------------------------------------------------------

class FailingDisk final : public Disk {
public:
    Status write(const File& file, const std::string& path, std::string_view bytes,
                 uint64_t offset) override {
        if (fail_writes && path.ends_with(failing)) {
            // Half of it gets there, as on a disk that fills up.
            (void)Disk::write(file, path, bytes.substr(0, bytes.size() / 2), offset);
            return failure("write " + path + ": No space left on device");
        }
        return Disk::write(file, path, bytes, offset);
    }
    Status sync(const File& file, const std::string& path) override {
        if (fail_syncs && path.ends_with(failing)) {
            // The kernel may drop what it could not write (and then say all is well).
            (void)Disk::truncate(file, path, 0);
            return failure("sync " + path + ": Input/output error");
        }
        return Disk::sync(file, path);
    }
    Status allocate(const File& file, const std::string& path, uint64_t offset,
                    uint64_t bytes) override {
        if (full) return failure("reserve space for " + path + ": No space left on device");
        return Disk::allocate(file, path, offset, bytes);
    }
    bool fail_writes = false, fail_syncs = false, full = false;
    std::string failing = ".jsonl";
};

TEST(Log, WritesAgainWhatCouldNotBeWritten) {
    for (const std::string failing : {".jsonl", ".checkpoints", ".tree", ".index"}) {
        FailingDisk disk;
        disk.failing = failing;
        Scene scene;
        scene.settings.checkpoint_records = 3;
        auto log = Log::open(scene.settings, real_clocks(), disk).value();
        disk.fail_writes = true;
        for (int i = 0; i < 5; ++i) log->append(body(i));
        EXPECT_FALSE(log->commit(true)) << failing;
        EXPECT_FALSE(log->commit(true)) << failing;
        disk.fail_writes = false;
        ASSERT_TRUE(log->commit(true)) << failing;
        EXPECT_EQ(log->durable_seq(), log->last_seq());
        ASSERT_TRUE(log->close());
        log.reset();
        EXPECT_EQ(problem(scene.verify()), "") << failing;
    }
}

TEST(Log, AFailedSyncIsNotBelievedLater) {
    FailingDisk disk;
    Scene scene;
    auto log = Log::open(scene.settings, real_clocks(), disk).value();
    const uint64_t durable = log->durable_seq();
    // Only what was durable before may be relied on, so the truncation above must not eat it.
    disk.fail_syncs = true;
    const std::string path = SegmentPaths(scene.folder(), 1).records;
    const std::string before = read_whole(path, 1 << 20).value();
    log->append(body(1));
    EXPECT_FALSE(log->commit(true));
    EXPECT_EQ(log->durable_seq(), durable);
    disk.fail_syncs = false;
    std::ofstream(path, std::ios::trunc) << before;
    ASSERT_TRUE(log->commit(true));
    ASSERT_TRUE(log->close());
    log.reset();
    EXPECT_EQ(problem(scene.verify()), "");
}

TEST(Log, AFullDiskLeavesNoRoomAndLosesNothing) {
    FailingDisk disk;
    Scene scene;
    scene.settings.room_bytes = 10'000;
    auto log = Log::open(scene.settings, real_clocks(), disk).value();
    log->append(body(0));
    ASSERT_TRUE(log->commit(true));
    EXPECT_EQ(log->room(), 10'000u);
    disk.full = true;
    uint64_t room = log->room();
    while (log->room() > 1000) {
        log->append(body(1));
        ASSERT_TRUE(log->commit(true));
        ASSERT_LE(log->room(), room);
        room = log->room();
    }
    EXPECT_NE(log->room_problem().find("No space left"), std::string::npos);
    disk.full = false;
    ASSERT_TRUE(log->commit(true));
    EXPECT_EQ(log->room(), 10'000u);
    EXPECT_EQ(log->room_problem(), "");
    ASSERT_TRUE(log->close());
    log.reset();
    EXPECT_EQ(problem(scene.verify()), "");
}

// ---- clocks ------------------------------------------------------------------------------------

uint64_t g_wall_ns, g_mono_ns;

TEST(Log, RecordsThatTheClockWasSet) {
    Scene scene;
    g_wall_ns = 1'700'000'000'000'000'000, g_mono_ns = 1'000'000'000;
    const Clocks clocks{[]() noexcept { return g_wall_ns; }, []() noexcept { return g_mono_ns; }};
    auto log = Log::open(scene.settings, clocks).value();
    const auto pass = [](int64_t wall_ms, int64_t mono_ms) {
        g_wall_ns += static_cast<uint64_t>(wall_ms * 1'000'000);
        g_mono_ns += static_cast<uint64_t>(mono_ms * 1'000'000);
    };
    pass(1000, 1000), log->append(body(1));
    pass(-3'600'000, 10), log->append(body(2));
    pass(3'600'000, 10), log->append(body(3));
    pass(9, 10), log->append(body(4));     // slewed: no step
    pass(-100, 10), log->append(body(5));  // too little for one: the time stands still
    ASSERT_TRUE(log->close());
    log.reset();
    EXPECT_EQ(problem(scene.verify()), "");
    EXPECT_EQ(scene.count("\"type\":\"clock.step\""), 2u);
    EXPECT_EQ(scene.count("\"step_ms\":-3600010"), 1u);
}

TEST(Log, ACheckpointEverySoManyRecordsAndMilliseconds) {
    Scene scene;
    scene.settings.checkpoint_records = 10;
    scene.settings.checkpoint_ns = 5'000'000'000;
    g_wall_ns = 1'700'000'000'000'000'000, g_mono_ns = 1'000'000'000;
    const Clocks clocks{[]() noexcept { return g_wall_ns; }, []() noexcept { return g_mono_ns; }};
    auto log = Log::open(scene.settings, clocks).value();
    const auto signed_records = [&] {
        return parse_checkpoint(log->last_checkpoint_line()).value().size;
    };
    EXPECT_EQ(signed_records(), 2u);
    for (int i = 0; i < 9; ++i) log->append(body(i));
    ASSERT_TRUE(log->commit(true));
    EXPECT_EQ(signed_records(), 2u);
    log->append(body(9));
    ASSERT_TRUE(log->commit(true));
    EXPECT_EQ(signed_records(), 12u);
    log->append(body(10));
    ASSERT_TRUE(log->commit(true));
    EXPECT_EQ(signed_records(), 12u);
    g_wall_ns += 5'000'000'000, g_mono_ns += 5'000'000'000;
    ASSERT_TRUE(log->commit(false));
    EXPECT_EQ(signed_records(), 13u);
    EXPECT_EQ(log->checkpoint_due_ns(), 0u);
}

}  // namespace
}  // namespace glassgate::audit
