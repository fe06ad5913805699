// Key sets fetched by URL (libcurl, a thread of its own): kept fresh in the background, refreshed
// out of turn for a key nobody knows yet, and kept for ever when the server fails.
//
// A source lives as long as a policy uses it, also over reloads; equal settings share one. Workers
// never wait in here: they read what there is, ask for more, and are told when it has come.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "policy/doorbell.h"
#include "policy/jwt/key_set.h"

namespace glassgate::policy::jwt {

struct JwksSettings {
    std::string url;         // http or https
    std::string trusted_ca;  // PEM; empty: the system's
    uint32_t refresh_ms = 300'000;
    uint32_t timeout_ms = 10'000;  // of one fetch, all in all
    uint32_t min_gap_ms = 5'000;   // between fetches that were asked for
    auto operator<=>(const JwksSettings&) const = default;
};

using Keys = std::shared_ptr<const std::vector<Key>>;

class JwksSource {
public:
    explicit JwksSource(JwksSettings settings) : settings_(std::move(settings)) {}

    // Any thread. Grows when keys() changes; 0: there has never been a key.
    [[nodiscard]] uint64_t version() const noexcept {
        return version_.load(std::memory_order_acquire);
    }
    [[nodiscard]] Keys keys() const;

    // Any thread. Wants a fetch soon; true: one is under way, and `heard` of the listeners will be
    // called at its end. False: there was one only just now.
    [[nodiscard]] bool ask();

    // What the fetches came to, for events: the first failure of a row, and its end.
    struct News {
        bool announce = false;  // for one listener only: it raises the event
        bool now_failing = false;
        bool recovered = false;
        bool changed = false;  // other keys than before
        std::string error;
        std::size_t keys = 0;
    };
    // `heard` is called on the doorbell's loop after each fetch, until the bell is closed.
    void listen(std::shared_ptr<Doorbell> bell, std::function<void(const News&)> heard);
    void forget(const Doorbell* bell);

    [[nodiscard]] const JwksSettings& settings() const noexcept { return settings_; }

private:
    friend class JwksFetcher;
    friend class JwksKeeper;
    // The fetching thread's.
    [[nodiscard]] bool due(uint64_t now_ns);  // and notes that it begins
    [[nodiscard]] uint64_t next_ns() const;
    void done(Result<std::string> body, uint64_t now_ns);
    void tell(const News& news);

    const JwksSettings settings_;
    std::atomic<uint64_t> version_{0};
    std::function<void()> wake_thread_;
    mutable std::mutex mutex_;  // guards what follows
    Keys keys_;
    std::string body_;  // that keys_ were read from
    bool fetching_ = false;
    bool asked_ = false;
    uint64_t began_ns_ = 0;  // the last fetch; 0: none yet
    uint64_t next_ns_ = 0;
    unsigned failures_ = 0;  // in a row
    struct Listener {
        std::shared_ptr<Doorbell> bell;
        std::function<void(const News&)> heard;
    };
    std::vector<Listener> listeners_;
};

// All sources of the process. Its thread begins with the first source.
class JwksKeeper {
public:
    JwksKeeper();
    ~JwksKeeper();  // ends the thread; fetches under way are given up
    JwksKeeper(const JwksKeeper&) = delete;
    JwksKeeper& operator=(const JwksKeeper&) = delete;

    // Any thread.
    [[nodiscard]] std::shared_ptr<JwksSource> source(const JwksSettings& settings);

private:
    std::mutex mutex_;
    std::unique_ptr<class JwksFetcher> fetcher_;  // guarded by mutex_
};

}  // namespace glassgate::policy::jwt
