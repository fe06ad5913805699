// Sampler: a thread that runs a feed at every full interval of the wall clock. Samples carry the
// time of the tick, not of the reading, so that they are regular to the millisecond.
//
// A tick that is missed (the machine was stopped, the clock was set) is left out and counted. While
// a clock that was set back catches up, the store refuses the samples, and counts that.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "store/feed/feed.h"

namespace glassgate::store {

class Sampler {
public:
    // Called in each round between begin and end, on the sampler's thread.
    using Read = std::function<void(Feed&)>;

    // `common` as a Feed's. Besides what is read, each round has `up` 1.
    Sampler(Store& store, Labels common, int64_t interval_ms, Read read);
    ~Sampler();  // stop()
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    void start();
    // A last round with what came since the one before, then the series end: nothing is sampled
    // while the process is not running.
    void stop();
    // One round now, for tests; not while it is started.
    void sample(TimeMs t_ms);

    struct Numbers {
        uint64_t rounds = 0, missed = 0;   // ticks
        uint64_t series = 0, refused = 0;  // in the last round; refused: no room in the store
        uint64_t busy_ns = 0;              // all rounds together
        uint64_t last_busy_ns = 0;         // the last round
        TimeMs last_ms = 0;                // its time; 0: none yet
    };
    [[nodiscard]] Numbers numbers() const noexcept;  // any thread

private:
    void run();

    Feed feed_;
    const int64_t interval_ms_;
    Read read_;
    TimeMs last_ms_ = kNever;
    std::atomic<uint64_t> rounds_{0}, missed_{0}, series_{0}, refused_{0}, busy_ns_{0};
    std::atomic<uint64_t> last_busy_ns_{0};
    std::atomic<TimeMs> last_shown_ms_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace glassgate::store
