#include "config/digest.h"

namespace glassgate::config {
namespace {

// FNV-1a, once as published and once from another start with another odd factor.
constexpr uint64_t kFactorA = 0x100000001b3u;
constexpr uint64_t kFactorB = 0xc6a4a7935bd1e995u;

constexpr uint64_t mixed(uint64_t x) noexcept {  // MurmurHash3's finalizer
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    return x ^ (x >> 33);
}

void append_hex64(std::string& out, uint64_t value) {
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

}  // namespace

void Digest::add(std::string_view part) noexcept {
    for (const char c : part) {
        const auto byte = static_cast<unsigned char>(c);
        a_ = (a_ ^ byte) * kFactorA;
        b_ = (b_ ^ byte) * kFactorB;
        b_ ^= b_ >> 29;
    }
    a_ = mixed(a_ ^ part.size());
    b_ = mixed(b_ + part.size());
}

std::string Digest::hex() const {
    std::string out;
    append_hex64(out, a_);
    append_hex64(out, b_);
    return out;
}

}  // namespace glassgate::config
