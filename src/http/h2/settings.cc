#include "http/h2/settings.h"

#include "base/check.h"
#include "http/base64.h"

namespace glassgate::http::h2 {

std::size_t settings_entries(Role role, const Limits& limits,
                             nghttp2_settings_entry (&entries)[kMaxSettings]) noexcept {
    std::size_t n = 0;
    entries[n++] = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window_bytes};
    entries[n++] = {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                    static_cast<uint32_t>(limits.head.head_bytes)};
    if (role == Role::client) {
        entries[n++] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
        return n;
    }
    entries[n++] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_streams};
    if (limits.extended_connect) entries[n++] = {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    // RFC 9218: the dependency tree of RFC 7540 is not kept. Streams take turns.
    entries[n++] = {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
    return n;
}

std::string Session::upgrade_settings(const Limits& limits) {
    nghttp2_settings_entry entries[kMaxSettings];
    const std::size_t count = settings_entries(Role::client, limits, entries);
    uint8_t payload[6 * kMaxSettings];
    const auto bytes = nghttp2_pack_settings_payload(payload, sizeof payload, entries, count);
    GW_CHECK(bytes >= 0);
    std::string out;
    append_base64url(out,
                     {reinterpret_cast<const char*>(payload), static_cast<std::size_t>(bytes)});
    return out;
}

}  // namespace glassgate::http::h2
