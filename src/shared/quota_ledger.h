// QuotaLedger: how much of each rate limit is used, exact over all workers.
//
// Proof of exactness. A cell is one 64-bit word: the window's start (in ms, 40 bits) and the number
// of requests seen in it (24 bits). take() changes it with one compare-and-swap, so all takes of a
// cell are totally ordered, and each sees the count its predecessor left. A take is admitted iff
// the count it leaves is at most the limit; counts of one window are distinct, therefore exactly
// `limit` takes per window are admitted, whatever the number of threads.
//
// Cells are found through a sharded table under a lock, but only once per worker and key: a worker
// keeps pointers (Lookup). Pointers stay valid because cells are never freed while the ledger
// lives; a cell that has expired may be given to another key, which its tag tells.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace glassgate::shared {

class QuotaLedger {
public:
    struct Cell {
        std::atomic<uint64_t> word{0};     // start_ms << 24 | count
        std::atomic<uint64_t> tag{0};      // hash of the key it serves; changes when recycled
        std::string key;                   // guarded by the shard's lock
    };
    struct Decision {
        bool admitted = false;
        uint64_t current = 0;    // requests in this window, refused ones included
        uint64_t remaining = 0;
        uint64_t reset_ms = 0;   // until the window ends
    };

    // One request against `cell`: limit per period_ms, the window starts with its first request.
    // The count saturates at 2^24-1.
    static Decision take(Cell& cell, uint64_t limit, uint64_t period_ms, uint64_t now_ms) noexcept;

    // The cell of `key`; when `max_keys` live windows exist under this prefix, one shared overflow
    // cell for all further keys, so that nobody goes unlimited and memory stays bounded.
    Cell* find(std::string_view key, uint64_t hash, uint64_t period_ms, std::size_t max_keys, uint64_t now_ms);

    [[nodiscard]] static uint64_t hash(std::string_view key) noexcept;
    [[nodiscard]] uint64_t overflowed() const noexcept { return overflowed_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t kShards = 64;
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::string, std::unique_ptr<Cell>> cells;
        Cell overflow;
    };
    Shard shards_[kShards];
    std::atomic<uint64_t> overflowed_{0};
};

}  // namespace glassgate::shared
