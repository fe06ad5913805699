#include "telemetry/sinks/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/clock.h"

namespace glassgate::telemetry {
namespace {

namespace fs = std::filesystem;

class LogFileTest : public ::testing::Test {
protected:
    LogFileTest() {
        char name[] = "/tmp/glassgate-log-XXXXXX";
        folder = mkdtemp(name);
        output.kind = LogOutputKind::file;
        output.path = folder / "access.log";
    }
    ~LogFileTest() override { fs::remove_all(folder); }

    [[nodiscard]] std::string content(const std::string& name = "access.log") const {
        std::ifstream in(folder / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    [[nodiscard]] LogFile open() const {
        Result<LogFile> file = LogFile::open(output);
        EXPECT_TRUE(file) << file.error().message;
        return std::move(*file);
    }
    static LogFile::Written write(LogFile& file, std::initializer_list<std::string_view> lines) {
        return file.write(std::span(lines.begin(), lines.size()));
    }
    void put(const std::string& text) const {
        std::ofstream(output.path, std::ios::binary) << text;
    }

    fs::path folder;
    LogOutput output;
};

TEST_F(LogFileTest, Appends) {
    put("before\n");
    LogFile file = open();
    EXPECT_EQ(write(file, {"one\n", "two\n"}).lines, 2u);
    EXPECT_EQ(content(), "before\none\ntwo\n");
}

TEST_F(LogFileTest, IsNotForEverybodyToRead) {
    const LogFile file = open();
    EXPECT_EQ(fs::status(output.path).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(LogFileTest, AFolderThatIsNotThereIsAnError) {
    output.path = folder / "missing" / "access.log";
    const Result<LogFile> file = LogFile::open(output);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find("missing/access.log: No such file"), std::string::npos);
}

TEST_F(LogFileTest, ALineTornByACrashIsEnded) {
    put("whole\n{\"torn");
    LogFile file = open();
    write(file, {"next\n"});
    EXPECT_EQ(content(), "whole\n{\"torn\nnext\n");
}

TEST_F(LogFileTest, RotatesBySizeAndKeepsSoMany) {
    output.rotate_max_bytes = 10;
    output.rotate_keep = 2;
    LogFile file = open();
    for (const char* line : {"first-1\n", "second2\n", "third-3\n", "fourth4\n"}) {
        ASSERT_TRUE(file.rotate_if_due(8, wall_now_ns()));
        write(file, {line});
    }
    EXPECT_EQ(content(), "fourth4\n");
    EXPECT_EQ(content("access.log.1"), "third-3\n");
    EXPECT_EQ(content("access.log.2"), "second2\n");
    EXPECT_FALSE(fs::exists(folder / "access.log.3"));
}

TEST_F(LogFileTest, KeepingNoneDeletes) {
    output.rotate_max_bytes = 4;
    output.rotate_keep = 0;
    LogFile file = open();
    write(file, {"one\n"});
    ASSERT_TRUE(file.rotate_if_due(4, wall_now_ns()));
    write(file, {"two\n"});
    EXPECT_EQ(content(), "two\n");
    EXPECT_FALSE(fs::exists(folder / "access.log.1"));
}

TEST_F(LogFileTest, ALineLargerThanTheLimitStillHasAPlace) {
    output.rotate_max_bytes = 4;
    LogFile file = open();
    ASSERT_TRUE(file.rotate_if_due(100, wall_now_ns()));
    EXPECT_EQ(write(file, {"much too long\n"}).lines, 1u);
    EXPECT_FALSE(fs::exists(folder / "access.log.1"));  // an empty file is not rotated
}

TEST_F(LogFileTest, RotatesWhenAPeriodHasPassed) {
    output.rotate_interval_s = 86'400;
    LogFile file = open();
    write(file, {"today\n"});
    const uint64_t now = wall_now_ns();
    ASSERT_TRUE(file.rotate_if_due(1, now));
    EXPECT_FALSE(fs::exists(folder / "access.log.1"));
    ASSERT_TRUE(file.rotate_if_due(1, now + 86'400 * kNsPerSecond));
    write(file, {"tomorrow\n"});
    EXPECT_EQ(content("access.log.1"), "today\n");
    EXPECT_EQ(content(), "tomorrow\n");
}

TEST_F(LogFileTest, AFileOfAnEarlierPeriodRotatesAfterARestart) {
    output.rotate_interval_s = 3600;
    put("old\n");
    fs::last_write_time(output.path, fs::file_time_type::clock::now() - std::chrono::hours(2));
    LogFile file = open();
    ASSERT_TRUE(file.rotate_if_due(1, wall_now_ns()));
    EXPECT_EQ(content("access.log.1"), "old\n");
}

TEST_F(LogFileTest, WhenItCannotRotateItGoesOn) {
    output.rotate_max_bytes = 4;
    output.rotate_keep = 1;
    fs::create_directories(folder / "access.log.1" /
                           "occupied");  // rename onto it fails, even for root
    LogFile file = open();
    write(file, {"one\n"});
    const uint64_t now = wall_now_ns();
    EXPECT_FALSE(file.rotate_if_due(4, now));
    EXPECT_TRUE(file.rotate_if_due(4, now + kNsPerSecond));  // not again at once
    EXPECT_FALSE(file.rotate_if_due(4, now + 61 * kNsPerSecond));
    write(file, {"two\n"});
    EXPECT_EQ(content(), "one\ntwo\n");
}

TEST_F(LogFileTest, ReopensForAnExternalLogrotate) {
    LogFile file = open();
    write(file, {"one\n"});
    fs::rename(output.path, folder / "moved");
    write(file, {"two\n"});
    ASSERT_TRUE(file.reopen());
    write(file, {"three\n"});
    EXPECT_EQ(content("moved"), "one\ntwo\n");
    EXPECT_EQ(content(), "three\n");
}

TEST_F(LogFileTest, AReopenThatFailsKeepsTheOldFile) {
    LogFile file = open();
    fs::rename(output.path, folder / "moved");
    fs::create_directory(output.path);
    EXPECT_FALSE(file.reopen());
    EXPECT_EQ(write(file, {"still\n"}).lines, 1u);
    EXPECT_EQ(content("moved"), "still\n");
}

TEST_F(LogFileTest, AFullDisk) {
    output.path = "/dev/full";
    LogFile file = open();
    const LogFile::Written written = write(file, {"one\n", "two\n"});
    EXPECT_EQ(written.lines, 0u);
    EXPECT_EQ(written.error, ENOSPC);
}

// A limit on the size of files tears a line in the middle, as a full disk does.
TEST_F(LogFileTest, ATornLineIsEndedAndTheRestComesWhenThereIsRoom) {
    LogFile file = open();
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
    rlimit tight = before;
    tight.rlim_cur = 10;
    setrlimit(RLIMIT_FSIZE, &tight);
    const std::string lines = "line-1\nline-2\nline-3\n";
    const std::string_view views[] = {std::string_view(lines).substr(0, 7),
                                      std::string_view(lines).substr(7, 7),
                                      std::string_view(lines).substr(14, 7)};
    const LogFile::Written first = file.write(views);
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, old_action);
    EXPECT_EQ(first.lines, 1u);
    EXPECT_EQ(first.error, EFBIG);
    const LogFile::Written rest = file.write(std::span(views).subspan(1));
    EXPECT_EQ(rest.lines, 2u);
    EXPECT_EQ(content(), "line-1\nlin\nline-2\nline-3\n");
}

TEST_F(LogFileTest, ALineThatLacksOnlyItsNewlineIsComplete) {
    LogFile file = open();
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
    rlimit tight = before;
    tight.rlim_cur = 6;
    setrlimit(RLIMIT_FSIZE, &tight);
    const LogFile::Written first = write(file, {"line-1\n"});
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, old_action);
    EXPECT_EQ(first.lines, 1u);
    write(file, {"line-2\n"});
    EXPECT_EQ(content(), "line-1\nline-2\n");
}

TEST_F(LogFileTest, AClosedPipeIsAnError) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const int saved = dup(STDOUT_FILENO);
    const auto old_action = std::signal(SIGPIPE, SIG_IGN);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    Result<LogFile> out = LogFile::open(LogOutput{});
    const LogFile::Written written = write(*out, {"line\n"});
    dup2(saved, STDOUT_FILENO);
    close(saved);
    std::signal(SIGPIPE, old_action);
    EXPECT_EQ(written.lines, 0u);
    EXPECT_EQ(written.error, EPIPE);
}

}  // namespace
}  // namespace glassgate::telemetry
