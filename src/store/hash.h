// A 64-bit hash of text for tables in memory, seeded: whoever chooses label values cannot know
// which of them meet. Not for files: it may change.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace glassgate::store {

[[nodiscard]] inline uint64_t mix(uint64_t a, uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

[[nodiscard]] inline uint64_t hash_text(uint64_t seed, std::string_view text) noexcept {
    constexpr uint64_t kA = 0x9e3779b97f4a7c15ULL, kB = 0xd1b54a32d192ed03ULL;
    uint64_t h = seed ^ kA;
    std::size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
        uint64_t word;
        std::memcpy(&word, text.data() + i, 8);
        h = mix(h ^ word, kB);
    }
    uint64_t rest = 0;
    if (i < text.size()) std::memcpy(&rest, text.data() + i, text.size() - i);
    return mix(mix(h ^ rest, kB) ^ text.size(), kA ^ seed);
}

}  // namespace glassgate::store
