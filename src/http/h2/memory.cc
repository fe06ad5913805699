#include "http/h2/memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace glassgate::http::h2 {

struct MemoryPool::Block {
    union {
        Block* next;           // while it is free
        std::size_t capacity;  // while it is in use, of the memory behind this header
    };
    std::size_t size_class;

    [[nodiscard]] void* memory() noexcept { return this + 1; }
    [[nodiscard]] static Block* of(void* memory) noexcept {
        return static_cast<Block*>(memory) - 1;
    }
};

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kPooled = false;  // every block from the heap, so that misuse is seen
#else
constexpr bool kPooled = true;
#endif

}  // namespace

MemoryPool::~MemoryPool() {
    for (FreeList& list : lists_)
        while (list.head != nullptr) {
            Block* next = list.head->next;
            std::free(list.head);
            list.head = next;
        }
}

void* MemoryPool::allocate(std::size_t bytes) {
    static_assert(sizeof(Block) == alignof(std::max_align_t));
    const unsigned bits = std::max<unsigned>(
        kSmallestBits, static_cast<unsigned>(std::bit_width(bytes > 0 ? bytes - 1 : 0)));
    const std::size_t size_class = bits - kSmallestBits;
    const bool pooled = kPooled && size_class < kClasses;
    const std::size_t capacity = pooled ? std::size_t{1} << bits : bytes;
    Block* block = nullptr;
    if (pooled && lists_[size_class].head != nullptr) {
        FreeList& list = lists_[size_class];
        block = list.head;
        list.head = block->next;
        --list.count;
    } else {
        block = static_cast<Block*>(std::malloc(sizeof(Block) + capacity));
        GW_CHECK(block != nullptr);
        ++heap_allocations_;
    }
    block->capacity = capacity;
    block->size_class = size_class;
    ++in_use_;
    return block->memory();
}

void MemoryPool::free(void* memory) noexcept {
    if (memory == nullptr) return;
    Block* const block = Block::of(memory);
    --in_use_;
    if (kPooled && block->size_class < kClasses) {
        FreeList& list = lists_[block->size_class];
        if (list.count < kKeepBytes >> (block->size_class + kSmallestBits)) {
            block->next = list.head;
            list.head = block;
            ++list.count;
            return;
        }
    }
    std::free(block);
}

void* MemoryPool::allocate_zeroed(std::size_t count, std::size_t bytes) {
    GW_CHECK(bytes == 0 || count <= SIZE_MAX / 2 / bytes);
    void* const memory = allocate(count * bytes);
    std::memset(memory, 0, count * bytes);
    return memory;
}

void* MemoryPool::reallocate(void* memory, std::size_t bytes) {
    if (memory == nullptr) return allocate(bytes);
    Block* const block = Block::of(memory);
    if (bytes <= block->capacity) return memory;
    void* const larger = allocate(bytes);
    std::memcpy(larger, memory, block->capacity);
    free(memory);
    return larger;
}

}  // namespace glassgate::http::h2
