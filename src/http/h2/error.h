// What can go wrong with an HTTP/2 connection or stream, as closed sets with stable slugs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace glassgate::http::h2 {

// RFC 9113 §7, as in RST_STREAM and GOAWAY. A peer may send others: they are kept as they are.
enum class ErrorCode : uint32_t {
    no_error = 0,
    protocol_error = 1,
    internal_error = 2,
    flow_control_error = 3,
    settings_timeout = 4,
    stream_closed = 5,
    frame_size_error = 6,
    refused_stream = 7,
    cancel = 8,
    compression_error = 9,
    connect_error = 10,
    enhance_your_calm = 11,
    inadequate_security = 12,
    http_1_1_required = 13,
};
[[nodiscard]] std::string_view to_text(ErrorCode code) noexcept;  // "PROTOCOL_ERROR"

// Why a connection was given up, or why a stream was, where the doc says so. The slug is for
// metrics and records; each defence has its own.
enum class Violation : uint8_t {
    none,
    // against RFC 9113, found by the frame layer
    bad_preface,
    protocol,
    frame_size,
    flow_control,
    compression,
    stream_closed,
    // defences
    rapid_reset,
    continuation_flood,
    settings_flood,
    ping_flood,
    priority_flood,
    window_update_flood,
    empty_frame_flood,
    overhead_flood,
    header_bomb,
    stream_limit,
    output_flood,
    // time
    settings_timeout,
    ping_timeout,
    header_timeout,
    window_stall,  // a stream
    // ours
    internal,
};
inline constexpr std::size_t kViolationCount = static_cast<std::size_t>(Violation::internal) + 1;

struct ViolationInfo {
    Violation violation;
    std::string_view slug;
    ErrorCode code;  // what the peer is told
    std::string_view doc;
};
[[nodiscard]] const ViolationInfo& info(Violation violation) noexcept;
[[nodiscard]] std::string_view to_text(Violation violation) noexcept;  // the slug

}  // namespace glassgate::http::h2
