#include "console/pool.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace glassgate::console {
namespace {

// A worker that wants the processor gets it first.
constexpr int kNice = 5;

void lower_priority() noexcept {
    const auto id = static_cast<id_t>(syscall(SYS_gettid));
    (void)setpriority(PRIO_PROCESS, id, kNice);
}

}  // namespace

Pool::Pool(unsigned threads, std::size_t queue_max)
    : queue_max_(queue_max), heavy_max_(std::max(threads, 2u) - 1) {
    for (unsigned i = 0; i < std::max(threads, 2u); ++i)
        threads_.emplace_back([this] {
            pthread_setname_np(pthread_self(), "console-pool");
            lower_priority();
            run();
        });
}

Pool::~Pool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

bool Pool::submit(Job job, bool heavy) {
    {
        const std::lock_guard lock(mutex_);
        std::deque<Job>& queue = heavy ? heavy_ : light_;
        if (stopping_ || queue.size() >= queue_max_) return false;
        queue.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

// Under the lock.
bool Pool::take(Job& job, bool& heavy) {
    heavy = light_.empty();
    if (heavy && (heavy_.empty() || heavy_running_ >= heavy_max_)) return false;
    std::deque<Job>& queue = heavy ? heavy_ : light_;
    job = std::move(queue.front());
    queue.pop_front();
    if (heavy) ++heavy_running_;
    return true;
}

void Pool::run() {
    Tools tools;
    std::unique_lock lock(mutex_);
    while (true) {
        Job job;
        bool heavy = false;
        changed_.wait(lock, [&] { return stopping_ || take(job, heavy); });
        if (!job) return;
        lock.unlock();
        job(tools);
        job = {};
        lock.lock();
        if (!heavy) continue;
        --heavy_running_;
        changed_.notify_one();
    }
}

}  // namespace glassgate::console
