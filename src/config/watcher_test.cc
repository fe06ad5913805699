#include "config/watcher.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "config/files.h"
#include "config/watched_places.h"

namespace glassgate::config {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Far below the time after which the watcher looks without being told.
constexpr auto kPatience = 15s;

class WatcherTest : public testing::Test {
protected:
    WatcherTest() {
        std::string name = (fs::temp_directory_path() / "glassgate-watch-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~WatcherTest() override {
        watcher_.reset();
        fs::remove_all(folder_);
    }
    void write(const fs::path& path, const std::string& text) const {
        std::ofstream(folder_ / path, std::ios::binary) << text;
    }
    void start(const std::vector<std::string>& names, uint32_t debounce_ms = 20) {
        std::vector<std::string> paths;
        for (const std::string& name : names) paths.push_back((folder_ / name).string());
        auto started = Watcher::start(paths, debounce_ms, [this] {
            const std::lock_guard lock(mutex_);
            ++calls_;
            called_.notify_all();
        });
        ASSERT_TRUE(started) << started.error().message;
        watcher_ = std::move(*started);
    }
    // Waits for one more call than were seen so far.
    bool next() {
        std::unique_lock lock(mutex_);
        const bool came = called_.wait_for(lock, kPatience, [this] { return calls_ > seen_; });
        seen_ = calls_;
        return came;
    }
    int calls() {
        const std::lock_guard lock(mutex_);
        return calls_;
    }

    fs::path folder_;

    SeenFile seen(const std::string& name) {
        const std::string path = (folder_ / name).string();
        return {path, content_of(path)};
    }
    std::unique_ptr<Watcher> watcher_;

private:
    std::mutex mutex_;
    std::condition_variable called_;
    int calls_ = 0, seen_ = 0;
};

TEST_F(WatcherTest, SeesAFileWrittenInPlace) {
    write("g.yaml", "a");
    start({"g.yaml"});
    write("g.yaml", "b");
    EXPECT_TRUE(next());
    write("g.yaml", "c");
    EXPECT_TRUE(next());
}

TEST_F(WatcherTest, SeesARenameOver) {
    write("g.yaml", "a");
    start({"g.yaml"});
    for (const char* text : {"b", "c"}) {
        write(".g.yaml.swp", text);
        fs::rename(folder_ / ".g.yaml.swp", folder_ / "g.yaml");
        EXPECT_TRUE(next());
    }
}

TEST_F(WatcherTest, SeesAKubernetesSwap) {
    const auto version = [&](const std::string& name, const std::string& text) {
        fs::create_directory(folder_ / name);
        write(fs::path(name) / "g.yaml", text);
        fs::create_directory_symlink(name, folder_ / "..data_tmp");
        fs::rename(folder_ / "..data_tmp", folder_ / "..data");
    };
    version("..1", "a");
    fs::create_symlink("..data/g.yaml", folder_ / "g.yaml");
    start({"g.yaml"});
    version("..2", "b");
    EXPECT_TRUE(next());
    fs::remove_all(folder_ / "..1");
    version("..3", "c");  // the chain is followed anew after each change
    EXPECT_TRUE(next());
}

TEST_F(WatcherTest, SeesASwapOfAFolderOnTheWay) {
    for (const char* release : {"r1", "r2"}) {
        fs::create_directory(folder_ / release);
        write(fs::path(release) / "g.yaml", release);
    }
    fs::create_directory_symlink("r1", folder_ / "current");
    start({"current/g.yaml"});
    fs::create_directory_symlink("r2", folder_ / "next");
    fs::rename(folder_ / "next", folder_ / "current");
    EXPECT_TRUE(next());
}

TEST_F(WatcherTest, SeesFilesOfAFolderComeAndGo) {
    fs::create_directory(folder_ / "conf.d");
    write("conf.d/a.yaml", "a");
    start({"conf.d"});
    write("conf.d/b.yaml", "b");
    EXPECT_TRUE(next());
    write("conf.d/b.yaml", "b2");
    EXPECT_TRUE(next());
    fs::remove(folder_ / "conf.d/a.yaml");
    EXPECT_TRUE(next());
}

TEST_F(WatcherTest, SeesAFileThatWasMissing) {
    start({"later/g.yaml"});
    fs::create_directory(folder_ / "later");
    write("later/g.yaml", "a");
    EXPECT_TRUE(next());
}

TEST_F(WatcherTest, FollowsFilesThatTheConfigurationNames) {
    for (const char* name : {"g.yaml", "site.pem", "other.pem"}) write(name, "a");
    fs::create_directory(folder_ / "keys");
    start({"g.yaml"});
    watcher_->also_watch({seen("g.yaml"), seen("site.pem"), seen("keys/site.key")});
    write("site.pem", "b");
    EXPECT_TRUE(next());
    write("keys/site.key", "b");  // was missing
    EXPECT_TRUE(next());
    watcher_->also_watch({seen("g.yaml"), seen("other.pem")});
    const int before = calls();
    write("site.pem", "c");  // nobody's any more
    write("other.pem", "b");
    EXPECT_TRUE(next());
    EXPECT_EQ(calls(), before + 1);
}

// What changes while a load is under way is not missed.
TEST_F(WatcherTest, AFileThatChangedSinceItWasReadIsAChange) {
    for (const char* name : {"g.yaml", "site.pem"}) write(name, "a");
    start({"g.yaml"});
    const SeenFile old = seen("site.pem");
    write("site.pem", "b");
    watcher_->also_watch({old});
    EXPECT_TRUE(next());
}

TEST_F(WatcherTest, ATouchIsNoChange) {
    write("g.yaml", "a");
    start({"g.yaml"});
    write("g.yaml", "a");
    fs::last_write_time(folder_ / "g.yaml", fs::file_time_type::clock::now());
    write("g.yaml", "b");  // only this one counts
    EXPECT_TRUE(next());
    EXPECT_EQ(calls(), 1);
}

TEST_F(WatcherTest, ABurstIsOneChange) {
    write("g.yaml", "a");
    start({"g.yaml"}, 200);
    for (int i = 0; i < 50; ++i) write("g.yaml", std::to_string(i));
    EXPECT_TRUE(next());
    write("g.yaml", "last");
    EXPECT_TRUE(next());
    EXPECT_LE(calls(), 3);  // one each, and one spare for a machine that stalls
}

TEST_F(WatcherTest, NoCallAfterItIsGone) {
    write("g.yaml", "a");
    int calls = 0;
    auto watcher = Watcher::start({(folder_ / "g.yaml").string()}, 1, [&calls] { ++calls; });
    ASSERT_TRUE(watcher);
    write("g.yaml", "b");
    watcher->reset();
    const int before = calls;  // no lock: the thread has ended
    write("g.yaml", "c");
    EXPECT_EQ(calls, before);
}

TEST_F(WatcherTest, PlacesFollowEveryLink) {
    fs::create_directory(folder_ / "..1");
    write("..1/g.yaml", "a");
    fs::create_directory_symlink("..1", folder_ / "..data");
    fs::create_symlink("..data/g.yaml", folder_ / "g.yaml");
    fs::create_symlink("loop", folder_ / "loop");
    const auto places =
        watched_places({(folder_ / "g.yaml").string(), (folder_ / "loop").string()});
    const auto& names = places.at(folder_.string()).names;
    EXPECT_TRUE(names.contains("g.yaml"));
    EXPECT_TRUE(names.contains("..data"));
    EXPECT_FALSE(names.contains("other"));
    EXPECT_TRUE(places.at((folder_ / "..1").string()).matters("g.yaml"));
}

}  // namespace
}  // namespace glassgate::config
