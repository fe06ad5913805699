#include <gtest/gtest.h>

#include <deque>

#include "http/h1.h"
#include "http/h1_samples.h"

namespace glassgate::http {
namespace {

// The bytes live as long as the test program: the head points into them.
ResponseHead good(std::string_view text, Method method = Method::get) {
    static std::deque<std::string> kept;
    const std::string_view bytes = kept.emplace_back(text);
    const ResponseOutcome outcome = parse_response(bytes, method);
    EXPECT_EQ(outcome.result.state, ParseState::complete)
        << printable(bytes) << ": " << to_text(outcome.result.error);
    return outcome.head;
}
ResponseHead with(std::string_view status, std::string_view fields, Method method = Method::get,
                  std::string_view version = "HTTP/1.1") {
    return good(
        std::string(version) + " " + std::string(status) + "\r\n" + std::string(fields) + "\r\n",
        method);
}

TEST(H1Response, RefusesEverySampleForItsReason) {
    for (const BadSample& sample : bad_responses()) {
        const ResponseOutcome outcome = parse_response(sample.bytes);
        EXPECT_EQ(outcome.result.state, ParseState::failed) << printable(sample.bytes);
        EXPECT_EQ(to_text(outcome.result.error), to_text(sample.error)) << printable(sample.bytes);
        EXPECT_EQ(outcome.head.status, 0);
    }
}

TEST(H1Response, StatusLines) {
    ResponseHead head = with("200 OK", "");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.reason, "OK");
    EXPECT_EQ(with("404 Not Found at all", "").reason, "Not Found at all");
    EXPECT_EQ(with("200", "").reason, "");
    EXPECT_EQ(with("200 ", "").reason, "");
    EXPECT_EQ(with("200  OK", "").reason, " OK");
    EXPECT_EQ(with("599 \xc3\xb6", "").reason, "\xc3\xb6");
    EXPECT_EQ(with("200 OK", "", Method::get, "HTTP/1.0").version, Version::http10);
    EXPECT_EQ(with("200 OK", "", Method::get, "HTTP/1.7").version, Version::http11);
}

TEST(H1Response, BodyByStatusMethodAndFields) {
    struct Case {
        const char* status;
        const char* fields;
        Method method;
        BodyKind body;
    };
    const char* const length = "Content-Length: 5\r\n";
    const char* const chunked = "Transfer-Encoding: chunked\r\n";
    for (const Case& c : std::initializer_list<Case>{
             {"200 OK", length, Method::get, BodyKind::length},
             {"200 OK", chunked, Method::get, BodyKind::chunked},
             {"200 OK", "", Method::get, BodyKind::until_close},
             {"200 OK", "Content-Length: 0\r\n", Method::get, BodyKind::none},
             {"404 N", length, Method::post, BodyKind::length},
             {"200 OK", length, Method::head, BodyKind::none},
             {"200 OK", chunked, Method::head, BodyKind::none},
             {"200 OK", "", Method::head, BodyKind::none},
             {"304 N", length, Method::get, BodyKind::none},
             {"304 N", chunked, Method::get, BodyKind::none},
             {"304 N", "", Method::get, BodyKind::none},
             {"204 N", length, Method::get, BodyKind::none},
             {"204 N", "", Method::get, BodyKind::none},
             {"205 R", "", Method::get, BodyKind::until_close},
             {"100 C", length, Method::get, BodyKind::none},
             {"103 E", "", Method::get, BodyKind::none},
             {"200 OK", length, Method::connect, BodyKind::none},
             {"400 B", length, Method::connect, BodyKind::length},
         })
        EXPECT_EQ(with(c.status, c.fields, c.method).body, c.body) << c.status << c.fields;
    const ResponseHead head = with("200 OK", length, Method::head);
    EXPECT_TRUE(head.has_content_length);
    EXPECT_EQ(head.content_length, 5u);
    EXPECT_FALSE(with("200 OK", "", Method::head).has_content_length);
}

TEST(H1Response, KeepAlive) {
    const char* const empty = "Content-Length: 0\r\n";
    EXPECT_TRUE(with("200 OK", empty).keep_alive);
    EXPECT_FALSE(with("200 OK", "Content-Length: 0\r\nConnection: Close\r\n").keep_alive);
    EXPECT_FALSE(with("200 OK", "").keep_alive) << "the end of the connection ends the body";
    EXPECT_FALSE(with("200 OK", empty, Method::get, "HTTP/1.0").keep_alive);
    EXPECT_TRUE(
        with("200 OK", "Content-Length: 0\r\nConnection: keep-alive\r\n", Method::get, "HTTP/1.0")
            .keep_alive);
    EXPECT_FALSE(with("200 OK", "Connection: keep-alive\r\n", Method::get, "HTTP/1.0").keep_alive);
    EXPECT_TRUE(with("204 No Content", "").keep_alive);
    EXPECT_TRUE(with("204 No Content", empty).keep_alive);
    EXPECT_TRUE(with("304 Not Modified", "Content-Length: 5\r\n").keep_alive);
    EXPECT_FALSE(with("204 No Content", "Content-Length: 5\r\n").keep_alive)
        << "five bytes may follow";
    EXPECT_FALSE(with("204 No Content", "Transfer-Encoding: chunked\r\n").keep_alive);
}

TEST(H1Response, Switching) {
    const ResponseHead head = with("101 S", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    EXPECT_TRUE(head.switching);
    EXPECT_EQ(head.upgrade, "websocket");
    EXPECT_FALSE(with("200 OK", "Connection: Upgrade\r\nUpgrade: websocket\r\n").switching);
}

TEST(H1Response, InterimHeadsAreHeadsOfTheirOwn) {
    const std::string bytes =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const ResponseOutcome first = parse_response(bytes);
    EXPECT_EQ(first.head.status, 100);
    EXPECT_EQ(first.result.consumed, 25u);
    EXPECT_EQ(parse_response(std::string_view(bytes).substr(first.result.consumed)).head.status,
              200);
}

TEST(H1Response, LimitsAreExact) {
    const std::string head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    HeadLimits limits;
    limits.head_bytes = head.size();
    EXPECT_EQ(parse_response(head + "body", Method::get, limits).result.state,
              ParseState::complete);
    limits.head_bytes = head.size() - 1;
    EXPECT_EQ(parse_response(head, Method::get, limits).result.error, ParseError::head_too_large);
    limits = {};
    limits.header_count = 1;
    EXPECT_EQ(parse_response(head, Method::get, limits).result.state, ParseState::complete);
    limits.header_count = 0;
    EXPECT_EQ(parse_response(head, Method::get, limits).result.error, ParseError::too_many_headers);
}

}  // namespace
}  // namespace glassgate::http
