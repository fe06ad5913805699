#include "http/websocket.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "http/base64.h"
#include "http/h1.h"

namespace glassgate::http {
namespace {

constexpr std::string_view kKey = "sec-websocket-key";
constexpr std::string_view kAccept = "sec-websocket-accept";
constexpr std::string_view kVersion = "sec-websocket-version";

std::size_t count(const HeaderList& headers, std::string_view name) noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        headers, [&](const HeaderField& field) { return iequals(field.name, name); }));
}

}  // namespace

bool asks_for_websocket(const RequestHead& head) noexcept {
    return head.has_upgrade && iequals(head.upgrade, "websocket");
}

WebSocketFault check_websocket(const RequestHead& head) noexcept {
    if (head.method != Method::get) return WebSocketFault::not_a_get;
    if (count(head.headers, kVersion) != 1 || find(head.headers, kVersion) != "13")
        return WebSocketFault::bad_version;
    if (head.extended_connect) return WebSocketFault::none;
    std::string bytes;
    const bool one = count(head.headers, kKey) == 1;
    return one && decode_base64(find(head.headers, kKey), bytes) && bytes.size() == 16
               ? WebSocketFault::none
               : WebSocketFault::bad_key;
}

std::string_view to_text(WebSocketFault fault) noexcept {
    switch (fault) {
        case WebSocketFault::bad_version:
            return "unsupported Sec-WebSocket-Version";
        case WebSocketFault::bad_key:
            return "bad Sec-WebSocket-Key";
        case WebSocketFault::not_a_get:
            return "WebSocket by another method than GET";
        case WebSocketFault::none:
            break;
    }
    return "";
}

uint16_t status_of(WebSocketFault fault) noexcept {
    return fault == WebSocketFault::none ? 101 : fault == WebSocketFault::bad_version ? 426 : 400;
}

void make_websocket_key(const uint8_t (&random)[16], char (&key)[kWebSocketKeyBytes]) {
    std::string text;
    append_base64(text, {reinterpret_cast<const char*>(random), sizeof random});
    std::memcpy(key, text.data(), kWebSocketKeyBytes);
}

void append_websocket_accept(std::string& out, std::string_view key) {
    std::string text(key);
    text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    append_base64(out, {reinterpret_cast<const char*>(digest), sizeof digest});
}

bool accepted_by(const ResponseHead& head, std::string_view key) {
    if (!head.switching || !iequals(head.upgrade, "websocket")) return false;
    std::string accept;
    append_websocket_accept(accept, key);
    return count(head.headers, kAccept) == 1 && find(head.headers, kAccept) == accept;
}

void accept_as_upgrade(ResponseHead& head, std::string_view key, Arena& arena) {
    head.status = 101;
    head.reason = reason_phrase(101);
    head.body = BodyKind::none;
    head.switching = true;
    head.upgrade = "websocket";
    (void)head.headers.push_back({"Upgrade", "websocket", KnownHeader::upgrade});
    if (key.empty()) return;
    std::string accept;
    append_websocket_accept(accept, key);
    (void)head.headers.push_back({"Sec-WebSocket-Accept", arena.keep(accept), KnownHeader::other});
}

bool is_event_stream(std::string_view content_type) noexcept {
    constexpr std::string_view kType = "text/event-stream";
    if (!iequals(content_type.substr(0, kType.size()), kType)) return false;
    const std::string_view rest = trim_ows(content_type.substr(kType.size()));
    return rest.empty() || rest[0] == ';';
}

}  // namespace glassgate::http
