#include "http/h2/memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace glassgate::http::h2 {
namespace {

TEST(H2Memory, KeepsWhatIsGivenBack) {
    MemoryPool pool;
    void* const first = pool.allocate(100);
    std::memset(first, 7, 100);
    EXPECT_EQ(pool.in_use(), 1u);
    pool.free(first);
    EXPECT_EQ(pool.in_use(), 0u);
#ifndef __SANITIZE_ADDRESS__
    const uint64_t before = pool.heap_allocations();
    void* const second = pool.allocate(128);  // of the same size class
    EXPECT_EQ(second, first);
    EXPECT_EQ(pool.heap_allocations(), before);
    pool.free(second);
#endif
    pool.free(nullptr);
}

TEST(H2Memory, EverySizeIsWritable) {
    MemoryPool pool;
    std::vector<void*> taken;
    for (std::size_t size = 0; size < 100000; size = size * 3 / 2 + 1) {
        void* const memory = pool.allocate(size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignof(std::max_align_t), 0u);
        std::memset(memory, 1, size);
        taken.push_back(memory);
    }
    for (void* memory : taken) pool.free(memory);
    EXPECT_EQ(pool.in_use(), 0u);
}

TEST(H2Memory, GrowsInPlaceOrMoves) {
    MemoryPool pool;
    char* text = static_cast<char*>(pool.reallocate(nullptr, 10));
    std::memcpy(text, "0123456789", 10);
    for (std::size_t size = 20; size <= 200000; size *= 10) {
        text = static_cast<char*>(pool.reallocate(text, size));
        EXPECT_EQ(std::memcmp(text, "0123456789", 10), 0);
        text[size - 1] = 'x';
    }
    pool.free(text);
    auto* const zeroed = static_cast<char*>(pool.allocate_zeroed(10, 10));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(zeroed[i], 0);
    pool.free(zeroed);
    EXPECT_EQ(pool.in_use(), 0u);
}

}  // namespace
}  // namespace glassgate::http::h2
