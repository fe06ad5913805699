#include "flight/frame.h"

#include <cstring>

#include "store/codec/bits.h"
#include "store/segment/crc32c.h"

namespace glassgate::flight {

using store::crc32c;
using store::put_u32;
using store::put_u64;

namespace {

uint32_t load_u32(std::string_view bytes, std::size_t at) noexcept {
    uint32_t v;
    std::memcpy(&v, bytes.data() + at, sizeof v);
    return v;
}

constexpr std::size_t kBeforeCrc = 16;

}  // namespace

void put_frame(std::string& out, FrameKind kind, std::string_view head, std::string_view body) {
    const std::size_t start = out.size();
    put_u32(out, kFrameMark);
    put_u32(out, static_cast<uint32_t>(kind));
    put_u32(out, static_cast<uint32_t>(head.size()));
    put_u32(out, static_cast<uint32_t>(body.size()));
    const uint32_t fixed = crc32c(std::string_view(out).substr(start, kBeforeCrc));
    put_u32(out, crc32c(head, fixed));
    put_u32(out, crc32c(body));
    out += head;
    out += body;
}

bool read_frame_head(std::string_view bytes, FrameHead& frame) noexcept {
    if (bytes.size() < kFrameHeadBytes || load_u32(bytes, 0) != kFrameMark) return false;
    const uint32_t kind = load_u32(bytes, 4);
    frame.head_bytes = load_u32(bytes, 8);
    frame.body_bytes = load_u32(bytes, 12);
    frame.head_crc = load_u32(bytes, 16);
    frame.body_crc = load_u32(bytes, 20);
    if (kind < 1 || kind > 3 || frame.head_bytes > kFrameBytesMax ||
        frame.body_bytes > kFrameBytesMax)
        return false;
    frame.kind = static_cast<FrameKind>(kind);
    return true;
}

bool head_is_sound(const FrameHead& frame, std::string_view fixed, std::string_view head) noexcept {
    return crc32c(head, crc32c(fixed.substr(0, kBeforeCrc))) == frame.head_crc;
}

std::string encode_file_head(std::string_view magic, const FileHead& head) {
    std::string out(magic);
    put_u64(out, head.number);
    put_u64(out, head.created_wall_ns);
    put_u32(out, 0);
    put_u32(out, crc32c(out));
    return out;
}

std::string_view read_file_head(std::string_view bytes, std::string_view magic,
                                FileHead& head) noexcept {
    if (bytes.size() < kFileHeadBytes) return "too short";
    if (bytes.substr(0, magic.size() - 1) != magic.substr(0, magic.size() - 1))
        return "not a file of the flight recorder";
    if (load_u32(bytes, 28) != crc32c(bytes.substr(0, 28))) return "its head is damaged";
    if (bytes[magic.size() - 1] != magic.back()) return "of another version";
    head.number = store::load_u64(bytes.data() + 8);
    head.created_wall_ns = store::load_u64(bytes.data() + 16);
    return {};
}

Damage walk_frames(std::string_view bytes, uint64_t base, uint64_t& end, const UseFrame& use) {
    static constexpr std::string_view kMark{"GFRM"};
    Damage damage;
    std::size_t at = 0, sound_end = 0;
    while (at < bytes.size()) {
        const std::string_view rest = bytes.substr(at);
        FrameHead frame;
        const bool known = read_frame_head(rest, frame);
        if (known && rest.size() >= frame.bytes()) {
            const std::string_view head = rest.substr(kFrameHeadBytes, frame.head_bytes);
            if (head_is_sound(frame, rest, head)) {
                if (at != sound_end) {
                    ++damage.frames;
                    damage.skipped_bytes += at - sound_end;
                }
                use(frame, base + at, head,
                    rest.substr(kFrameHeadBytes + frame.head_bytes, frame.body_bytes));
                at += frame.bytes();
                sound_end = at;
                continue;
            }
        }
        const std::size_t next = bytes.find(kMark, at + 1);
        if (next == std::string_view::npos) break;
        at = next;
    }
    damage.torn_bytes = bytes.size() - sound_end;
    end = base + sound_end;
    return damage;
}

}  // namespace glassgate::flight
