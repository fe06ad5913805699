#include "store/segment/segment.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include "base/ids.h"
#include "store/column.h"
#include "store/segment/crc32c.h"
#include "store/segment/journal.h"
#include "store/segment/segment_set.h"
#include "store/store_scene_test.h"
#include "store/store_state.h"

namespace glassgate::store {
namespace {

using namespace scene;

TEST(Crc32c, KnownAnswers) {  // RFC 3720 B.4
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c("56789", crc32c("1234")), 0xe3069283u);
    Random random(1);
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        bytes.push_back(static_cast<char>(random.next()));
        ASSERT_EQ(crc32c(bytes), crc32c_portable(bytes));
    }
}

constexpr SegmentHead kHead{1000, kStart, kStart + kHourMs, 7};

Series samples_of(int series) {
    Series s;
    for (int i = 0; i < 300 + series; ++i)
        if (series % 3 == 2)
            append_histogram(s, kStart + i * 1000, histogram(1 + i / 20));
        else
            append_number(s, kStart + i * 1000, series % 3 == 0 ? 1.0 : i * 0.37);
    return s;
}

std::string write_segment(const Folder& folder, int count) {
    const std::string path = segment_path(folder.path(), kHead);
    auto writer = SegmentWriter::create(Disk::real(), path, kHead);
    EXPECT_TRUE(writer);
    for (int i = 0; i < count; ++i) {
        Encoder encoder;
        std::vector<ChunkView> views;
        const auto chunks = encoder.encode(samples_of(i));
        for (const ChunkPtr& chunk : chunks) views.push_back(chunk->view());
        EXPECT_TRUE(writer->add(metric("m", std::to_string(100 + i)), SeriesKind::counter, views));
    }
    EXPECT_TRUE(writer->finish(true));
    return path;
}

// Everything in a segment: nothing where it says it is damaged.
struct Content {
    bool sound = false;
    std::map<Labels, Series> series;
    std::size_t damaged = 0;
};
Content read_segment(const std::string& path) {
    Content content;
    auto segment = Segment::open(path, 1);
    if (!segment) return content;
    auto index = (*segment)->index();
    if (!index) return content;
    content.sound = true;
    std::string buffer;
    std::vector<ChunkView> chunks;
    for (const SegmentEntry& entry : (*index)->entries()) {
        const auto bytes = (*segment)->read(entry, buffer);
        Series series;
        bool good = bytes && read_extent(*bytes, chunks);
        for (std::size_t i = 0; good && i < chunks.size(); ++i)
            good = append_samples(chunks[i], INT64_MIN, INT64_MAX, series);
        if (!good) {
            ++content.damaged;
            continue;
        }
        content.series.emplace((*index)->labels(entry), std::move(series));
    }
    return content;
}
bool same(const Series& a, const Series& b) {
    if (a.times_ms != b.times_ms || a.values != b.values ||
        a.histograms.size() != b.histograms.size())
        return false;
    for (std::size_t i = 0; i < a.histograms.size(); ++i)
        if (!same_sample(a.histograms[i], b.histograms[i])) return false;
    return true;
}

TEST(Segment, ComesBackWhole) {
    const Folder folder;
    const Content content = read_segment(write_segment(folder, 9));
    ASSERT_TRUE(content.sound);
    EXPECT_EQ(content.damaged, 0u);
    ASSERT_EQ(content.series.size(), 9u);
    for (int i = 0; i < 9; ++i)
        EXPECT_TRUE(same(content.series.at(metric("m", std::to_string(100 + i))), samples_of(i)));
}

TEST(Segment, IsFoundByMatchers) {
    const Folder folder;
    auto segment = Segment::open(write_segment(folder, 9), 1);
    ASSERT_TRUE(segment);
    EXPECT_EQ((*segment)->head().step_ms, 1000);
    EXPECT_EQ((*segment)->first_ms(), kStart);
    EXPECT_EQ((*segment)->last_ms(), kStart + 307'000);
    const auto index = (*segment)->index();
    ASSERT_TRUE(index);
    const auto select = [&](const Matcher& m) { return (*index)->select(*compile_matchers({m})); };
    EXPECT_EQ(select({"route", Matcher::Kind::equal, "103"}), (std::vector<uint32_t>{3}));
    EXPECT_EQ(select({"route", Matcher::Kind::regex, "10[78]"}), (std::vector<uint32_t>{7, 8}));
    EXPECT_EQ(select({"none", Matcher::Kind::equal, ""}).size(), 9u);
    EXPECT_EQ(select({"none", Matcher::Kind::equal, "x"}).size(), 0u);
}

// Every byte in turn: the whole file is refused, or single series are, and nothing that is served
// is wrong.
TEST(Segment, ADamagedByteIsNeverServed) {
    const Folder folder;
    const std::string path = write_segment(folder, 6);
    const std::string bytes = read_all(path);
    std::map<Labels, Series> truth;
    for (int i = 0; i < 6; ++i) truth.emplace(metric("m", std::to_string(100 + i)), samples_of(i));
    std::size_t refused = 0, partly = 0;
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto put_byte = [&](std::size_t at, int byte) {
        file.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(byte)).flush();
    };
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        put_byte(at, bytes[at] ^ (1 << (at % 8)));
        const Content content = read_segment(path);
        put_byte(at, bytes[at]);
        if (!content.sound) {
            ++refused;
            continue;
        }
        ASSERT_EQ(content.damaged, 1u) << "byte " << at;
        ++partly;
        for (const auto& [labels, series] : content.series)
            ASSERT_TRUE(same(series, truth.at(labels))) << "byte " << at;
    }
    EXPECT_GT(refused, 100u);
    EXPECT_GT(partly, 100u);
}

