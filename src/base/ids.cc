#include "base/ids.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/clock.h"

namespace glassgate {
namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr char kDigits[] = "0123456789abcdef";

constexpr auto kHexPairs = [] {
    std::array<char, 512> table{};
    for (std::size_t i = 0; i < 256; ++i) {
        table[2 * i] = kDigits[i >> 4];
        table[2 * i + 1] = kDigits[i & 15];
    }
    return table;
}();

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

uint64_t splitmix(uint64_t& state) noexcept {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

}  // namespace

bool TraceId::valid() const noexcept {
    return std::any_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b != 0; });
}

bool SpanId::valid() const noexcept {
    return std::any_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b != 0; });
}

char* write_hex(char* out, const uint8_t* bytes, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i, out += 2)
        std::memcpy(out, &kHexPairs[std::size_t{2} * bytes[i]], 2);
    return out;
}

void append_hex(std::string& out, const TraceId& id) {
    char text[32];
    write_hex(text, id.bytes.data(), id.bytes.size());
    out.append(text, sizeof text);
}

void append_hex(std::string& out, const SpanId& id) {
    char text[16];
    write_hex(text, id.bytes.data(), id.bytes.size());
    out.append(text, sizeof text);
}

bool read_hex(std::string_view text, uint8_t* bytes, std::size_t count) noexcept {
    if (text.size() != 2 * count) return false;
    for (std::size_t i = 0; i < count; ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        bytes[i] = static_cast<uint8_t>(high << 4 | low);
    }
    return true;
}

Random::Random() noexcept {
    GW_CHECK(getrandom(state_, sizeof state_, 0) == ssize_t{sizeof state_});
}

Random::Random(uint64_t seed) noexcept {
    for (uint64_t& word : state_) word = splitmix(seed);
}

uint64_t Random::next() noexcept {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

double Random::unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

uint64_t Random::below(uint64_t bound) noexcept {
    // Lemire's multiply-shift; the bias is below 2^-32 for the bounds used here (weights, counts).
    return static_cast<uint64_t>((static_cast<Uint128>(next()) * bound) >> 64);
}

TraceId Random::trace_id() noexcept {
    TraceId id;
    const uint64_t words[2] = {next(), next() | 1};  // never all zero
    std::memcpy(id.bytes.data(), words, sizeof words);
    return id;
}

SpanId Random::span_id() noexcept {
    SpanId id;
    const uint64_t word = next() | 1;
    std::memcpy(id.bytes.data(), &word, sizeof word);
    return id;
}

}  // namespace glassgate
