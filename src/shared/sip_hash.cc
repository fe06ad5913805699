#include "shared/sip_hash.h"

#include <sys/random.h>

#include <bit>
#include <cstring>

#include "base/check.h"

namespace glassgate::shared {
namespace {

static_assert(std::endian::native == std::endian::little);

struct State {
    uint64_t v0, v1, v2, v3;

    void rounds(int count) noexcept {
        for (int i = 0; i < count; ++i) {
            v0 += v1;
            v1 = std::rotl(v1, 13) ^ v0;
            v0 = std::rotl(v0, 32);
            v2 += v3;
            v3 = std::rotl(v3, 16) ^ v2;
            v0 += v3;
            v3 = std::rotl(v3, 21) ^ v0;
            v2 += v1;
            v1 = std::rotl(v1, 17) ^ v2;
            v2 = std::rotl(v2, 32);
        }
    }
    void absorb(uint64_t block) noexcept {
        v3 ^= block;
        rounds(2);
        v0 ^= block;
    }
};

}  // namespace

SipKey SipKey::random() noexcept {
    SipKey key;
    GW_CHECK(getrandom(&key, sizeof key, 0) == ssize_t{sizeof key});
    return key;
}

Hash128 sip_hash_128(const SipKey& key, std::string_view text) noexcept {
    State s{key.k0 ^ 0x736f6d6570736575u, key.k1 ^ 0x646f72616e646f6du ^ 0xee,
            key.k0 ^ 0x6c7967656e657261u, key.k1 ^ 0x7465646279746573u};
    uint64_t last = uint64_t{text.size()} << 56;
    while (text.size() >= 8) {
        uint64_t block;
        std::memcpy(&block, text.data(), sizeof block);
        s.absorb(block);
        text.remove_prefix(8);
    }
    for (std::size_t i = 0; i < text.size(); ++i)
        last |= uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
    s.absorb(last);
    s.v2 ^= 0xee;
    s.rounds(4);
    Hash128 hash;
    hash.low = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    s.v1 ^= 0xdd;
    s.rounds(4);
    hash.high = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    return hash;
}

}  // namespace glassgate::shared