TEST(Segment, AFileCutShortIsRefused) {
    const Folder folder;
    const std::string path = write_segment(folder, 3);
    const std::string bytes = read_all(path);
    for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 10) {
        write_all(path, bytes.substr(0, size));
        EXPECT_FALSE(read_segment(path).sound) << size;
    }
}

TEST(SegmentSet, KeepsTheNewestSoundOneOfASpan) {
    const Folder folder;
    for (const uint64_t sequence : {1u, 2u, 3u}) {
        SegmentHead head = kHead;
        head.sequence = sequence;
        auto writer = SegmentWriter::create(Disk::real(), segment_path(folder.path(), head), head);
        ASSERT_TRUE(writer->finish(false));
    }
    SegmentHead newest = kHead;
    newest.sequence = 3;
    std::string bytes = read_all(segment_path(folder.path(), newest));
    bytes[bytes.size() / 2] = '?';
    write_all(segment_path(folder.path(), newest), bytes);
    write_all(folder.path() + "/leftover.segment.tmp", "x");

    SegmentSet set;
    std::vector<std::string> damaged;
    set.load(folder.path(), 1, [&](const std::string& what) { damaged.push_back(what); });
    EXPECT_EQ(damaged.size(), 1u);
    ASSERT_EQ(set.size(), 1u);
    EXPECT_EQ(set.find(1000, kStart)->head().sequence, 2u);
    EXPECT_EQ(folder.files(".segment").size(), 1u);
    EXPECT_TRUE(folder.files(".tmp").empty());
    EXPECT_TRUE(std::filesystem::exists(folder.path() + "/quarantine"));
}

// --- the journal ---------------------------------------------------------------------------------

struct Replayed {
    std::map<uint32_t, Labels> series;
    std::map<uint32_t, std::size_t> samples;
    JournalFault fault;
};
Replayed replay(std::string bytes) {
    Replayed r;
    const std::size_t size = bytes.size();
    bytes.append(kPadding, '\0');
    r.fault = read_journal({bytes.data(), size},
                           {[&](uint32_t id, SeriesKind, Labels l) { r.series[id] = std::move(l); },
                            [&](uint32_t id, const ChunkView& chunk) {
                                Series series;
                                if (!append_samples(chunk, INT64_MIN, INT64_MAX, series))
                                    return false;
                                r.samples[id] += series.times_ms.size();
                                return r.series.contains(id);
                            }});
    return r;
}
std::string write_journal(const Folder& folder, int records) {
    auto journal = JournalFile::create(Disk::real(), folder.path(), 1);
    EXPECT_TRUE(journal);
    Encoder encoder;
    for (int i = 0; i < records; ++i) {
        const auto id = static_cast<uint32_t>(i);
        journal->define(id, SeriesKind::gauge, metric("m", std::to_string(i)));
        for (const ChunkPtr& chunk : encoder.encode(samples_of(i)))
            journal->samples(id, chunk->view());
        EXPECT_TRUE(journal->write(false));
    }
    return read_all(journal_path(folder.path(), 1));
}

TEST(Journal, ComesBackWhole) {
    const Folder folder;
    const Replayed r = replay(write_journal(folder, 5));
    EXPECT_EQ(r.series.size(), 5u);
    EXPECT_EQ(r.samples.at(4), 304u);
    EXPECT_EQ(r.fault.skipped_bytes, 0u);
    EXPECT_FALSE(r.fault.torn_end);
}

TEST(Journal, ATornEndCostsTheLastRecordOnly) {
    const Folder folder;
    const std::string bytes = write_journal(folder, 3);
    const std::size_t two = [&] {
        const Folder other;
        return write_journal(other, 2).size();
    }();
    for (std::size_t size = two + 1; size < bytes.size(); size += 7) {
        const Replayed r = replay(bytes.substr(0, size));
        ASSERT_EQ(r.series.size(), 2u);
        ASSERT_TRUE(r.fault.torn_end);
        ASSERT_EQ(r.fault.lost_items, 0u);
    }
}

TEST(Journal, ADamagedByteCostsItsRecordOnly) {
    const Folder folder;
    const std::string bytes = write_journal(folder, 4);
    for (std::size_t at = 8; at < bytes.size(); at += 3) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        const Replayed r = replay(damaged);
        ASSERT_EQ(r.series.size(), 3u) << at;
        for (const auto& [id, samples] : r.samples) ASSERT_EQ(samples, 300u + id);
        ASSERT_GT(r.fault.skipped_bytes, 0u);
    }
}

TEST(DirectoryLock, OneAtATime) {
    const Folder folder;
    auto first = DirectoryLock::take(folder.path());
    ASSERT_TRUE(first);
    const auto second = DirectoryLock::take(folder.path());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("in use by process " + std::to_string(::getpid())),
              std::string::npos)
        << second.error().message;
    first = failure("let go");
    EXPECT_TRUE(DirectoryLock::take(folder.path()));
}

}  // namespace
}  // namespace glassgate::store
