#include "config/watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/thread_name.h"
#include "config/digest.h"
#include "config/files.h"
#include "config/watched_places.h"

namespace glassgate::config {
namespace {

constexpr uint32_t kEvents = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;
// Somebody who writes all the time is looked at all the same.
constexpr uint64_t kMaxDebounces = 20;
// Network file systems and some mounts in containers tell nothing.
constexpr uint64_t kLookAnywayNs = 30'000'000'000;

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

Digest content_of_all(const std::vector<std::string>& paths) {
    Digest digest;
    Diagnostics ignored;
    for (const std::string& file : list_files(paths, ignored)) {
        digest.add(file);
        digest.add(content_of(file).hex());
    }
    return digest;
}

class FileWatcher final : public Watcher {
public:
    FileWatcher(std::vector<std::string> paths, uint32_t debounce_ms, std::function<void()> changed,
                Descriptor notify, Descriptor wake)
        : paths_(std::move(paths)),
          debounce_ns_(uint64_t{debounce_ms} * kNsPerMs),
          changed_(std::move(changed)),
          notify_(std::move(notify)),
          wake_(std::move(wake)) {
        renew_watches();  // before the content is read: what changes in between is seen twice
        content_ = content_of_all(paths_);
        thread_ = std::thread([this] {
            name_this_thread("watcher");
            run();
        });
    }
    FileWatcher(const FileWatcher&) = delete;
    FileWatcher& operator=(const FileWatcher&) = delete;
    ~FileWatcher() override {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake();
        thread_.join();
    }

    void also_watch(std::vector<SeenFile> files) override {
        {
            const std::lock_guard lock(mutex_);
            next_files_ = std::move(files);
        }
        wake();
    }

private:
    void run() {
        while (true) {
            const uint64_t now = mono_now_ns();
            if (now >= wake_at()) {
                look();
                continue;
            }
            std::array<pollfd, 2> fds{{{notify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
            const auto wait_ms = static_cast<int>((wake_at() - now + kNsPerMs - 1) / kNsPerMs);
            const int ready = ::poll(fds.data(), fds.size(), wait_ms);
            if (ready <= 0) continue;
            if (fds[1].revents != 0 && !take_wish()) return;
            if (fds[0].revents != 0 && read_events()) note_change();
        }
    }

    [[nodiscard]] uint64_t wake_at() const {
        if (first_change_ns_ == 0) return looked_ns_ + kLookAnywayNs;
        return std::min(last_change_ns_ + debounce_ns_,
                        first_change_ns_ + kMaxDebounces * debounce_ns_);
    }

    void wake() const {
        const uint64_t one = 1;
        while (::write(wake_.get(), &one, sizeof one) < 0 && errno == EINTR) continue;
    }

    // What another thread has asked for; false: to stop.
    bool take_wish() {
        uint64_t ignored = 0;
        while (::read(wake_.get(), &ignored, sizeof ignored) < 0 && errno == EINTR) continue;
        const std::lock_guard lock(mutex_);
        if (stopping_) return false;
        if (next_files_) {
            files_ = std::move(*next_files_);
            next_files_.reset();
            note_change();  // since they were read, perhaps
        }
        return true;
    }

    void note_change() {
        last_change_ns_ = mono_now_ns();
        if (first_change_ns_ == 0) first_change_ns_ = last_change_ns_;
    }

    void look() {
        first_change_ns_ = 0;
        renew_watches();
        bool changed = false;
        const auto renew = [&](Digest& seen, const Digest& now) {
            changed = changed || seen != now;
            seen = now;
        };
        renew(content_, content_of_all(paths_));
        for (SeenFile& file : files_) renew(file.content, content_of(file.path));
        looked_ns_ = mono_now_ns();
        if (changed) changed_();
    }

    // True if any of the waiting events is about a name that matters.
    bool read_events() {
        bool relevant = false;
        alignas(inotify_event) char block[16 * 1024];
        while (true) {
            const ssize_t got = ::read(notify_.get(), block, sizeof block);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return relevant;  // EAGAIN: all read
            for (ssize_t at = 0; at < got;) {
                inotify_event event;
                std::memcpy(&event, block + at, sizeof event);
                const char* const name = event.len > 0 ? block + at + sizeof event : "";
                relevant = matters(event, name) || relevant;
                at += static_cast<ssize_t>(sizeof event) + event.len;
            }
        }
    }

    bool matters(const inotify_event& event, const std::string& name) {
        if ((event.mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0)
            return true;
        const auto watch = watches_.find(event.wd);
        return watch != watches_.end() && watch->second.matters(name);
    }

    // Watches what the paths lead through now; forgets folders they no longer do.
    void renew_watches() {
        std::map<int, WatchedNames> fresh;
        std::vector<std::string> paths = paths_;
        for (const SeenFile& file : files_) paths.push_back(file.path);
        for (const auto& [folder, names] : watched_places(paths)) {
            const int wd = ::inotify_add_watch(notify_.get(), folder.c_str(), kEvents);
            if (wd < 0) continue;  // gone in this moment, or out of watches: the slow look remains
            WatchedNames& all = fresh[wd];
            all.names.insert(names.names.begin(), names.names.end());
            all.all_yaml = all.all_yaml || names.all_yaml;
        }
        for (const auto& [wd, names] : watches_)
            if (!fresh.contains(wd)) ::inotify_rm_watch(notify_.get(), wd);
        watches_ = std::move(fresh);
    }

    const std::vector<std::string> paths_;
    const uint64_t debounce_ns_;
    const std::function<void()> changed_;
    const Descriptor notify_, wake_;
    std::mutex mutex_;
    bool stopping_ = false;                            // guarded by mutex_
    std::optional<std::vector<SeenFile>> next_files_;  // guarded by mutex_
    std::vector<SeenFile> files_;
    std::map<int, WatchedNames> watches_;
    Digest content_;
    uint64_t first_change_ns_ = 0;  // 0: nothing has happened since the last look
    uint64_t last_change_ns_ = 0;
    uint64_t looked_ns_ = mono_now_ns();
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Watcher>> Watcher::start(std::vector<std::string> paths,
                                                uint32_t debounce_ms,
                                                std::function<void()> changed) {
    Descriptor notify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (notify.get() < 0) return failure_errno("watch the configuration", errno);
    Descriptor wake(::eventfd(0, EFD_CLOEXEC));
    if (wake.get() < 0) return failure_errno("watch the configuration", errno);
    return std::unique_ptr<Watcher>(std::make_unique<FileWatcher>(
        std::move(paths), debounce_ms, std::move(changed), std::move(notify), std::move(wake)));
}

}  // namespace glassgate::config
