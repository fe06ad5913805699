// ClientTable: the bounded set of clients that have series of their own.
//
// A client gets its series on first sight, under a mutex; from then on each worker finds its cells
// in a cache of its own, without a lock. When the table is full, clients idle for long make room;
// if there are none, new clients are counted as "other". While the table is full a worker asks for
// room at most once a second, so a flood of made-up ids does not meet on the mutex.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "telemetry/metrics/series_index.h"

namespace glassgate::telemetry {

class ClientTable {
public:
    static constexpr uint64_t kIdleNs = 600'000'000'000;  // ten minutes without a request
    static constexpr uint64_t kSweepNs = 1'000'000'000;   // not more often than once a second
    static constexpr std::size_t kMaxIdBytes = 128;       // longer ids are "other"

    ClientTable(SeriesIndex& index, uint32_t limit) : index_(index), limit_(limit) {}

    // The group of a client, admitted if there is room; null: there is none.
    [[nodiscard]] SeriesGroup* admit(std::string_view id, uint64_t now_ns);
    // Everybody in the table.
    template <typename Use>
    void for_each(Use&& use) {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, client] : clients_) use(id, *client.group);
    }
    void set_limit(uint32_t limit) noexcept;
    [[nodiscard]] SeriesIndex& index() noexcept { return index_; }

private:
    struct Client {
        SeriesGroup* group = nullptr;
        uint64_t admitted_ns = 0;
    };
    void evict_idle(uint64_t now_ns);
    [[nodiscard]] uint64_t last_seen_ns(const Client& client) const;

    SeriesIndex& index_;
    std::atomic<uint32_t> limit_;
    std::mutex mutex_;  // all below; taken before the index's
    std::unordered_map<std::string, Client> clients_;
    uint64_t swept_ns_ = 0;
};

// One worker's view of the table. Its thread only.
class ClientCache {
public:
    ClientCache(ClientTable& table, unsigned worker);

    // Called at the beginning of every fold: drops what was evicted and says so.
    void look_at_clock() noexcept {
        const uint64_t now = table_.index().clock().now();
        if (now != clock_) [[unlikely]]
            reset(now);
    }
    // The client's cells on this worker.
    [[nodiscard]] Cell* find(std::string_view id, uint64_t now_ns);

private:
    struct Slot {
        uint64_t hash = 0;
        Cell* cells = nullptr;  // null: empty slot
        std::string id;
    };
    void reset(uint64_t now);
    [[nodiscard]] Cell* first_sight(std::string_view id, uint64_t hash, uint64_t now_ns);
    void insert(std::string_view id, uint64_t hash, Cell* cells);
    void grow();
    [[nodiscard]] uint64_t hash_of(std::string_view id) const noexcept;
    [[nodiscard]] Cell* other();

    ClientTable& table_;
    unsigned worker_;
    uint64_t seed_;
    uint64_t clock_ = 0;
    std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
    std::size_t used_ = 0;
    bool full_ = false;  // everybody in the table is in this cache: a miss is "other"
    uint64_t ask_again_ns_ = 0;
    Cell* other_ = nullptr;
};

}  // namespace glassgate::telemetry
