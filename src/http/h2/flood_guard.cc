#include "http/h2/flood_guard.h"

#include <algorithm>

#include "base/clock.h"

namespace glassgate::http::h2 {
namespace {

constexpr uint8_t kEndStream = 0x1;  // of DATA and HEADERS
constexpr uint8_t kAck = 0x1;        // of SETTINGS and PING
constexpr uint8_t kEndHeaders = 0x4;

// What a request is worth in bytes of overhead besides its header block.
constexpr uint64_t kFrameHeaderBytes = 9;

}  // namespace

bool Budget::take(uint64_t now_ns) noexcept {
    if (size_ == 0) return true;
    if (per_second_ != 0) {
        if (filled_ns_ == 0) filled_ns_ = now_ns;
        const uint64_t interval_ns = kNsPerSecond / per_second_;
        const uint64_t due = now_ns > filled_ns_ ? (now_ns - filled_ns_) / interval_ns : 0;
        if (due != 0) {
            filled_ns_ += due * interval_ns;
            left_ = static_cast<uint32_t>(std::min<uint64_t>(size_, left_ + due));
        }
    }
    if (left_ == 0) return false;
    --left_;
    return true;
}

Violation FloodGuard::on_ended_nothing(std::size_t length) noexcept {
    if (length != 0) {
        empty_frames_ = 0;
        return Violation::none;
    }
    ++empty_frames_;
    return limits_.empty_frames != 0 && empty_frames_ > limits_.empty_frames
               ? Violation::empty_frame_flood
               : Violation::none;
}

Violation FloodGuard::on_frame(FrameType type, uint8_t flags, std::size_t length,
                               uint64_t now_ns) noexcept {
    switch (type) {
        case FrameType::data:
            payload_ += length;
            pings_.give();
            return on_ended_nothing((flags & kEndStream) != 0 ? 1 : length);
        case FrameType::headers:
            payload_ += kFrameHeaderBytes + length;
            pings_.give();
            continuations_ = 0;
            return on_ended_nothing((flags & (kEndStream | kEndHeaders)) != 0 ? 1 : length);
        case FrameType::continuation:
            payload_ += length;
            if (limits_.continuations != 0 && ++continuations_ > limits_.continuations)
                return Violation::continuation_flood;
            return on_ended_nothing((flags & kEndHeaders) != 0 ? 1 : length);
        case FrameType::settings:
            return (flags & kAck) != 0 || settings_.take(now_ns) ? Violation::none
                                                                 : Violation::settings_flood;
        case FrameType::ping:
            return (flags & kAck) != 0 || pings_.take(now_ns) ? Violation::none
                                                              : Violation::ping_flood;
        case FrameType::priority:
            ++priority_frames_;
            return limits_.priority_frames_per_stream != 0 &&
                           priority_frames_ > limits_.priority_frames_per_stream * (1 + streams_)
                       ? Violation::priority_flood
                       : Violation::none;
        case FrameType::window_update: {
            ++window_updates_;
            const uint64_t per_frame = limits_.window_updates_per_data_frame;
            return per_frame != 0 && window_updates_ > 5 + 2 * (streams_ + per_frame * data_sent_)
                       ? Violation::window_update_flood
                       : Violation::none;
        }
        default:
            return Violation::none;
    }
}

Violation FloodGuard::on_bytes(std::size_t bytes) noexcept {
    bytes_ += bytes;
    return limits_.overhead_bytes != 0 && bytes_ / 8 > payload_ + limits_.overhead_bytes
               ? Violation::overhead_flood
               : Violation::none;
}

Violation FloodGuard::on_reset(uint64_t now_ns) noexcept {
    return resets_.take(now_ns) ? Violation::none : Violation::rapid_reset;
}

Violation FloodGuard::on_refused() noexcept {
    ++refused_;
    return limits_.refused_streams != 0 && refused_ > limits_.refused_streams
               ? Violation::stream_limit
               : Violation::none;
}

}  // namespace glassgate::http::h2
