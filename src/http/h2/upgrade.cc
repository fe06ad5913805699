#include "http/h2/upgrade.h"

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string>

#include "base/text.h"
#include "http/base64.h"

namespace glassgate::http::h2 {
namespace {

bool lists(const HeaderList& headers, KnownHeader known, std::string_view wanted) noexcept {
    for (const HeaderField& field : headers) {
        if (field.known != known) continue;
        const bool absent = for_each_list_element(
            field.value, [&](std::string_view element) { return !iequals(element, wanted); });
        if (!absent) return true;
    }
    return false;
}

bool valid_setting(uint32_t id, uint32_t value) noexcept {
    constexpr uint32_t kSmallestFrame = 1u << 14, kLargestFrame = (1u << 24) - 1;
    switch (id) {
        case NGHTTP2_SETTINGS_ENABLE_PUSH:
        case NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL:
        case NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES:
            return value <= 1;
        case NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE:
            return value <= INT32_MAX;
        case NGHTTP2_SETTINGS_MAX_FRAME_SIZE:
            return value >= kSmallestFrame && value <= kLargestFrame;
        default:
            return true;
    }
}

}  // namespace

bool valid_settings(std::string_view base64url) {
    constexpr std::size_t kEntryBytes = 6;
    constexpr std::size_t kMostEntries = 32;  // those there are, and room for new ones
    std::string payload;
    if (!decode_base64url(base64url, payload) || payload.size() % kEntryBytes != 0 ||
        payload.size() > kMostEntries * kEntryBytes)
        return false;
    const auto byte = [&](std::size_t at) { return uint32_t{static_cast<uint8_t>(payload[at])}; };
    for (std::size_t at = 0; at < payload.size(); at += kEntryBytes) {
        const uint32_t id = byte(at) << 8 | byte(at + 1);
        const uint32_t value =
            byte(at + 2) << 24 | byte(at + 3) << 16 | byte(at + 4) << 8 | byte(at + 5);
        if (!valid_setting(id, value)) return false;
    }
    return true;
}

std::string_view asks_for_h2c(const RequestHead& head) noexcept {
    if (head.version != Version::http11 || head.body != BodyKind::none) return {};
    if (head.method == Method::connect) return {};
    if (!lists(head.headers, KnownHeader::upgrade, "h2c")) return {};
    if (!lists(head.headers, KnownHeader::connection, "upgrade") ||
        !lists(head.headers, KnownHeader::connection, "http2-settings"))
        return {};
    std::string_view settings;
    for (const HeaderField& field : head.headers) {
        if (field.known != KnownHeader::http2_settings) continue;
        if (settings.data() != nullptr) return {};  // exactly one
        settings = field.value;
    }
    return settings;
}

}  // namespace glassgate::http::h2
