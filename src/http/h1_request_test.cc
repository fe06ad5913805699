#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "http/h1.h"
#include "http/h1_samples.h"

namespace glassgate::http {
namespace {

std::string get(std::string_view fields, std::string_view line = "GET / HTTP/1.1") {
    return std::string(line) + "\r\nHost: x\r\n" + std::string(fields) + "\r\n";
}
// The bytes live as long as the test program: the head points into them.
RequestHead good(std::string_view text) {
    static std::deque<std::string> kept;
    const std::string_view bytes = kept.emplace_back(text);
    const RequestOutcome outcome = parse_request(bytes);
    EXPECT_EQ(outcome.result.state, ParseState::complete)
        << printable(bytes) << ": " << to_text(outcome.result.error);
    return outcome.head;
}

TEST(H1Request, RefusesEverySampleForItsReason) {
    for (const BadSample& sample : bad_requests()) {
        const RequestOutcome outcome = parse_request(sample.bytes);
        EXPECT_EQ(outcome.result.state, ParseState::failed) << printable(sample.bytes);
        EXPECT_EQ(to_text(outcome.result.error), to_text(sample.error)) << printable(sample.bytes);
        EXPECT_EQ(outcome.result.consumed, 0u);
        EXPECT_TRUE(outcome.head.headers.empty());
        EXPECT_EQ(outcome.head.path.data(), nullptr) << "a refused head holds no views";
    }
}

TEST(H1Request, EveryReasonHasAMessageThatIsRefusedForIt) {
    std::set<ParseError> seen{ParseError::none};
    for (const BadSample& s : bad_requests()) seen.insert(s.error);
    for (const BadSample& s : bad_responses()) seen.insert(s.error);
    for (const BadSample& s : bad_chunks()) seen.insert(s.error);
    for (int e = 0; e <= static_cast<int>(ParseError::trailer_too_large); ++e)
        EXPECT_TRUE(seen.contains(static_cast<ParseError>(e)))
            << to_text(static_cast<ParseError>(e));
}

TEST(H1Request, EveryReasonHasTextAndStatus) {
    std::set<std::string_view> texts;
    for (int e = 1; e < static_cast<int>(kParseErrorCount); ++e) {
        const auto error = static_cast<ParseError>(e);
        EXPECT_FALSE(to_text(error).empty());
        EXPECT_TRUE(texts.insert(to_text(error)).second) << to_text(error);
        EXPECT_TRUE(reason_phrase(status_of(error)) != "Unknown");
    }
    EXPECT_EQ(status_of(ParseError::bad_target), 400);
    EXPECT_EQ(status_of(ParseError::uri_too_long), 414);
    EXPECT_EQ(status_of(ParseError::head_too_large), 431);
    EXPECT_EQ(status_of(ParseError::too_many_headers), 431);
    EXPECT_EQ(status_of(ParseError::trailer_too_large), 431);
    EXPECT_EQ(status_of(ParseError::unsupported_version), 505);
    EXPECT_EQ(status_of(ParseError::unsupported_transfer_encoding), 501);
    EXPECT_EQ(status_of(ParseError::bad_expect), 417);
    EXPECT_EQ(status_of(ParseError::bad_status), 502);
}

TEST(H1Request, ReadsAnOrdinaryHead) {
    const std::string_view bytes =
        "GET /a/b?x=1 HTTP/1.1\r\nHost: shop:8080\r\nA:  b \t\r\nEmpty:\r\nConnection: "
        "close\r\n\r\nnext";
    const RequestOutcome outcome = parse_request(bytes);
    ASSERT_EQ(outcome.result.state, ParseState::complete);
    EXPECT_EQ(bytes.substr(outcome.result.consumed), "next");
    const RequestHead& head = outcome.head;
    EXPECT_EQ(head.method, Method::get);
    EXPECT_EQ(head.method_text, "GET");
    EXPECT_EQ(head.target, "/a/b?x=1");
    EXPECT_EQ(head.path, "/a/b");
    EXPECT_TRUE(head.has_query);
    EXPECT_EQ(head.query, "x=1");
    EXPECT_EQ(head.authority, "shop:8080");
    EXPECT_EQ(head.version, Version::http11);
    EXPECT_EQ(head.body, BodyKind::none);
    EXPECT_FALSE(head.keep_alive);
    ASSERT_EQ(head.headers.size(), 4u);
    EXPECT_EQ(head.headers[1].value, "b");
    EXPECT_EQ(head.headers[2].value, "");
    EXPECT_EQ(head.headers[3].known, KnownHeader::connection);
}

TEST(H1Request, SkipsOneEmptyLineAndCountsIt) {
    const std::string bytes = "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const RequestOutcome outcome = parse_request(bytes);
    EXPECT_EQ(outcome.result.state, ParseState::complete);
    EXPECT_EQ(outcome.result.consumed, bytes.size());
}

TEST(H1Request, MethodsAreCaseSensitiveAndOpen) {
    EXPECT_EQ(good(get("", "get / HTTP/1.1")).method, Method::other);
    const RequestHead head = good(get("", "M-SEARCH / HTTP/1.1"));
    EXPECT_EQ(head.method, Method::other);
    EXPECT_EQ(head.method_text, "M-SEARCH");
    EXPECT_EQ(good(get("", std::string(64, 'A') + " / HTTP/1.1")).method_text.size(), 64u);
    for (const auto& [text, method] : {std::pair{"HEAD", Method::head},
                                       {"POST", Method::post},
                                       {"PUT", Method::put},
                                       {"DELETE", Method::delete_},
                                       {"PATCH", Method::patch},
                                       {"OPTIONS", Method::options},
                                       {"TRACE", Method::trace}})
        EXPECT_EQ(good(get("", std::string(text) + " / HTTP/1.1")).method, method);
}

TEST(H1Request, ALaterMinorVersionIsA11) {
    EXPECT_EQ(good(get("", "GET / HTTP/1.2")).version, Version::http11);
    EXPECT_EQ(good(get("", "GET / HTTP/1.9")).version, Version::http11);
    EXPECT_EQ(good("GET / HTTP/1.0\r\n\r\n").version, Version::http10);
}

TEST(H1Request, FormsOfTheTarget) {
    RequestHead head = good(get("", "GET http://y:81/p?q HTTP/1.1"));
    EXPECT_TRUE(head.absolute_form);
    EXPECT_EQ(head.authority, "y:81") << "RFC 9112 3.2.2: wins over Host";
    EXPECT_EQ(head.path, "/p");
    EXPECT_EQ(head.query, "q");

    const std::string bytes = get("", "GET HTTPS://y HTTP/1.1");
    head = good(bytes);
    EXPECT_EQ(head.path, "/");
    EXPECT_LT(static_cast<std::size_t>(head.path.data() - head.method_text.data()), bytes.size())
        << "in the buffer";
    EXPECT_FALSE(head.has_query);

    head = good(get("", "GET http://y?q=/ HTTP/1.1"));
    EXPECT_EQ(head.path, "/");
    EXPECT_EQ(head.query, "q=/");

    head = good(get("", "OPTIONS * HTTP/1.1"));
    EXPECT_EQ(head.path, "*");
    EXPECT_EQ(head.authority, "x");

    const std::string connect = get("", "CONNECT y:443 HTTP/1.1");
    head = good(connect);
    EXPECT_EQ(head.method, Method::connect);
    EXPECT_EQ(head.authority, "y:443");
    EXPECT_EQ(head.path, "/");
    EXPECT_LT(static_cast<std::size_t>(head.path.data() - head.method_text.data()), connect.size());

    head = good(get("", "GET //a//b?? HTTP/1.1"));
    EXPECT_EQ(head.path, "//a//b");
    EXPECT_EQ(head.query, "?");
    head = good(get("", "GET /x? HTTP/1.1"));
    EXPECT_TRUE(head.has_query);
    EXPECT_EQ(head.query, "");
    EXPECT_EQ(good(get("", "GET /?a=%00%zz&b=\\ HTTP/1.1")).query, "a=%00%zz&b=\\")
        << "queries are not paths";
}

TEST(H1Request, GoodHosts) {
    for (const char* host :
         {"", "x", "x:", "x:0", "x:65535", "a.b-c.example", "192.0.2.1:80", "[::1]",
          "[2001:db8::1]:443", "[::ffff:192.0.2.1]", "x_y", "a%20b", "x."}) {
        const std::string bytes = "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
        EXPECT_EQ(good(bytes).authority, host);
    }
    EXPECT_EQ(good("GET / HTTP/1.0\r\n\r\n").authority, "") << "1.0 needs no Host";
}

TEST(H1Request, Framing) {
    RequestHead head = good(get("Content-Length: 5\r\n", "POST / HTTP/1.1"));
    EXPECT_EQ(head.body, BodyKind::length);
    EXPECT_EQ(head.content_length, 5u);
    EXPECT_EQ(good(get("Content-Length: 0\r\n", "POST / HTTP/1.1")).body, BodyKind::none);
    EXPECT_EQ(good(get("Content-Length: 0000000000000000005\r\n")).content_length, 5u);
    EXPECT_EQ(good(get("Content-Length: 9223372036854775807\r\n")).content_length,
              9223372036854775807u);
    EXPECT_EQ(good(get("Content-Length: 9999999999999999999\r\n")).content_length,
              9999999999999999999u);
    EXPECT_EQ(good(get("transfer-encoding:\t ChunkeD \t\r\n")).body, BodyKind::chunked);
    EXPECT_EQ(good(get("Content-Length: 3\r\n")).body, BodyKind::length) << "a GET may have one";
}

TEST(H1Request, KeepAlive) {
    EXPECT_TRUE(good(get("")).keep_alive);
    EXPECT_FALSE(good(get("Connection: a, CLOSE ,b\r\n")).keep_alive);
    EXPECT_FALSE(good(get("Connection: a\r\nConnection: close\r\n")).keep_alive);
    EXPECT_TRUE(good(get("Connection: closed\r\n")).keep_alive);
    EXPECT_FALSE(good("GET / HTTP/1.0\r\n\r\n").keep_alive);
    EXPECT_TRUE(good("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    EXPECT_FALSE(good("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
    EXPECT_FALSE(good("GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n").keep_alive);
}

TEST(H1Request, ExpectIsForLaterThan10) {
    EXPECT_TRUE(good(get("Expect: 100-CONTINUE\r\n")).expect_continue);
    EXPECT_FALSE(good("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expect_continue);
}

TEST(H1Request, UpgradeNeedsEverything) {
    const std::string fields = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";
    EXPECT_TRUE(good(get(fields)).has_upgrade);
    EXPECT_EQ(good(get(fields)).upgrade, "websocket");
    EXPECT_FALSE(good(get("Upgrade: websocket\r\n")).has_upgrade) << "not named by Connection";
    EXPECT_FALSE(good(get("Connection: Upgrade\r\n")).has_upgrade);
    EXPECT_FALSE(good(get("Connection: Upgrade\r\nUpgrade:\r\n")).has_upgrade);
    EXPECT_FALSE(good("GET / HTTP/1.0\r\n" + fields + "\r\n").has_upgrade);
    EXPECT_FALSE(good(get(fields + "Content-Length: 5\r\n")).has_upgrade)
        << "with a body it is ignored";
    EXPECT_FALSE(good(get(fields + "Transfer-Encoding: chunked\r\n")).has_upgrade);
    EXPECT_TRUE(good(get(fields + "Content-Length: 0\r\n")).has_upgrade);
    EXPECT_FALSE(good(get(fields + "Upgrade: foo\r\n")).has_upgrade) << "two fields";
    for (const char* http : {"h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0", "h2"})
        EXPECT_FALSE(good(get("Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: "
                              "AAMAAABkAAQ\r\nUpgrade: " +
                              std::string(http) + "\r\n"))
                         .has_upgrade)
            << http;
}

TEST(H1Request, TeAndMaxForwards) {
    EXPECT_TRUE(good(get("TE: trailers\r\n")).te_trailers);
    EXPECT_TRUE(good(get("TE: deflate;q=0.5, Trailers\r\n")).te_trailers);
    EXPECT_FALSE(good(get("TE: deflate\r\n")).te_trailers);
    RequestHead head = good(get("Max-Forwards: 3\r\n", "OPTIONS / HTTP/1.1"));
    EXPECT_TRUE(head.has_max_forwards);
    EXPECT_EQ(head.max_forwards, 3u);
    EXPECT_EQ(good(get("Max-Forwards: 99999999999\r\n")).max_forwards, UINT32_MAX);
    for (const char* bad : {"", "-1", "x", "1, 2", "0x1"})
        EXPECT_FALSE(good(get("Max-Forwards: " + std::string(bad) + "\r\n")).has_max_forwards)
            << bad;
    EXPECT_FALSE(good(get("Max-Forwards: 1\r\nMax-Forwards: 2\r\n")).has_max_forwards);
}

TEST(H1Request, ConnectionMayListAsManyOptionsAsTheLimit) {
    std::string list = "a";
    for (std::size_t i = 1; i < kMaxConnectionOptions; ++i) list += ",a";
    EXPECT_EQ(parse_request(get("Connection: " + list + "\r\n")).result.state,
              ParseState::complete);
    EXPECT_EQ(parse_request(get("Connection: " + list + ",a\r\n")).result.error,
              ParseError::bad_connection);
}

TEST(H1Request, LimitsAreExact) {
    HeadLimits limits;
    limits.uri_bytes = 20;
    EXPECT_EQ(
        parse_request(get("", "GET /" + std::string(19, 'a') + " HTTP/1.1"), limits).result.state,
        ParseState::complete);
    EXPECT_EQ(
        parse_request(get("", "GET /" + std::string(20, 'a') + " HTTP/1.1"), limits).result.error,
        ParseError::uri_too_long);
    limits = {};
    limits.header_count = 3;
    EXPECT_EQ(parse_request(get("A: 1\r\nB: 2\r\n"), limits).result.state, ParseState::complete);
    EXPECT_EQ(parse_request(get("A: 1\r\nB: 2\r\nC: 3\r\n"), limits).result.error,
              ParseError::too_many_headers);
    limits = {};
    const std::string head = get("A: 1\r\n");
    limits.head_bytes = head.size();
    EXPECT_EQ(parse_request(head, limits).result.state, ParseState::complete);
    EXPECT_EQ(parse_request(head + "body", limits).result.state, ParseState::complete);
    EXPECT_EQ(parse_request("\r\n" + head, limits).result.state, ParseState::complete);
    EXPECT_EQ(parse_request(head.substr(0, head.size() - 1), limits).result.state,
              ParseState::incomplete);
    limits.head_bytes = head.size() - 1;
    EXPECT_EQ(parse_request(head, limits).result.error, ParseError::head_too_large);
}

TEST(H1Request, TheHardLimitOfFieldsHolds) {
    HeadLimits limits;
    limits.header_count = 100'000;
    std::string fields;
    for (std::size_t i = 1; i < kMaxHeaders; ++i) fields += "a:b\r\n";
    EXPECT_EQ(parse_request(get(fields), limits).result.state, ParseState::complete);
    EXPECT_EQ(parse_request(get(fields + "a:b\r\n"), limits).result.error,
              ParseError::too_many_headers);
}

TEST(H1Request, ARefusedRequestStillSaysItsMethodAndVersion) {
    const RequestOutcome outcome = parse_request("HEAD / HTTP/1.0\r\nA B: c\r\n\r\n");
    EXPECT_EQ(outcome.result.state, ParseState::failed);
    EXPECT_EQ(outcome.head.method, Method::head);
    EXPECT_EQ(outcome.head.version, Version::http10);
}

TEST(H1Request, NothingOfAnEarlierHeadRemains) {
    RequestHead head =
        good(get("Content-Length: 5\r\nTE: trailers\r\n", "POST http://y/ HTTP/1.1"));
    std::size_t resume = 0;
    ASSERT_EQ(parse_request_head(get(""), {}, resume, head).state, ParseState::complete);
    EXPECT_FALSE(head.absolute_form);
    EXPECT_FALSE(head.te_trailers);
    EXPECT_EQ(head.body, BodyKind::none);
    EXPECT_EQ(head.headers.size(), 1u);
}

}  // namespace
}  // namespace glassgate::http
