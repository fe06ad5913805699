#include "shared/sip_hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

namespace glassgate::shared {
namespace {

SipKey reference_key() {
    SipKey key;
    unsigned char bytes[16];
    for (unsigned i = 0; i < 16; ++i) bytes[i] = static_cast<unsigned char>(i);
    std::memcpy(&key, bytes, sizeof bytes);
    return key;
}

std::string hex(const Hash128& hash) {
    unsigned char bytes[16];
    std::memcpy(bytes, &hash.low, 8);
    std::memcpy(bytes + 8, &hash.high, 8);
    std::string out;
    for (const unsigned char b : bytes) {
        out += "0123456789abcdef"[b >> 4];
        out += "0123456789abcdef"[b & 15];
    }
    return out;
}

// Key 00..0f, message 00, 01, 02, ...: the vectors of the reference implementation.
TEST(SipHash, ReferenceVectors) {
    std::string message;
    EXPECT_EQ(hex(sip_hash_128(reference_key(), message)), "a3817f04ba25a8e66df67214c7550293");
    message += '\0';
    EXPECT_EQ(hex(sip_hash_128(reference_key(), message)), "da87c1d86b99af44347659119b22fc45");
    for (char c = 1; c < 15; ++c) message += c;
    EXPECT_EQ(hex(sip_hash_128(reference_key(), message)), "5493e99933b0a8117e08ec0f97cfc3d9");
}

TEST(SipHash, KeysDiffer) {
    EXPECT_FALSE(sip_hash_128(SipKey::random(), "mob-4f7a") ==
                 sip_hash_128(SipKey::random(), "mob-4f7a"));
    const SipKey key = SipKey::random();
    std::set<uint64_t> seen;
    for (int i = 0; i < 10'000; ++i)
        seen.insert(sip_hash_128(key, "client-" + std::to_string(i)).low);
    EXPECT_EQ(seen.size(), 10'000u);
}

}  // namespace
}  // namespace glassgate::shared
