// The fixed parts of the flight recorder's files. docs/formats/flight.md describes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace glassgate::flight {

using namespace std::string_view_literals;

inline constexpr std::string_view kSegmentMagic = "GGFLGT\0\1"sv;  // the last byte is the version
inline constexpr std::string_view kJournalMagic = "GGFLJN\0\1"sv;
inline constexpr std::size_t kFileHeadBytes = 32;

// A frame: mark, kind, length and checksum of its head, length and checksum of its body; then both.
inline constexpr uint32_t kFrameMark = 0x4d524647;  // "GFRM"
inline constexpr std::size_t kFrameHeadBytes = 24;
enum class FrameKind : uint32_t { plan = 1, block = 2, entries = 3 };

// A block is written when it has so many records, or so many bytes before compression.
inline constexpr std::size_t kBlockRecords = 512;
inline constexpr std::size_t kBlockBytes = 512u << 10;
inline constexpr std::size_t kEntryBytesMax = 256u << 10;
// What a reader takes for possible; beyond it a frame is damaged.
inline constexpr uint32_t kFrameBytesMax = 16u << 20;
inline constexpr uint32_t kPartBytesMax = 16u << 20;

// 64-bit FNV-1a: of request ids (folded to 32 bits: a fingerprint) and of plans.
[[nodiscard]] constexpr uint64_t fnv1a(std::string_view bytes) noexcept {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return hash;
}
[[nodiscard]] constexpr uint32_t fingerprint(std::string_view id) noexcept {
    const uint64_t hash = fnv1a(id);
    return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace glassgate::flight
