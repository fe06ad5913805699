#include "flight/ring.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "flight/flight_scene_test.h"

namespace glassgate::flight {
namespace {

using namespace scene;

class RingTest : public ::testing::Test {
protected:
    void open(const RingLimits& limits = {}) {
        ring.reset();
        ring = open_ring(folder.ring(), limits);
        ASSERT_NE(ring, nullptr);
    }
    void append(uint64_t from, uint64_t to, std::size_t batch = 100) {
        while (from < to) {
            std::vector<std::string> entries;
            for (; from < to && entries.size() < batch; ++from)
                entries.push_back(scene.entry(from));
            const std::vector<std::string_view> views(entries.begin(), entries.end());
            const auto done = ring->append(views, scene.plan_bytes());
            ASSERT_EQ(done.entries, views.size()) << done.error;
        }
    }
    [[nodiscard]] std::vector<Record> all(const Ring& of) const {
        Scan scan;
        scan.limit = 10'000'000;
        scan.newest_first = false;
        return of.scan(scan).records;
    }
    static std::string id_of(const Record& record) {
        std::string scratch;
        return std::string(request_id_of(record, scratch));
    }
    [[nodiscard]] uint64_t bytes_on_disk() const {
        uint64_t bytes = 0;
        for (const auto& file : std::filesystem::recursive_directory_iterator(folder.ring()))
            if (file.is_regular_file() && file.path().filename() != "LOCK")
                bytes += file.file_size();
        return bytes;
    }
    [[nodiscard]] std::vector<std::string> segments() const {
        std::vector<std::string> paths;
        for (const auto& file : std::filesystem::directory_iterator(folder.ring()))
            if (file.path().extension() == ".flight") paths.push_back(file.path());
        std::sort(paths.begin(), paths.end());
        return paths;
    }
    static std::string content(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    Folder folder;
    Scene scene;
    std::shared_ptr<Ring> ring;
};

TEST_F(RingTest, KeepsOrderAndFindsEachById) {
    open();
    append(0, 2000, 77);
    const std::vector<Record> records = all(*ring);
    ASSERT_EQ(records.size(), 2000u);
    for (std::size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(records[i].sequence, i);
        const auto found = ring->find(id_of(records[i]));
        ASSERT_EQ(found.size(), 1u) << i;
        EXPECT_EQ(found[0].sequence, i);
    }
    EXPECT_TRUE(ring->find("nobody").empty());
    EXPECT_TRUE(ring->find("").empty());
}

TEST_F(RingTest, NewestFirstPagesByTimeAndLimit) {
    open();
    append(0, 1300);
    Scan scan;
    scan.limit = 10;
    auto page = ring->scan(scan);
    ASSERT_EQ(page.records.size(), 10u);
    EXPECT_TRUE(page.more);
    EXPECT_EQ(page.records.front().sequence, 1299u);
    scan.below_sequence = page.records.back().sequence;
    page = ring->scan(scan);
    EXPECT_EQ(page.records.front().sequence, 1289u);
    Scan range;
    range.limit = 5000;
    range.from_ns = kStartNs + 100 * Scene::kStepNs;
    range.to_ns = kStartNs + 200 * Scene::kStepNs;
    for (const Record& r : ring->scan(range).records) {
        EXPECT_GE(r.row.at_ns, range.from_ns);
        EXPECT_LE(r.row.at_ns, range.to_ns);
    }
    EXPECT_GT(ring->scan(range).records.size(), 50u);
}

TEST_F(RingTest, ARestartGoesOn) {
    open();
    append(0, 700);
    const std::vector<Record> before = all(*ring);
    open();
    append(700, 900);
    const std::vector<Record> after = all(*ring);
    ASSERT_EQ(after.size(), 900u);
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(id_of(after[i]), id_of(before[i]));
    EXPECT_EQ(after.back().sequence, 899u);
    EXPECT_EQ(after.back().plan->names.routes.size(), 2u);
    EXPECT_EQ(ring->stats().damage.torn_bytes, 0u);
}

TEST_F(RingTest, StaysWithinItsBytesAndForgetsTheOldest) {
    const RingLimits limits{kMinRingBytes, 1'000'000};
    open(limits);
    uint64_t at = 0;
    for (int round = 0; round < 60; ++round, at += 500) {
        append(at, at + 500);
        ASSERT_LE(bytes_on_disk(), limits.max_bytes);
    }
    const std::vector<Record> records = all(*ring);
    EXPECT_EQ(records.back().sequence, at - 1);
    EXPECT_LT(records.size(), at);
    EXPECT_GT(records.size(), 3000u);
    EXPECT_EQ(records.front().sequence + records.size(), at) << "no holes";
    open({kMinRingBytes / 4, 1'000'000});  // less is allowed now
    EXPECT_LE(bytes_on_disk(), kMinRingBytes / 4);
}

TEST_F(RingTest, RecordsAreBoundedToo) {
    open({4 * kMinRingBytes, 2000});
    append(0, 20'000, 512);
    EXPECT_GE(ring->stats().records, 2000u);
    EXPECT_LT(ring->stats().records, 8000u);
}

TEST_F(RingTest, ATornTailIsCutOffAndReported) {
    open();
    append(0, 600);
    ring.reset();
    const std::string path = segments().back();
    const std::string journal = folder.ring() + "/journal";
    std::ofstream(path, std::ios::app | std::ios::binary) << content(path).substr(40, 3000);
    std::filesystem::resize_file(journal, std::filesystem::file_size(journal) - 7);
    open();
    EXPECT_GT(ring->stats().damage.torn_bytes, 3000u);
    // The batch the journal lost its end of is gone, the rest is there.
    EXPECT_EQ(all(*ring).size(), 512u);
    append(600, 700);
    open();
    EXPECT_EQ(ring->stats().damage.torn_bytes, 0u);
    EXPECT_EQ(all(*ring).size(), 612u);
}

TEST_F(RingTest, DamageCostsABlockNotTheRest) {
    open();
    append(0, 5 * kBlockRecords);
    ring.reset();
    const std::string path = segments().front();
    std::string bytes = content(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
    std::ofstream(path, std::ios::binary) << bytes;
    open();
    EXPECT_EQ(all(*ring).size(), 4 * kBlockRecords);
    EXPECT_GE(ring->stats().damage.frames, 1u);
    EXPECT_EQ(ring->stats().next_sequence, 5 * kBlockRecords);
}

TEST_F(RingTest, ADamagedHeadIsSkipped) {
    open();
    append(0, 5 * kBlockRecords);
    ring.reset();
    const std::string path = segments().front();
    std::string bytes = content(path);
    std::size_t third = 0;
    for (int i = 0; i < 3; ++i) third = bytes.find("GFRM", third + 1);
    bytes[third + 8] = static_cast<char>(bytes[third + 8] ^ 1);
    std::ofstream(path, std::ios::binary) << bytes;
    open();
    EXPECT_EQ(all(*ring).size(), 4 * kBlockRecords);
    EXPECT_EQ(ring->stats().damage.frames, 1u);
    EXPECT_GT(ring->stats().damage.skipped_bytes, 1000u);
}

TEST_F(RingTest, AForeignFileIsPutAside) {
    open();
    append(0, 600);
    ring.reset();
    std::ofstream(folder.ring() + "/000000000000.flight") << "this is not a segment at all, is it?";
    open();
    EXPECT_EQ(ring->stats().quarantined.size(), 1u);
    EXPECT_TRUE(std::filesystem::exists(folder.ring() + "/quarantine/000000000000.flight"));
    EXPECT_EQ(all(*ring).size(), 600u);
}

TEST_F(RingTest, WithoutItsPlanARecordKeepsWhatIsItsOwn) {
    open();
    append(0, 600);
    ring.reset();
    const std::string path = segments().front();
    std::string bytes = content(path);
    bytes[kFileHeadBytes + kFrameHeadBytes + 3] ^= 1;  // in the plan's body
    std::ofstream(path, std::ios::binary) << bytes;
    open();
    const std::vector<Record> records = all(*ring);
    ASSERT_EQ(records.size(), 600u);
    EXPECT_EQ(records[7].exchange.status, 504);
    EXPECT_EQ(records[7].plan, unknown_plan());
    std::string scratch, line;
    telemetry::append_json_line(records[7].exchange, records[7].plan->line, scratch, line);
    EXPECT_EQ(ring->find(id_of(records[7])).size(), 1u);
}

TEST_F(RingTest, OneProcessWritesManyRead) {
    open();
    append(0, 700);
    EXPECT_FALSE(Ring::open(folder.ring(), {}));
    auto reader = Ring::open_read_only(folder.ring());
    ASSERT_TRUE(reader);
    EXPECT_EQ(all(**reader).size(), 700u);
    EXPECT_FALSE(Ring::open_read_only(folder.path() + "/nothing"));
    EXPECT_FALSE(Ring::open_read_only(folder.path()));
}

TEST_F(RingTest, ReadersSeeAGrowingRingWhole) {
    open({kMinRingBytes, 1'000'000});
    append(0, 100);
    std::atomic<bool> over{false};
    const auto read = [&] {
        while (!over) {
            const std::vector<Record> records = all(*ring);
            for (std::size_t i = 1; i < records.size(); ++i)
                ASSERT_EQ(records[i].sequence, records[i - 1].sequence + 1);
            ASSERT_FALSE(records.empty());
            ASSERT_LE(ring->find(id_of(records.back())).size(), 1u);
            (void)ring->stats();
        }
    };
    std::thread one(read), two(read);
    append(100, 8000, 61);
    over = true;
    one.join();
    two.join();
}

class FailingDisk : public store::Disk {
public:
    ssize_t write(int fd, const char* bytes, std::size_t count) noexcept override {
        if (!full) return store::Disk::write(fd, bytes, count);
        errno = ENOSPC;
        return -1;
    }
    bool full = false;
};

TEST_F(RingTest, AFullDiskRefusesAndRecovers) {
    FailingDisk disk;
    auto opened = Ring::open(folder.ring(), {}, disk);
    ASSERT_TRUE(opened);
    ring = *std::move(opened);
    append(0, 500);
    disk.full = true;
    const std::string entry = scene.entry(500);
    const std::vector<std::string_view> one(30, entry);
    const auto refused = ring->append(one, scene.plan_bytes());
    EXPECT_EQ(refused.entries, 0u);
    EXPECT_NE(refused.error.find("No space left"), std::string::npos) << refused.error;
    EXPECT_EQ(all(*ring).size(), 500u);
    disk.full = false;
    append(500, 600);
    EXPECT_EQ(all(*ring).size(), 600u);
    open();
    EXPECT_EQ(all(*ring).size(), 600u);
}

}  // namespace
}  // namespace glassgate::flight
