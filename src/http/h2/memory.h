// MemoryPool: where the frame layer takes its memory. Blocks that are given back are kept by size,
// so that streams which come and go cost no heap allocation. For one thread; must outlive all that
// was taken from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace glassgate::http::h2 {

class MemoryPool {
public:
    MemoryPool() = default;
    ~MemoryPool();
    MemoryPool(const MemoryPool&) = delete;
    MemoryPool& operator=(const MemoryPool&) = delete;

    // As malloc, free, calloc and realloc. Out of memory ends the process.
    [[nodiscard]] void* allocate(std::size_t bytes);
    void free(void* memory) noexcept;
    [[nodiscard]] void* allocate_zeroed(std::size_t count, std::size_t bytes);
    [[nodiscard]] void* reallocate(void* memory, std::size_t bytes);

    // Blocks taken from the heap so far, and those in use, for tests and measurements.
    [[nodiscard]] uint64_t heap_allocations() const noexcept { return heap_allocations_; }
    [[nodiscard]] uint64_t in_use() const noexcept { return in_use_; }

private:
    static constexpr unsigned kSmallestBits = 5;  // 32 bytes
    static constexpr unsigned kLargestBits = 11;  // 2 KiB: above, the heap
    static constexpr unsigned kClasses = kLargestBits - kSmallestBits + 1;
    static constexpr std::size_t kKeepBytes = 1u << 20;  // of each size

    struct Block;  // what stands before the memory
    struct FreeList {
        Block* head = nullptr;
        std::size_t count = 0;
    };
    std::array<FreeList, kClasses> lists_;
    uint64_t heap_allocations_ = 0;
    uint64_t in_use_ = 0;
};

}  // namespace glassgate::http::h2
