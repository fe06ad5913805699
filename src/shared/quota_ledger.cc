#include "shared/quota_ledger.h"

#include <algorithm>

namespace glassgate::shared {
namespace {
constexpr uint64_t kCountMask = (uint64_t{1} << 24) - 1;
constexpr uint64_t kStartMask = (uint64_t{1} << 40) - 1;
}  // namespace

QuotaLedger::Decision QuotaLedger::take(Cell& cell, uint64_t limit, uint64_t period_ms, uint64_t now_ms) noexcept {
    uint64_t seen = cell.word.load(std::memory_order_relaxed);
    while (true) {
        uint64_t start = seen >> 24;
        uint64_t count = seen & kCountMask;
        if (count == 0 || now_ms - start >= period_ms) {
            start = now_ms & kStartMask;
            count = 0;
        }
        count = std::min(count + 1, kCountMask);
        if (!cell.word.compare_exchange_weak(seen, start << 24 | count, std::memory_order_relaxed)) continue;
        Decision d;
        d.current = count;
        d.admitted = count <= limit;
        d.remaining = count < limit ? limit - count : 0;
        d.reset_ms = period_ms - std::min(now_ms - start, period_ms);
        return d;
    }
}

uint64_t QuotaLedger::hash(std::string_view key) noexcept { return std::hash<std::string_view>{}(key) | 1; }

QuotaLedger::Cell* QuotaLedger::find(std::string_view key, uint64_t hash_value, uint64_t period_ms,
                                     std::size_t max_keys, uint64_t now_ms) {
    Shard& shard = shards_[hash_value >> 32 & (kShards - 1)];
    const std::lock_guard lock(shard.mutex);
    std::string name(key);
    if (const auto it = shard.cells.find(name); it != shard.cells.end()) return it->second.get();
    if (shard.cells.size() * kShards >= max_keys) {
        // Full: a window that is over makes room. Its cell goes on to serve the new key.
        const auto expired = std::find_if(shard.cells.begin(), shard.cells.end(), [&](const auto& entry) {
            const uint64_t word = entry.second->word.load(std::memory_order_relaxed);
            return now_ms - (word >> 24) >= period_ms;
        });
        if (expired == shard.cells.end()) {
            overflowed_.fetch_add(1, std::memory_order_relaxed);
            return &shard.overflow;
        }
        auto node = shard.cells.extract(expired);
        node.key() = name;
        Cell* cell = node.mapped().get();
        cell->tag.store(hash_value, std::memory_order_release);
        cell->word.store(0, std::memory_order_relaxed);
        shard.cells.insert(std::move(node));
        return cell;
    }
    auto cell = std::make_unique<Cell>();
    cell->tag.store(hash_value, std::memory_order_release);
    return shard.cells.emplace(std::move(name), std::move(cell)).first->second.get();
}

}  // namespace glassgate::shared
