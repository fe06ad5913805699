// Bytes and bits of the store's encodings: little-endian numbers, varints (LEB128), zigzag, and
// arrays of unsigned numbers packed at a fixed width, least significant bit first.
//
// Reading never looks outside the bytes it was given, with one exception that makes unpacking fast:
// the kPadding bytes after the end must be readable (their values do not matter).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace glassgate::store {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

inline constexpr std::size_t kPadding = 8;
// Widths 57 to 63 do not exist: a packed number is read by one 8-byte load.
inline constexpr unsigned kWidestPacked = 56;

[[nodiscard]] constexpr uint64_t zigzag(int64_t v) noexcept {
    return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
[[nodiscard]] constexpr int64_t unzigzag(uint64_t v) noexcept {
    return static_cast<int64_t>((v >> 1) ^ (~(v & 1) + 1));
}
[[nodiscard]] constexpr std::size_t varint_size(uint64_t v) noexcept {
    return (static_cast<std::size_t>(std::bit_width(v | 1)) + 6) / 7;
}
// The width to pack numbers at whose highest bit is that of `all` (an OR of them).
[[nodiscard]] constexpr unsigned pack_width(uint64_t all) noexcept {
    const auto width = static_cast<unsigned>(std::bit_width(all));
    return width > kWidestPacked ? 64 : width;
}
[[nodiscard]] constexpr std::size_t packed_size(std::size_t count, unsigned width) noexcept {
    return (count * width + 7) / 8;
}

inline void put_u8(std::string& out, uint8_t v) { out.push_back(static_cast<char>(v)); }
inline void put_u32(std::string& out, uint32_t v) {
    char bytes[sizeof v];
    std::memcpy(bytes, &v, sizeof v);
    out.append(bytes, sizeof v);
}
inline void put_u64(std::string& out, uint64_t v) {
    char bytes[sizeof v];
    std::memcpy(bytes, &v, sizeof v);
    out.append(bytes, sizeof v);
}
inline void put_varint(std::string& out, uint64_t v) {
    while (v >= 0x80) {
        put_u8(out, static_cast<uint8_t>(v | 0x80));
        v >>= 7;
    }
    put_u8(out, static_cast<uint8_t>(v));
}
inline void put_zigzag(std::string& out, int64_t v) { put_varint(out, zigzag(v)); }
inline void put_text(std::string& out, std::string_view text) {
    put_varint(out, text.size());
    out.append(text);
}

// Every value must be below 2^width.
inline void put_packed(std::string& out, std::span<const uint64_t> values, unsigned width) {
    const std::size_t start = out.size();
    out.resize(start + packed_size(values.size(), width) + kPadding);
    char* at = out.data() + start;
    uint64_t pending = 0;
    unsigned bits = 0;
    for (const uint64_t v : values) {
        pending |= v << bits;
        bits += width;
        if (bits < 64) continue;
        std::memcpy(at, &pending, sizeof pending);
        at += sizeof pending;
        bits -= 64;
        // What of v did not fit; at bits == 0 all of it did (a shift by 64 is not defined).
        pending = bits == 0 ? 0 : v >> (width - bits);
    }
    std::memcpy(at, &pending, sizeof pending);
    out.resize(start + packed_size(values.size(), width));
}

[[nodiscard]] inline uint64_t load_u64(const char* at) noexcept {
    uint64_t v;
    std::memcpy(&v, at, sizeof v);
    return v;
}

// `width` at most kWidestPacked, or 64. Reads up to kPadding bytes beyond the last number.
inline void unpack(const char* from, unsigned width, uint64_t* out, std::size_t count) noexcept {
    if (width == 64) {
        if (count > 0) std::memcpy(out, from, count * sizeof *out);
        return;
    }
    const uint64_t mask = (uint64_t{1} << width) - 1;
    std::size_t bit = 0;
    for (std::size_t i = 0; i < count; ++i, bit += width)
        out[i] = (load_u64(from + bit / 8) >> (bit % 8)) & mask;
}

// Reads what the functions above wrote. After a failure everything reads as 0 and ok() is false.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) noexcept
        : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }
    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    [[nodiscard]] const char* position() const noexcept { return at_; }

    uint8_t u8() noexcept { return take(1) ? static_cast<uint8_t>(at_[-1]) : uint8_t{0}; }
    uint32_t u32() noexcept {
        uint32_t v = 0;
        if (take(sizeof v)) std::memcpy(&v, at_ - sizeof v, sizeof v);
        return v;
    }
    uint64_t u64() noexcept { return take(8) ? load_u64(at_ - 8) : 0; }
    uint64_t varint() noexcept {
        uint64_t v = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const uint8_t byte = u8();
            v |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) return v;
        }
        fail();
        return 0;
    }
    int64_t zigzag() noexcept { return unzigzag(varint()); }
    // A varint that must not be above `most`.
    uint64_t varint_up_to(uint64_t most) noexcept {
        const uint64_t v = varint();
        if (v <= most) return v;
        fail();
        return 0;
    }
    // The next `count` bytes, which are skipped; empty on failure.
    std::string_view bytes(uint64_t count) noexcept {
        return take(count) ? std::string_view(at_ - count, count) : std::string_view{};
    }
    std::string_view text() noexcept { return bytes(varint()); }
    // Packed numbers; false if there are not as many or the width does not exist.
    bool packed(unsigned width, uint64_t* out, std::size_t count) noexcept {
        if (width > kWidestPacked && width != 64) return fail();
        const char* const from = at_;
        if (!take(packed_size(count, width))) return false;
        unpack(from, width, out, count);
        return true;
    }
    bool fail() noexcept {
        ok_ = false;
        at_ = end_;
        return false;
    }

private:
    bool take(uint64_t count) noexcept {
        if (count > left()) return fail();
        at_ += count;
        return true;
    }
    const char* at_;
    const char* end_;
    bool ok_ = true;
};

}  // namespace glassgate::store
