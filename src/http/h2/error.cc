#include "http/h2/error.h"

#include <iterator>

namespace glassgate::http::h2 {
namespace {

using enum Violation;

constexpr ViolationInfo kViolations[] = {
    {none, "none", ErrorCode::no_error, "nothing is wrong"},
    {bad_preface, "bad_preface", ErrorCode::protocol_error,
     "the connection does not begin with HTTP/2's preface (RFC 9113 §3.4)"},
    {protocol, "protocol_error", ErrorCode::protocol_error,
     "a frame that may not come here or says what it may not"},
    {frame_size, "frame_size_error", ErrorCode::frame_size_error,
     "a frame of a size its type does not have, or larger than announced"},
    {flow_control, "flow_control_error", ErrorCode::flow_control_error,
     "more data than the window allows, or a window beyond 2^31-1"},
    {compression, "compression_error", ErrorCode::compression_error,
     "a header block that HPACK cannot decode"},
    {stream_closed, "stream_closed", ErrorCode::stream_closed,
     "a frame for a stream whose peer had ended it"},
    {rapid_reset, "rapid_reset", ErrorCode::enhance_your_calm,
     "streams opened and reset, or made to be reset, far beyond those that were answered "
     "(CVE-2023-44487, CVE-2025-8671)"},
    {continuation_flood, "continuation_flood", ErrorCode::enhance_your_calm,
     "a header block in more CONTINUATION frames than its limits need (CVE-2024-28182)"},
    {settings_flood, "settings_flood", ErrorCode::enhance_your_calm,
     "SETTINGS faster than they can mean anything (CVE-2019-9515)"},
    {ping_flood, "ping_flood", ErrorCode::enhance_your_calm,
     "PING out of proportion to what it accompanies (CVE-2019-9512)"},
    {priority_flood, "priority_flood", ErrorCode::enhance_your_calm,
     "PRIORITY out of proportion to streams (CVE-2019-9513)"},
    {window_update_flood, "window_update_flood", ErrorCode::enhance_your_calm,
     "WINDOW_UPDATE out of proportion to the DATA it answers (CVE-2019-9511)"},
    {empty_frame_flood, "empty_frame_flood", ErrorCode::enhance_your_calm,
     "frames without payload that end nothing, one after another (CVE-2019-9518)"},
    {overhead_flood, "overhead_flood", ErrorCode::enhance_your_calm,
     "bytes of whatever frames, out of proportion to requests and bodies"},
    {header_bomb, "header_bomb", ErrorCode::enhance_your_calm,
     "a header list that grows far beyond its limit when decoded (CVE-2016-6581)"},
    {stream_limit, "stream_limit", ErrorCode::enhance_your_calm,
     "streams above the announced limit, again and again"},
    {output_flood, "output_flood", ErrorCode::enhance_your_calm,
     "asking without reading: answers to control frames pile up (CVE-2019-9517)"},
    {settings_timeout, "settings_timeout", ErrorCode::settings_timeout,
     "our SETTINGS were not acknowledged in time"},
    {ping_timeout, "ping_timeout", ErrorCode::no_error, "our PING was not answered in time"},
    {header_timeout, "header_timeout", ErrorCode::enhance_your_calm,
     "a header block was begun and did not end in time"},
    {window_stall, "window_stall", ErrorCode::enhance_your_calm,
     "a stream's peer takes nothing of what waits for it (a stream, not the connection)"},
    {internal, "internal_error", ErrorCode::internal_error, "the frame layer failed"},
};
constexpr bool in_order() {
    for (std::size_t i = 0; i < std::size(kViolations); ++i)
        if (static_cast<std::size_t>(kViolations[i].violation) != i) return false;
    return std::size(kViolations) == kViolationCount;
}
static_assert(in_order());

constexpr std::string_view kCodes[] = {
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
};

}  // namespace

std::string_view to_text(ErrorCode code) noexcept {
    const auto index = static_cast<std::size_t>(code);
    return index < std::size(kCodes) ? kCodes[index] : "UNKNOWN";
}

const ViolationInfo& info(Violation violation) noexcept {
    return kViolations[static_cast<std::size_t>(violation)];
}

std::string_view to_text(Violation violation) noexcept { return info(violation).slug; }

}  // namespace glassgate::http::h2
