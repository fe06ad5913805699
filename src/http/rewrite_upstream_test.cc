#include <gtest/gtest.h>

#include <deque>

#include "http/h1_samples.h"
#include "http/rewrite.h"

namespace glassgate::http {
namespace {

// A request as received and what the gateway would say about it; to be changed by a test.
struct Sent {
    std::string bytes;
    RequestHead head;
    UpstreamRequest request;
    std::vector<HeaderEdit> edits;

    explicit Sent(std::string_view fields, std::string_view line = "GET /p?q=1 HTTP/1.1")
        : bytes(std::string(line) + "\r\nHost: shop\r\n" + std::string(fields) + "\r\n") {
        const RequestOutcome outcome = parse_request(bytes);
        EXPECT_EQ(outcome.result.state, ParseState::complete)
            << printable(bytes) << to_text(outcome.result.error);
        head = outcome.head;
        request.path = head.path;
        request.host = "up:3000";
        request.via = "glassgate";
        request.forwarded_for = "192.0.2.7";
        request.forwarded_proto = "http";
        request.forwarded_host = head.authority;
        request.request_id = "id-1";
        request.body = head.body;
        request.content_length = head.content_length;
    }
    Sent(const Sent&) = delete;
    Sent& operator=(const Sent&) = delete;

    std::string text() {
        request.head = &head;
        if (!edits.empty()) request.edits = &edits;
        std::string out = "before|";
        append_upstream_head(out, request);
        EXPECT_TRUE(out.starts_with("before|"));
        return out.substr(7);
    }
    // The lines whose name is `name`, in order, joined by '|'.
    std::string lines(std::string_view name) {
        std::string all = text(), found;
        std::string lower_name(name);
        for (std::size_t at = 0; at < all.size();) {
            const std::size_t end = all.find("\r\n", at);
            const std::string line = all.substr(at, end - at);
            if (strncasecmp(line.c_str(), lower_name.c_str(), lower_name.size()) == 0 &&
                line[lower_name.size()] == ':')
                found += (found.empty() ? "" : "|") + line;
            at = end + 2;
        }
        return found;
    }
};

const char* const kOurs =
    "Via: 1.1 glassgate\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: "
    "http\r\nX-Forwarded-Host: shop\r\n"
    "X-Request-Id: id-1\r\n";

TEST(UpstreamHead, AnOrdinaryOne) {
    Sent sent("User-Agent: curl/8\r\nAccept:*/*\r\nX-A: 1\r\nX-A: 2  \r\nCookie: a=b\r\n");
    EXPECT_EQ(sent.text(), std::string("GET /p?q=1 HTTP/1.1\r\nHost: up:3000\r\nUser-Agent: "
                                       "curl/8\r\nAccept: */*\r\nX-A: 1\r\n"
                                       "X-A: 2\r\nCookie: a=b\r\n") +
                               kOurs + "\r\n");
}

TEST(UpstreamHead, TargetAndHost) {
    Sent sent("", "GET http://shop/a/../b? HTTP/1.1");
    sent.request.path_prefix = "/base";
    sent.request.path = "/b";
    EXPECT_TRUE(sent.text().starts_with("GET /base/b? HTTP/1.1\r\nHost: up:3000\r\n"));
    sent.request.host = "";
    EXPECT_TRUE(sent.text().starts_with("GET /base/b? HTTP/1.1\r\nHost: \r\n"));
    Sent options("", "OPTIONS * HTTP/1.1");
    options.request.path_prefix = "/base";
    EXPECT_TRUE(options.text().starts_with("OPTIONS * HTTP/1.1\r\n"));
    EXPECT_TRUE(Sent("", "m-x /p HTTP/1.1").text().starts_with("m-x /p HTTP/1.1\r\n"));
}

TEST(UpstreamHead, HopByHopFieldsStay) {
    Sent sent(
        "Connection: keep-alive, X-Hop , x-other,, Close\r\nKeep-Alive: "
        "timeout=5\r\nProxy-Connection: keep-alive\r\n"
        "Proxy-Authorization: Basic x\r\nX-Hop: 1\r\nX-OTHER: 2\r\nX-Kept: 3\r\nTE: "
        "deflate\r\nUpgrade: websocket\r\n"
        "HTTP2-Settings: AAA\r\nTrailer: T\r\nConnection: x-third\r\nx-third: 4\r\n");
    EXPECT_EQ(sent.text(), std::string("GET /p?q=1 HTTP/1.1\r\nHost: up:3000\r\nX-Kept: 3\r\n") +
                               kOurs + "\r\n");
}

TEST(UpstreamHead, ConnectionCannotTakeAwayWhatIsNotItsOwn) {
    Sent sent(
        "Connection: host, content-length, transfer-encoding, authorization, cookie, "
        "x-forwarded-for, x-request-id, "
        "x-forwarded-proto, traceparent, tracestate, via, content-type, expect, client_id, "
        "client_secret, x-real-ip\r\n"
        "Authorization: a\r\nCookie: b\r\nContent-Type: c\r\nContent-Length: 3\r\ntraceparent: "
        "d\r\ntracestate: e\r\n"
        "client_id: f\r\nclient_secret: g\r\nVia: 1.1 h\r\nX-Forwarded-For: 1.1.1.1\r\nX-Real-IP: "
        "2.2.2.2\r\nX-Forwarded-Proto: https\r\n",
        "POST /p HTTP/1.1");
    sent.request.keep_forwarded = true;
    EXPECT_EQ(sent.text(),
              "POST /p HTTP/1.1\r\nHost: up:3000\r\nAuthorization: a\r\nCookie: b\r\nContent-Type: "
              "c\r\ntraceparent: d\r\n"
              "tracestate: e\r\nclient_id: f\r\nclient_secret: g\r\nX-Real-IP: "
              "2.2.2.2\r\nX-Forwarded-Proto: https\r\n"
              "Via: 1.1 h, 1.1 glassgate\r\nX-Forwarded-For: 1.1.1.1, "
              "192.0.2.7\r\nX-Forwarded-Host: shop\r\nX-Request-Id: id-1\r\n"
              "Content-Length: 3\r\n\r\n");
}

TEST(UpstreamHead, ViaIsContinued) {
    EXPECT_EQ(Sent("Via: 1.0 a, 1.1 b (x)\r\nvia: 2 c\r\n").lines("Via"),
              "Via: 1.0 a, 1.1 b (x), 2 c, 1.1 glassgate");
    Sent old("", "GET / HTTP/1.0");
    EXPECT_EQ(old.lines("Via"), "Via: 1.0 glassgate") << "the version it was received in";
}

TEST(UpstreamHead, ForwardedFieldsOfStrangersAreDropped) {
    const char* const claims =
        "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
        "evil\r\nX-Forwarded-Port: 443\r\n"
        "x-forwarded-prefix: /evil\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded: "
        "kept\r\n";
    EXPECT_EQ(Sent(claims).text(),
              std::string("GET /p?q=1 HTTP/1.1\r\nHost: up:3000\r\nX-Forwarded: kept\r\n") + kOurs +
                  "\r\n");
    Sent trusted(claims);
    trusted.request.keep_forwarded = true;
    EXPECT_EQ(
        trusted.text(),
        "GET /p?q=1 HTTP/1.1\r\nHost: up:3000\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
        "evil\r\nX-Forwarded-Port: 443\r\n"
        "x-forwarded-prefix: /evil\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded: "
        "kept\r\n"
        "Via: 1.1 glassgate\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Request-Id: id-1\r\n\r\n");
    Sent several(
        "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For:\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n");
    several.request.keep_forwarded = true;
    EXPECT_EQ(several.lines("X-Forwarded-For"),
              "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7");
}

TEST(UpstreamHead, RequestIdIsOneAndOurs) {
    EXPECT_EQ(Sent("X-Request-Id: theirs\r\nx-request-id: again\r\n").lines("X-Request-Id"),
              "X-Request-Id: id-1");
    Sent without("X-Request-Id: theirs\r\n");
    without.request.request_id = {};
    EXPECT_EQ(without.lines("X-Request-Id"), "X-Request-Id: theirs");
}

TEST(UpstreamHead, TraceHeaders) {
    const char* const theirs =
        "traceparent: tp\r\ntracestate: ts\r\nb3: b\r\nX-B3-TraceId: t\r\nX-B3-SpanId: "
        "s\r\nX-B3-Sampled: 1\r\nX-B3-Flags: 1\r\n"
        "X-B3-ParentSpanId: p\r\n";
    Sent off(theirs);
    EXPECT_NE(off.text().find(theirs), std::string::npos) << "tracing is off: all pass";
    Sent w3c(theirs);
    w3c.request.traceparent = "TP";
    EXPECT_EQ(w3c.text(), std::string("GET /p?q=1 HTTP/1.1\r\nHost: up:3000\r\n") + kOurs +
                              "traceparent: TP\r\n\r\n");
    w3c.request.tracestate = "TS";
    w3c.request.b3 = "B3";
    EXPECT_EQ(w3c.text(), std::string("GET /p?q=1 HTTP/1.1\r\nHost: up:3000\r\n") + kOurs +
                              "traceparent: TP\r\ntracestate: TS\r\nb3: B3\r\n\r\n");
    Sent b3(theirs);
    b3.request.b3 = "B3";
    b3.request.tracestate = "TS";  // goes with a traceparent only
    EXPECT_EQ(b3.text(),
              std::string(
                  "GET /p?q=1 HTTP/1.1\r\nHost: up:3000\r\ntraceparent: tp\r\ntracestate: ts\r\n") +
                  kOurs + "b3: B3\r\n\r\n");
}

TEST(UpstreamHead, TeTrailersAndUpgradeShareOneConnection) {
    Sent te("TE: trailers, deflate\r\n");
    EXPECT_EQ(te.lines("TE"), "TE: trailers");
    EXPECT_EQ(te.lines("Connection"), "Connection: TE");
    Sent upgrade("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n");
    upgrade.request.upgrade = true;
    EXPECT_EQ(upgrade.lines("Upgrade"), "Upgrade: websocket");
    EXPECT_EQ(upgrade.lines("Connection"), "Connection: Upgrade");
    EXPECT_EQ(upgrade.lines("Sec-WebSocket-Key"), "Sec-WebSocket-Key: k");
    Sent both("Connection: Upgrade, TE\r\nUpgrade: websocket\r\nTE: trailers\r\n");
    both.request.upgrade = true;
    EXPECT_EQ(both.lines("Connection"), "Connection: TE, Upgrade");
}

TEST(UpstreamHead, FramingIsWrittenAnew) {
    EXPECT_EQ(Sent("Content-Length: 007\r\n", "POST / HTTP/1.1").lines("Content-Length"),
              "Content-Length: 7");
    Sent chunked("Transfer-Encoding: CHUNKED\r\nTrailer: T\r\n", "POST / HTTP/1.1");
    EXPECT_EQ(chunked.lines("Transfer-Encoding"), "Transfer-Encoding: chunked");
    EXPECT_EQ(chunked.lines("Content-Length"), "");
    EXPECT_EQ(chunked.lines("Trailer"), "Trailer: T");
    // A length read from a chunked body that was buffered, or the other way round.
    chunked.request.body = BodyKind::length;
    chunked.request.content_length = 12;
    EXPECT_EQ(chunked.lines("Transfer-Encoding"), "");
    EXPECT_EQ(chunked.lines("Content-Length"), "Content-Length: 12");
    EXPECT_EQ(chunked.lines("Trailer"), "");
    for (const char* method : {"POST", "PUT", "PATCH"})
        EXPECT_EQ(Sent("", std::string(method) + " / HTTP/1.1").lines("Content-Length"),
                  "Content-Length: 0")
            << method;
    for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS", "x"})
        EXPECT_EQ(Sent("", std::string(method) + " / HTTP/1.1").lines("Content-Length"), "")
            << method;
    EXPECT_EQ(Sent("Content-Length: 0\r\n").lines("Content-Length"), "Content-Length: 0");
}

TEST(UpstreamHead, ExpectAndMaxForwards) {
    EXPECT_EQ(
        Sent("Expect: 100-continue\r\nContent-Length: 1\r\n", "POST / HTTP/1.1").lines("Expect"),
        "Expect: 100-continue");
    EXPECT_EQ(
        Sent("Expect: 100-continue\r\nContent-Length: 1\r\n", "POST / HTTP/1.0").lines("Expect"),
        "");
    EXPECT_EQ(Sent("Max-Forwards: 10\r\n", "OPTIONS / HTTP/1.1").lines("Max-Forwards"),
              "Max-Forwards: 9");
    EXPECT_EQ(Sent("Max-Forwards: 1\r\n", "TRACE / HTTP/1.1").lines("Max-Forwards"),
              "Max-Forwards: 0");
    EXPECT_EQ(Sent("Max-Forwards: 0\r\n", "TRACE / HTTP/1.1").lines("Max-Forwards"),
              "Max-Forwards: 0");
    EXPECT_EQ(Sent("Max-Forwards: 10\r\n").lines("Max-Forwards"), "Max-Forwards: 10")
        << "GET: not ours to count";
    EXPECT_EQ(Sent("Max-Forwards: x\r\n", "OPTIONS / HTTP/1.1").lines("Max-Forwards"),
              "Max-Forwards: x");
}

TEST(UpstreamHead, Edits) {
    Sent sent("X-A: 1\r\nx-b: 2\r\nX-C: 3\r\nAuthorization: secret\r\nX-A: 4\r\n");
    sent.edits = {{"x-a", "new"},
                  {"X-B", "", true},
                  {"X-D", "added"},
                  {"authorization", "", true},
                  {"X-D", "twice"}};
    EXPECT_EQ(sent.text(), std::string("GET /p?q=1 HTTP/1.1\r\nHost: up:3000\r\nX-C: 3\r\n") +
                               kOurs + "x-a: new\r\nX-D: added\r\nX-D: twice\r\n\r\n");
}

TEST(UpstreamHead, EditsReplaceWhatTheGatewayWrites) {
    Sent sent("Via: 1.1 a\r\n");
    sent.edits = {{"via", "V"},
                  {"X-Forwarded-For", "F"},
                  {"X-Forwarded-Proto", "P"},
                  {"X-Forwarded-Host", "", true},
                  {"X-Request-Id", "R"},
                  {"Host", "first"},
                  {"host", "last:80"}};
    EXPECT_EQ(sent.text(),
              "GET /p?q=1 HTTP/1.1\r\nHost: last:80\r\nvia: V\r\nX-Forwarded-For: "
              "F\r\nX-Forwarded-Proto: P\r\nX-Request-Id: R\r\n\r\n");
}

TEST(UpstreamHead, EditsCannotTouchFramingNorBreakTheHead) {
    Sent sent("Content-Length: 3\r\nX-Who: mallory\r\n", "POST / HTTP/1.1");
    const std::string before = sent.text();
    for (const char* name :
         {"Content-Length", "transfer-encoding", "Connection", "TE", "Trailer", "Upgrade",
          "Keep-Alive", "Proxy-Connection", "X: y\r\nEvil", "X Y", "", "X:", "\xc3\xa9"}) {
        sent.edits = {{name, "chunked"}, {name, "", true}};
        EXPECT_EQ(sent.text(), before) << name;
    }
    const std::string without_who = Sent("Content-Length: 3\r\n", "POST / HTTP/1.1").text();
    for (const std::string& value :
         {std::string("a\r\nEvil: 1"), std::string("a\nEvil: 1"), std::string("a\rb"),
          std::string("a\0b", 3), std::string("\x01"), std::string("\x7f")}) {
        sent.edits = {{"X-Who", value}};
        EXPECT_EQ(sent.text(), without_who) << "neither theirs nor what would break out";
        sent.edits = {{"Host", value}};
        EXPECT_EQ(sent.text(), before) << "a host that is none is not taken";
    }
    sent.edits = {{"Host", "", true}};
    EXPECT_EQ(sent.text(), before) << "there is always one Host";
}

TEST(UpstreamHead, AnOldClientGetsAModernRequest) {
    Sent sent("Connection: keep-alive\r\n", "GET / HTTP/1.0");
    EXPECT_EQ(sent.text(),
              "GET / HTTP/1.1\r\nHost: up:3000\r\nVia: 1.0 glassgate\r\nX-Forwarded-For: "
              "192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
              "X-Forwarded-Host: shop\r\nX-Request-Id: id-1\r\n\r\n");
}

// Fields that do not lie one behind the other in one buffer (they may come from another protocol).
TEST(UpstreamHead, FieldsNeedNotBeNeighbours) {
    RequestHead head;
    head.method_text = "GET";
    std::deque<std::string> texts{"a", "1", "b", "2", "", "3"};
    head.headers.push_back({texts[0], texts[1], KnownHeader::other});
    head.headers.push_back({texts[2], texts[3], KnownHeader::other});
    head.headers.push_back({"c", texts[4], KnownHeader::other});
    const std::string packed = "d4e5";
    head.headers.push_back({std::string_view(packed).substr(0, 1),
                            std::string_view(packed).substr(1, 1), KnownHeader::other});
    head.headers.push_back({std::string_view(packed).substr(2, 1),
                            std::string_view(packed).substr(3, 1), KnownHeader::other});
    UpstreamRequest request;
    request.head = &head;
    request.path = "/";
    request.via = "g";
    std::string out;
    append_upstream_head(out, request);
    EXPECT_EQ(out,
              "GET / HTTP/1.1\r\nHost: \r\na: 1\r\nb: 2\r\nc: \r\nd: 4\r\ne: 5\r\nVia: 1.1 "
              "g\r\nX-Forwarded-For: \r\n\r\n");
}

}  // namespace
}  // namespace glassgate::http
