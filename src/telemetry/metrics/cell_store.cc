#include "telemetry/metrics/cell_store.h"

#include <new>

namespace glassgate::telemetry {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr uint32_t kLineCells = kLineBytes / sizeof(Cell);

// Larger groups start on a cache line and end on one, so that their hot cells share it.
constexpr uint32_t rounded(uint32_t count) {
    return count < kLineCells ? count : (count + kLineCells - 1) / kLineCells * kLineCells;
}

}  // namespace

CellStore::CellStore(unsigned workers) : directories_(workers) {
    for (Directory& directory : directories_)
        directory.chunks = std::make_unique<std::atomic<Cell*>[]>(kMaxChunks);
}

CellStore::~CellStore() {
    for (Directory& directory : directories_)
        for (uint32_t i = 0; i < chunk_count_; ++i)
            ::operator delete[](directory.chunks[i].load(), std::align_val_t{kLineBytes});
}

bool CellStore::grow() {
    if (chunk_count_ == kMaxChunks) return false;
    for (Directory& directory : directories_) {
        Cell* chunk = new (std::align_val_t{kLineBytes}) Cell[kChunkCells];
        directory.chunks[chunk_count_].store(chunk, std::memory_order_release);
    }
    ++chunk_count_;
    next_ = 0;
    return true;
}

CellIndex CellStore::allocate(uint32_t count) {
    const uint32_t size = rounded(count);
    if (const auto list = free_.find(size); list != free_.end() && !list->second.empty()) {
        const CellIndex first = list->second.back();
        list->second.pop_back();
        return first;
    }
    if (size >= kLineCells) next_ = (next_ + kLineCells - 1) / kLineCells * kLineCells;
    if (chunk_count_ == 0 || next_ + size > kChunkCells) {
        if (!grow()) return kNoCell;
    }
    const CellIndex first = (chunk_count_ - 1) * kChunkCells + next_;
    next_ += size;
    return first;
}

void CellStore::release(CellIndex first, uint32_t count) {
    for (unsigned worker = 0; worker < workers(); ++worker)
        for (uint32_t i = 0; i < count; ++i) at(worker, first + i)->set(0);
    free_[rounded(count)].push_back(first);
}

}  // namespace glassgate::telemetry
