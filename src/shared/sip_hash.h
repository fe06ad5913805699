// SipHash-2-4 with 128 bits of output (Aumasson, Bernstein 2012): a keyed hash. Without the key
// nobody can construct two texts with one hash, so it serves as the identity of texts that
// strangers choose (client ids, header values): two of them meet with probability 2^-128.
#pragma once

#include <cstdint>
#include <string_view>

namespace glassgate::shared {

struct SipKey {
    uint64_t k0 = 0, k1 = 0;
    // From the kernel's random source.
    [[nodiscard]] static SipKey random() noexcept;
};

struct Hash128 {
    uint64_t low = 0, high = 0;
    bool operator==(const Hash128&) const = default;
};

[[nodiscard]] Hash128 sip_hash_128(const SipKey& key, std::string_view text) noexcept;

}  // namespace glassgate::shared
