// Passwords: compares passwords with their hashes (crypt(3)) on a thread of its own. One comparison
// takes milliseconds to a second, by design: a worker that did it would stop serving everybody.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "policy/doorbell.h"

namespace glassgate::policy {

// The forms that are strong enough to be kept: bcrypt, sha512-crypt, sha256-crypt, yescrypt,
// scrypt.
[[nodiscard]] bool is_password_hash(std::string_view hash) noexcept;

// Takes as long as the hash wants. Any thread.
[[nodiscard]] bool password_matches(const std::string& password, const std::string& hash);

class Passwords {
public:
    // A comparison that is asked for. Its password is wiped with it.
    struct Job {
        std::string password, hash;
        bool good = false;           // when done
        bool done = false;           // on the worker's thread, from `told` on
        std::function<void()> told;  // called there, through the bell
        std::shared_ptr<Doorbell> bell;
        std::atomic<bool> wanted{true};  // false: nobody waits any more
        ~Job();
    };
    // So many wait at most; all policies and workers together.
    static constexpr std::size_t kMaxQueued = 64;

    Passwords() = default;
    ~Passwords();
    Passwords(const Passwords&) = delete;
    Passwords& operator=(const Passwords&) = delete;

    // Any thread. False: too many wait already.
    [[nodiscard]] bool ask(std::shared_ptr<Job> job);

private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Job>> queue_;  // guarded by mutex_
    bool stopping_ = false;                   // guarded by mutex_
    std::thread thread_;                      // begins with the first job
};

}  // namespace glassgate::policy
