#include "http/websocket.h"

#include <gtest/gtest.h>

#include "http/base64.h"
#include "http/h1_samples.h"
#include "http/rewrite.h"

namespace glassgate::http {
namespace {

constexpr std::string_view kSampleKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 §1.3
constexpr std::string_view kSampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string upgrade(std::string_view more, std::string_view method = "GET") {
    return std::string(method) + " /chat HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\n" +
           "Connection: Upgrade\r\n" + std::string(more) + "\r\n";
}
WebSocketFault check(std::string_view more, std::string_view method = "GET") {
    const std::string bytes = upgrade(more, method);
    const RequestOutcome in = parse_request(bytes);
    EXPECT_EQ(in.result.state, ParseState::complete);
    EXPECT_TRUE(asks_for_websocket(in.head));
    return check_websocket(in.head);
}

TEST(WebSocket, ChecksTheOpeningHandshake) {
    const std::string key = "Sec-WebSocket-Key: " + std::string(kSampleKey) + "\r\n";
    const std::string version = "Sec-WebSocket-Version: 13\r\n";
    EXPECT_EQ(check(key + version), WebSocketFault::none);
    EXPECT_EQ(check(version), WebSocketFault::bad_key);
    EXPECT_EQ(check(key + key + version), WebSocketFault::bad_key);
    EXPECT_EQ(check("Sec-WebSocket-Key: c2hvcnQ=\r\n" + version), WebSocketFault::bad_key);
    EXPECT_EQ(check("Sec-WebSocket-Key: not base 64 at all!!\r\n" + version),
              WebSocketFault::bad_key);
    EXPECT_EQ(check(key), WebSocketFault::bad_version);
    EXPECT_EQ(check(key + "Sec-WebSocket-Version: 8\r\n"), WebSocketFault::bad_version);
    EXPECT_EQ(check(key + version + version), WebSocketFault::bad_version);
    EXPECT_EQ(check(key + version, "DELETE"), WebSocketFault::not_a_get);
    EXPECT_EQ(status_of(WebSocketFault::bad_version), 426);
    EXPECT_EQ(status_of(WebSocketFault::bad_key), 400);
    EXPECT_FALSE(to_text(WebSocketFault::bad_key).empty());
    const RequestOutcome plain = parse_request("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_FALSE(asks_for_websocket(plain.head));
}

TEST(WebSocket, AcceptsByTheSampleOfTheRfc) {
    std::string accept;
    append_websocket_accept(accept, kSampleKey);
    EXPECT_EQ(accept, kSampleAccept);
}

TEST(WebSocket, KeysAreSixteenBytes) {
    const uint8_t random[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255};
    char key[kWebSocketKeyBytes];
    make_websocket_key(random, key);
    std::string bytes;
    ASSERT_TRUE(decode_base64({key, sizeof key}, bytes));
    EXPECT_EQ(bytes, std::string(reinterpret_cast<const char*>(random), 16));
}

TEST(WebSocket, AnUpstreamAcceptsWhatWasAsked) {
    const auto answered = [](std::string_view accept, std::string_view protocol = "websocket") {
        const std::string bytes =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + std::string(protocol) +
            "\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " + std::string(accept) + "\r\n\r\n";
        const ResponseOutcome in = parse_response(bytes);
        EXPECT_EQ(in.result.state, ParseState::complete);
        return accepted_by(in.head, kSampleKey);
    };
    EXPECT_TRUE(answered(kSampleAccept));
    EXPECT_FALSE(answered("AAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    EXPECT_FALSE(answered(kSampleAccept, "chat"));
    const ResponseOutcome ok = parse_response("HTTP/1.1 200 OK\r\n\r\n");
    EXPECT_FALSE(accepted_by(ok.head, kSampleKey));
}

TEST(WebSocket, AnExtendedConnectsAnswerBecomesA101) {
    ResponseHead head;
    head.version = Version::http2;
    head.status = 200;
    head.reason = "OK";
    (void)head.headers.push_back({"sec-websocket-protocol", "chat", KnownHeader::other});
    Arena arena;
    accept_as_upgrade(head, kSampleKey, arena);
    ClientResponse response;
    response.head = &head;
    response.upgrade = true;
    std::string out;
    append_client_head(out, response);
    const ResponseOutcome again = parse_response(out);
    ASSERT_EQ(again.result.state, ParseState::complete) << out;
    EXPECT_TRUE(accepted_by(again.head, kSampleKey));
    EXPECT_EQ(find(again.head.headers, "Sec-WebSocket-Protocol"), "chat");
}

TEST(WebSocket, EventStreams) {
    for (const char* yes :
         {"text/event-stream", "text/event-stream;charset=utf-8", "Text/Event-Stream ; x=y"})
        EXPECT_TRUE(is_event_stream(yes)) << yes;
    for (const char* no : {"", "text/event-streams", "text/plain", "text/event-strea"})
        EXPECT_FALSE(is_event_stream(no)) << no;
}

TEST(Base64, SamplesOfTheRfc) {
    const std::pair<std::string_view, std::string_view> samples[] = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : samples) {
        std::string out, back;
        append_base64(out, bytes);
        EXPECT_EQ(out, text);
        EXPECT_TRUE(decode_base64(text, back));
        EXPECT_EQ(back, bytes);
        std::string url;
        append_base64url(url, bytes);
        EXPECT_EQ(url, text.substr(0, text.find('=')));
        EXPECT_TRUE(decode_base64url(url, back));
        EXPECT_EQ(back, bytes);
    }
    std::string out;
    append_base64url(out, "\xfb\xff");
    EXPECT_EQ(out, "-_8");
}

TEST(Base64, RefusesWhatNoEncoderWrites) {
    std::string out;
    for (const char* bad :
         {"Z", "Zg=", "Zg", "Zh==", "Zm9=", "Zg==Zg==", "====", "Z===", "Zm9v\n", "-_8="})
        EXPECT_FALSE(decode_base64(bad, out)) << bad;
    for (const char* bad : {"Z", "Zg==", "Zh", "+/8", "Zm9v="})
        EXPECT_FALSE(decode_base64url(bad, out)) << bad;
}

}  // namespace
}  // namespace glassgate::http
