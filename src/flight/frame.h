// Frames: what the recorder's files consist of behind their head. A frame carries two checksums, so
// that a reader can go from head to head without reading the bodies, and begins with a mark, so
// that it finds the next one behind a damaged one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "flight/format.h"

namespace glassgate::flight {

struct FrameHead {
    FrameKind kind = FrameKind::block;
    uint32_t head_bytes = 0;  // behind the fixed part: what an index needs
    uint32_t body_bytes = 0;
    uint32_t head_crc = 0;  // of the fixed part before it, and of the head bytes
    uint32_t body_crc = 0;
    [[nodiscard]] uint64_t bytes() const noexcept {
        return kFrameHeadBytes + uint64_t{head_bytes} + body_bytes;
    }
};

void put_frame(std::string& out, FrameKind kind, std::string_view head, std::string_view body);
// The fixed part; false if it cannot be one.
[[nodiscard]] bool read_frame_head(std::string_view bytes, FrameHead& frame) noexcept;
// Whether the bytes behind the fixed part are those it was written with.
[[nodiscard]] bool head_is_sound(const FrameHead& frame, std::string_view fixed,
                                 std::string_view head) noexcept;

// 32 bytes: magic with its version, number of the file, when it was begun, checksum.
struct FileHead {
    uint64_t number = 0;
    uint64_t created_wall_ns = 0;
};
[[nodiscard]] std::string encode_file_head(std::string_view magic, const FileHead& head);
// 0: sound; else what is wrong with it, for people.
[[nodiscard]] std::string_view read_file_head(std::string_view bytes, std::string_view magic,
                                              FileHead& head) noexcept;

// What a walk over a file found besides its frames.
struct Damage {
    uint64_t frames = 0;         // damaged places
    uint64_t skipped_bytes = 0;  // in them
    uint64_t torn_bytes = 0;     // at the end: the last write before a crash
    Damage& operator+=(const Damage& more) noexcept {
        frames += more.frames, skipped_bytes += more.skipped_bytes, torn_bytes += more.torn_bytes;
        return *this;
    }
};

// Walks over `bytes`, a file without its head that lies at `base` in it. `use` gets the offset in
// the file of each frame whose head is sound (its body may be damaged: check body_crc). Returns the
// damage; the file's sound part ends at `end` (in the file).
using UseFrame = std::function<void(const FrameHead&, uint64_t offset, std::string_view head,
                                    std::string_view body)>;
Damage walk_frames(std::string_view bytes, uint64_t base, uint64_t& end, const UseFrame& use);

}  // namespace glassgate::flight
