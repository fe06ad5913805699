#include "base/arena.h"

#include <gtest/gtest.h>

#include <string>

namespace glassgate {
namespace {

TEST(Arena, KeepsCopiesAtStableAddresses) {
    Arena arena;
    std::vector<std::pair<std::string, std::string_view>> kept;
    for (std::size_t size : {1u, 100u, 1000u, 2000u, 3000u, 1u, 5000u, 10'000u, 0u, 4096u, 7u}) {
        const std::string text(size, static_cast<char>('a' + kept.size()));
        kept.emplace_back(text, arena.keep(text));
    }
    for (const auto& [text, view] : kept) EXPECT_EQ(view, text);
}

TEST(Arena, TheFirstBlockIsItsOwn) {
    Arena arena;
    const char* const first = arena.allocate(1);
    EXPECT_GE(first, reinterpret_cast<const char*>(&arena));
    EXPECT_LT(first, reinterpret_cast<const char*>(&arena + 1));
    EXPECT_EQ(arena.allocate(Arena::kFirstBlockBytes - 1), first + 1)
        << "it holds as much as it says";
    const char* const next = arena.allocate(1);
    EXPECT_TRUE(next < reinterpret_cast<const char*>(&arena) ||
                next >= reinterpret_cast<const char*>(&arena + 1));
}

TEST(Arena, ResetStartsOver) {
    Arena arena;
    const char* const first = arena.allocate(10);
    (void)arena.keep(std::string(100'000, 'x'));
    arena.reset();
    EXPECT_EQ(arena.allocate(10), first);
    EXPECT_EQ(arena.keep("abc"), "abc");
}

TEST(Arena, NothingIsKeptAsNothing) {
    Arena arena;
    EXPECT_TRUE(arena.keep("").empty());
}

}  // namespace
}  // namespace glassgate
