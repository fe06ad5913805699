// Pool: a few threads that run what may take long, so that it blocks neither the server's thread
// nor, by their lower priority, the workers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "http/gzip.h"

namespace glassgate::console {

class Pool {
public:
    // What a job has from its thread.
    struct Tools {
        http::GzipCompressor gzip;
    };
    using Job = std::function<void(Tools&)>;

    // One thread is always kept for what is not heavy. At least two threads.
    Pool(unsigned threads, std::size_t queue_max);
    // Jobs that have not begun are dropped; those under way are waited for.
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Any thread. False: too many wait already; the job was not taken.
    [[nodiscard]] bool submit(Job job, bool heavy);

private:
    void run();
    [[nodiscard]] bool take(Job& job, bool& heavy);

    const std::size_t queue_max_;
    const unsigned heavy_max_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::deque<Job> light_, heavy_;
    unsigned heavy_running_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace glassgate::console
