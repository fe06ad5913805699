// Heads for HTTP/2: the same decisions as for HTTP/1.1, in RFC 9113's form; and what is read in one
// version and written in the other is the same message.
#include "http/h2/write_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "http/h1_samples.h"
#include "http/h2/read_head.h"
#include "http/h2/test_peer.h"

namespace glassgate::http::h2 {
namespace {

using testing::ElementsAre;
using testing::Pair;

Pairs listed(const FieldList& list) {
    Pairs out;
    for (const FieldList::Field& f : list) {
        std::string name(f.name);
        for (char& c : name) c = to_lower(c);
        out.emplace_back(name, std::string(f.value));
    }
    return out;
}
bool has(const FieldList& list, std::string_view name) { return list.find(name).data() != nullptr; }

UpstreamRequest upstream(const RequestHead& head) {
    UpstreamRequest out;
    out.head = &head;
    out.path = head.path;
    out.host = "up.example:3000";
    out.via = "glassgate";
    out.forwarded_for = "192.0.2.7";
    out.forwarded_proto = "https";
    out.forwarded_host = head.authority;
    out.request_id = "id-1";
    out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    out.body = head.body;
    out.content_length = head.content_length;
    out.upgrade = head.has_upgrade;
    return out;
}

TEST(H2WriteHead, RequestFromHttp11) {
    const RequestOutcome in = parse_request(
        "POST /a?x=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nConnection: keep-alive, "
        "X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers, gzip\r\nHTTP2-Settings: "
        "AAAA\r\nProxy-Connection: x\r\nContent-Length: 5\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    ASSERT_EQ(in.result.state, ParseState::complete);
    FieldList out;
    write_upstream_head(out, upstream(in.head), "https");
    EXPECT_THAT(
        listed(out),
        ElementsAre(Pair(":method", "POST"), Pair(":scheme", "https"),
                    Pair(":authority", "up.example:3000"), Pair(":path", "/a?x=1"),
                    Pair("user-agent", "t"), Pair("via", "1.1 glassgate"),
                    Pair("x-forwarded-for", "192.0.2.7"), Pair("x-forwarded-proto", "https"),
                    Pair("x-forwarded-host", "shop.example"), Pair("x-request-id", "id-1"),
                    Pair("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                    Pair("te", "trailers"), Pair("content-length", "5")));
}

TEST(H2WriteHead, PrefixQueryAndStar) {
    const RequestOutcome in = parse_request("GET /a? HTTP/1.1\r\nHost: h\r\n\r\n");
    UpstreamRequest r = upstream(in.head);
    r.path_prefix = "/base";
    FieldList out;
    write_upstream_head(out, r, "http");
    EXPECT_EQ(out.find(":path"), "/base/a?");
    EXPECT_FALSE(has(out, "content-length"));
    const RequestOutcome star = parse_request("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    r = upstream(star.head);
    r.path_prefix = "/base";
    write_upstream_head(out, r, "http");
    EXPECT_EQ(out.find(":path"), "*");
}

TEST(H2WriteHead, EditsReplaceAddAndRemove) {
    const RequestOutcome in = parse_request(
        "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nX-Old: 1\r\nX-Stay: 1\r\n\r\n");
    const std::vector<HeaderEdit> edits{{"Authorization", "", true},
                                        {"X-Old", " new "},
                                        {"X-Old", "two"},
                                        {"Connection", "close"},
                                        {"Transfer-Encoding", "chunked"},
                                        {"X-Bad", "a\r\nb"},
                                        {":path", "/admin"},
                                        {"Host", "edited.example"},
                                        {"Keep-Alive", "1"}};
    UpstreamRequest r = upstream(in.head);
    r.edits = &edits;
    FieldList out;
    write_upstream_head(out, r, "http");
    EXPECT_EQ(out.find(":authority"), "edited.example");
    EXPECT_EQ(out.find(":path"), "/");
    EXPECT_FALSE(has(out, "authorization"));
    EXPECT_EQ(out.find("x-old"), "new");
    EXPECT_EQ(out.find("x-stay"), "1");
    for (const char* gone : {"connection", "transfer-encoding", "x-bad", "host", "keep-alive"})
        EXPECT_FALSE(has(out, gone)) << gone;
}

TEST(H2WriteHead, WebSocketBecomesAnExtendedConnect) {
    const RequestOutcome in = parse_request(
        "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: chat\r\n\r\n");
    ASSERT_TRUE(in.head.has_upgrade);
    FieldList out;
    const UpstreamRequest r = upstream(in.head);
    EXPECT_TRUE(becomes_extended_connect(r));
    write_upstream_head(out, r, "https");
    EXPECT_EQ(out.find(":method"), "CONNECT");
    EXPECT_EQ(out.find(":protocol"), "websocket");
    EXPECT_EQ(out.find("sec-websocket-version"), "13");
    EXPECT_EQ(out.find("sec-websocket-protocol"), "chat");
    for (const char* gone : {"upgrade", "connection", "sec-websocket-key", "content-length"})
        EXPECT_FALSE(has(out, gone)) << gone;
    FieldBlock block;
    block.begin({});
    for (const auto& [name, value] : listed(out)) ASSERT_TRUE(block.add(name, value));
    RequestHead again;
    std::string text;
    EXPECT_EQ(read_request(block, false, {}, again, text), ParseError::none);
    EXPECT_TRUE(again.has_upgrade);
}

ClientResponse answer(const ResponseHead& head) {
    ClientResponse out;
    out.head = &head;
    out.via = "glassgate";
    out.body = head.body;
    out.content_length = head.content_length;
    out.request_id = "id-1";
    out.date = "Fri, 27 Nov 2026 09:14:22 GMT";
    return out;
}

TEST(H2WriteHead, ResponseFromHttp11) {
    const ResponseOutcome in = parse_response(
        "HTTP/1.1 200 Fine\r\nServer: o\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
        "Transfer-Encoding: chunked\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nTrailer: "
        "X-Sum\r\n\r\n");
    ASSERT_EQ(in.result.state, ParseState::complete);
    FieldList out;
    write_client_head(out, answer(in.head));
    EXPECT_THAT(listed(out),
                ElementsAre(Pair(":status", "200"), Pair("server", "o"), Pair("set-cookie", "a=1"),
                            Pair("set-cookie", "b=2"), Pair("trailer", "X-Sum"),
                            Pair("date", "Fri, 27 Nov 2026 09:14:22 GMT"),
                            Pair("via", "1.1 glassgate"), Pair("x-request-id", "id-1")));
}

TEST(H2WriteHead, LengthsOfResponsesWithoutBody) {
    const auto length = [](std::string_view bytes, Method method) {
        const ResponseOutcome in = parse_response(bytes, method);
        EXPECT_EQ(in.result.state, ParseState::complete);
        FieldList out;
        write_client_head(out, answer(in.head));
        return std::string(out.find("content-length"));
    };
    EXPECT_EQ(length("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::get), "5");
    EXPECT_EQ(length("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::head), "5");
    EXPECT_EQ(length("HTTP/1.1 304 NM\r\nContent-Length: 5\r\n\r\n", Method::get), "5");
    EXPECT_EQ(length("HTTP/1.1 204 No\r\n\r\n", Method::get), "");
    EXPECT_EQ(length("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Method::get), "0");
}

TEST(H2WriteHead, InterimAndSwitchingHeads) {
    const ResponseOutcome early =
        parse_response("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\n\r\n");
    FieldList out;
    write_client_head(out, answer(early.head));
    EXPECT_THAT(listed(out), ElementsAre(Pair(":status", "103"), Pair("link", "</a>")));
    const ResponseOutcome switching = parse_response(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: "
        "chat\r\n\r\n");
    ASSERT_TRUE(switching.head.switching);
    ClientResponse r = answer(switching.head);
    r.upgrade = true;
    write_client_head(out, r);
    EXPECT_THAT(listed(out),
                ElementsAre(Pair(":status", "200"), Pair("sec-websocket-protocol", "chat"),
                            Pair("x-request-id", "id-1")));
}

TEST(H2WriteHead, LocalReplies) {
    FieldList out;
    std::string body;
    LocalReply reply;
    reply.status = 429;
    reply.message = "Too \"many\"";
    reply.request_id = "id-1";
    reply.date = "d";
    const std::vector<HeaderEdit> edits{{"Retry-After", "3"}};
    reply.edits = &edits;
    write_local_reply(out, body, reply);
    EXPECT_THAT(
        listed(out),
        ElementsAre(Pair(":status", "429"), Pair("content-type", "application/json"),
                    Pair("date", "d"), Pair("x-request-id", "id-1"),
                    Pair("content-length", std::to_string(body.size())), Pair("retry-after", "3")));
    EXPECT_EQ(body, "{\"error\":\"Too \\\"many\\\"\"}");
    std::string of_head;
    reply.head_request = true;
    write_local_reply(out, of_head, reply);
    EXPECT_EQ(out.find("content-length"), std::to_string(body.size()));
    EXPECT_TRUE(of_head.empty());
    reply.status = 204;
    write_local_reply(out, of_head, reply);
    EXPECT_FALSE(has(out, "content-length"));
    EXPECT_TRUE(of_head.empty());
}

TEST(H2WriteHead, TrailersFromLines) {
    FieldList out;
    write_trailers(out, "Grpc-Status: 0\r\nX-Sum:abc\r\nConnection: close\r\nno colon\r\n");
    EXPECT_THAT(listed(out), ElementsAre(Pair("grpc-status", "0"), Pair("x-sum", "abc")));
    write_trailers(out, "");
    EXPECT_EQ(out.size(), 0u);
}

// Every head that HTTP/1.1 takes is, written for HTTP/2, one that HTTP/2 takes, and the same.
TEST(H2WriteHead, WhatHttp11TakesIsAHeadInHttp2) {
    for (const std::string& bytes : good_requests()) {
        const RequestOutcome in = parse_request(bytes);
        if (in.result.state != ParseState::complete || in.head.method == Method::connect) continue;
        FieldList out;
        write_upstream_head(out, upstream(in.head), "http");
        FieldBlock block;
        block.begin({});
        for (const auto& [name, value] : listed(out)) ASSERT_TRUE(block.add(name, value));
        RequestHead again;
        std::string text;
        const bool end = in.head.body == BodyKind::none && !in.head.has_upgrade;
        ASSERT_EQ(read_request(block, end, {}, again, text), ParseError::none) << printable(bytes);
        EXPECT_EQ(again.path, in.head.path);
        EXPECT_EQ(again.query, in.head.query);
        EXPECT_EQ(again.method_text, in.head.method_text);
        EXPECT_EQ(again.body, in.head.body) << printable(bytes);
        EXPECT_EQ(again.content_length, in.head.content_length);
        EXPECT_EQ(again.te_trailers, in.head.te_trailers);
    }
    for (const std::string& bytes : good_responses()) {
        const ResponseOutcome in = parse_response(bytes);
        if (in.result.state != ParseState::complete || in.head.status == 101) continue;
        FieldList out;
        write_client_head(out, answer(in.head));
        FieldBlock block;
        block.begin({});
        for (const auto& [name, value] : listed(out)) ASSERT_TRUE(block.add(name, value));
        ResponseHead again;
        std::string text;
        ASSERT_EQ(read_response(block, false, Method::get, again, text), ParseError::none)
            << printable(bytes);
        EXPECT_EQ(again.status, in.head.status);
    }
}

// And what HTTP/2 takes is one head in HTTP/1.1, whatever stands in it.
TEST(H2WriteHead, WhatHttp2TakesIsOneHeadInHttp11) {
    Pairs fields = get_fields("/a%20b?q=%0d%0aX:y");
    fields.emplace_back("x-odd", "a: b, \xc3\xa9\t!");
    fields.emplace_back("cookie", "a=1");
    fields.emplace_back("cookie", "b=2");
    fields.emplace_back("te", "trailers");
    FieldBlock block;
    block.begin({});
    for (const auto& [name, value] : fields) ASSERT_TRUE(block.add(name, value));
    RequestHead head;
    std::string text;
    ASSERT_EQ(read_request(block, false, {}, head, text), ParseError::none);
    std::string bytes;
    append_upstream_head(bytes, upstream(head));
    const RequestOutcome again = parse_request(bytes);
    ASSERT_EQ(again.result.state, ParseState::complete) << printable(bytes);
    EXPECT_EQ(again.result.consumed, bytes.size());
    EXPECT_EQ(again.head.body, BodyKind::chunked);
    EXPECT_EQ(find(again.head.headers, "cookie"), "a=1; b=2");
    EXPECT_EQ(find(again.head.headers, "via"), "2.0 glassgate");
    EXPECT_TRUE(again.head.te_trailers);
}

}  // namespace
}  // namespace glassgate::http::h2
