// EvictionClock: when may the cells of an evicted client be given to another one?
//
// Workers cache where a client's cells are. The clock ticks when clients are evicted; a worker that
// sees a new time at the beginning of a fold drops its cache and acknowledges. Cells evicted at
// time t are free when every worker has acknowledged t: no worker can then be about to write there.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace glassgate::telemetry {

class EvictionClock {
public:
    explicit EvictionClock(unsigned workers) : acknowledged_(workers) {}

    [[nodiscard]] uint64_t now() const noexcept { return now_.load(std::memory_order_acquire); }
    void tick() noexcept { now_.fetch_add(1, std::memory_order_acq_rel); }

    // The worker itself, holding no pointer to a client's cells.
    void acknowledge(unsigned worker, uint64_t time) noexcept {
        acknowledged_[worker].time.store(time, std::memory_order_release);
    }
    [[nodiscard]] uint64_t acknowledged_by_all() const noexcept {
        uint64_t oldest = now();
        for (const Acknowledged& a : acknowledged_)
            oldest = std::min(oldest, a.time.load(std::memory_order_acquire));
        return oldest;
    }

private:
    struct alignas(64) Acknowledged {
        std::atomic<uint64_t> time{0};
    };
    alignas(64) std::atomic<uint64_t> now_{0};
    std::vector<Acknowledged> acknowledged_;
};

}  // namespace glassgate::telemetry
