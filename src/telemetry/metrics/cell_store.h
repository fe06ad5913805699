// Cells: where numbers live. Each worker has its own array of them and is its only writer; anybody
// may read. The address of a cell never changes, so a worker may keep pointers.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace glassgate::telemetry {

struct Cell {
    std::atomic<uint64_t> value{0};

    // The owning worker only: no read-modify-write, hence no locked instruction.
    void add(uint64_t n = 1) noexcept { set(read() + n); }
    void set(uint64_t n) noexcept { value.store(n, std::memory_order_relaxed); }
    [[nodiscard]] uint64_t read() const noexcept { return value.load(std::memory_order_relaxed); }
};

using CellIndex = uint32_t;  // the same for all workers
inline constexpr CellIndex kNoCell = 0xffffffffu;

class CellStore {
public:
    static constexpr uint32_t kChunkCells = 4096;
    static constexpr uint32_t kMaxChunks = 8192;  // 33 million cells; beyond is overflow

    explicit CellStore(unsigned workers);
    ~CellStore();
    CellStore(const CellStore&) = delete;
    CellStore& operator=(const CellStore&) = delete;

    // Zeroed cells next to each other, in every worker's array; kNoCell when there are no more.
    // Not thread-safe among each other: the series index calls both under its lock.
    [[nodiscard]] CellIndex allocate(uint32_t count);
    // Nobody may write to these cells any more.
    void release(CellIndex first, uint32_t count);

    // Any thread. `index` must be allocated.
    [[nodiscard]] Cell* at(unsigned worker, CellIndex index) const noexcept {
        Cell* chunk =
            directories_[worker].chunks[index / kChunkCells].load(std::memory_order_acquire);
        return chunk + index % kChunkCells;
    }
    [[nodiscard]] unsigned workers() const noexcept {
        return static_cast<unsigned>(directories_.size());
    }

private:
    struct Directory {
        std::unique_ptr<std::atomic<Cell*>[]> chunks;
    };
    [[nodiscard]] bool grow();

    std::vector<Directory> directories_;
    uint32_t chunk_count_ = 0;
    uint32_t next_ = 0;  // first cell never given out in the newest chunk
    std::map<uint32_t, std::vector<CellIndex>> free_;  // by size
};

}  // namespace glassgate::telemetry
