// kill -9 while the ring is written to, again and again: what append() called safe is there.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flight/flight_scene_test.h"

namespace glassgate::flight {
namespace {

using namespace scene;

// Appends batches, the sizes of which vary, and says on the pipe how many records are safe.
[[noreturn]] void write_until_killed(const std::string& directory, int acks) {
    auto ring = Ring::open(directory, {2 * kMinRingBytes, 1'000'000});
    if (!ring) ::_exit(3);
    Scene scene;
    uint64_t at = (*ring)->stats().next_sequence;
    std::vector<std::string> entries;
    while (true) {
        entries.clear();
        for (uint64_t i = 0; i < 1 + at % 37; ++i) entries.push_back(scene.entry(at + i));
        const std::vector<std::string_view> views(entries.begin(), entries.end());
        if ((*ring)->append(views, scene.plan_bytes()).entries != views.size()) ::_exit(4);
        at += views.size();
        if (::write(acks, &at, sizeof at) != sizeof at) ::_exit(5);
    }
}

TEST(Crash, WhatWasSafeIsThere) {
    const Folder folder;
    Random random;
    uint64_t safe = 0;
    for (int round = 0; round < 25; ++round) {
        int acks[2];
        ASSERT_EQ(::pipe(acks), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(acks[0]);
            write_until_killed(folder.ring(), acks[1]);
        }
        ::close(acks[1]);
        uint64_t said = 0;
        ASSERT_EQ(::read(acks[0], &said, sizeof said), ssize_t{sizeof said}) << "it did not start";
        safe = said;
        ::usleep(static_cast<useconds_t>(random.below(20'000)));
        ::kill(child, SIGKILL);
        while (::read(acks[0], &said, sizeof said) == sizeof said) safe = said;
        ::close(acks[0]);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);

        auto reader = Ring::open_read_only(folder.ring());
        ASSERT_TRUE(reader) << reader.error().message;
        const RingStats stats = (*reader)->stats();
        ASSERT_GE(stats.next_sequence, safe);
        ASSERT_EQ(stats.damage.frames, 0u);
        ASSERT_TRUE(stats.quarantined.empty());
        Scan scan;
        scan.limit = 10'000'000;
        scan.newest_first = false;
        const std::vector<Record> records = (*reader)->scan(scan).records;
        ASSERT_EQ(records.back().sequence + 1, stats.next_sequence);
        ASSERT_EQ(records.size(), stats.next_sequence - records.front().sequence) << "a hole";
    }
    EXPECT_GT(safe, 1000u);
}

}  // namespace
}  // namespace glassgate::flight
