#include <gtest/gtest.h>

#include "http/h1_samples.h"
#include "http/rewrite.h"

namespace glassgate::http {
namespace {

struct Relayed {
    std::string bytes;
    ResponseHead head;
    ClientResponse response;
    std::vector<HeaderEdit> edits;

    explicit Relayed(std::string_view fields, std::string_view line = "HTTP/1.1 200 OK",
                     Method method = Method::get)
        : bytes(std::string(line) + "\r\n" + std::string(fields) + "\r\n") {
        const ResponseOutcome outcome = parse_response(bytes, method);
        EXPECT_EQ(outcome.result.state, ParseState::complete)
            << printable(bytes) << to_text(outcome.result.error);
        head = outcome.head;
        response.via = "glassgate";
        response.request_id = "id-1";
        response.date = "NOW";
        response.body = head.body;
        response.content_length = head.content_length;
        response.upgrade = head.switching;
    }
    Relayed(const Relayed&) = delete;
    Relayed& operator=(const Relayed&) = delete;

    std::string text() {
        response.head = &head;
        if (!edits.empty()) response.edits = &edits;
        std::string out;
        append_client_head(out, response);
        return out;
    }
};

TEST(ClientHead, AnOrdinaryOne) {
    EXPECT_EQ(Relayed("Date: D\r\nServer: s\r\nContent-Type:text/plain\r\nContent-Length: "
                      "5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n")
                  .text(),
              "HTTP/1.1 200 OK\r\nDate: D\r\nServer: s\r\nContent-Type: text/plain\r\nSet-Cookie: "
              "a=1\r\nSet-Cookie: b=2\r\n"
              "Via: 1.1 glassgate\r\nX-Request-Id: id-1\r\nContent-Length: 5\r\n\r\n");
}

TEST(ClientHead, DateIsAddedWhenMissing) {
    EXPECT_EQ(Relayed("Content-Length: 0\r\n").text(),
              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: NOW\r\nVia: 1.1 "
              "glassgate\r\nX-Request-Id: id-1\r\n\r\n");
}

TEST(ClientHead, StatusLineKeepsTheReason) {
    EXPECT_TRUE(Relayed("", "HTTP/1.1 299 Anything at all")
                    .text()
                    .starts_with("HTTP/1.1 299 Anything at all\r\n"));
    EXPECT_TRUE(Relayed("", "HTTP/1.1 404").text().starts_with("HTTP/1.1 404 \r\n"));
    EXPECT_TRUE(Relayed("", "HTTP/1.0 200 OK").text().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(ClientHead, HopByHopFieldsStay) {
    EXPECT_EQ(Relayed("Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: "
                      "x\r\nDate: D\r\nUpgrade: h2c\r\n"
                      "Transfer-Encoding: chunked\r\nTrailer: T\r\nX-Kept: 2\r\nVia: 1.0 "
                      "a\r\nX-Request-Id: theirs\r\n")
                  .text(),
              "HTTP/1.1 200 OK\r\nDate: D\r\nTrailer: T\r\nX-Kept: 2\r\nVia: 1.0 a, 1.1 "
              "glassgate\r\nX-Request-Id: id-1\r\n"
              "Transfer-Encoding: chunked\r\n\r\n");
}

TEST(ClientHead, ConnectionCannotTakeAwayCookiesAndLengths) {
    const std::string text =
        Relayed(
            "Connection: set-cookie, content-length, date, content-type\r\nSet-Cookie: "
            "a\r\nContent-Type: t\r\nDate: D\r\nContent-Length: 1\r\n")
            .text();
    EXPECT_NE(text.find("Set-Cookie: a\r\nContent-Type: t\r\nDate: D\r\n"), std::string::npos)
        << text;
}

TEST(ClientHead, LengthsWithoutABody) {
    EXPECT_NE(Relayed("Content-Length: 5\r\n", "HTTP/1.1 200 OK", Method::head)
                  .text()
                  .find("Content-Length: 5\r\n"),
              std::string::npos);
    EXPECT_NE(
        Relayed("Content-Length: 5\r\n", "HTTP/1.1 304 N").text().find("Content-Length: 5\r\n"),
        std::string::npos);
    EXPECT_EQ(Relayed("Content-Length: 5\r\n", "HTTP/1.1 204 N").text().find("Content-Length"),
              std::string::npos);
    EXPECT_EQ(Relayed("Transfer-Encoding: chunked\r\n", "HTTP/1.1 200 OK", Method::head)
                  .text()
                  .find("Transfer-Encoding"),
              std::string::npos);
    EXPECT_EQ(Relayed("", "HTTP/1.1 200 OK", Method::head).text().find("Content-Length"),
              std::string::npos);
}

TEST(ClientHead, BodyReframed) {
    Relayed relayed("Content-Length: 5\r\nTrailer: T\r\n");
    relayed.response.body = BodyKind::chunked;
    EXPECT_EQ(relayed.text().find("Content-Length"), std::string::npos);
    EXPECT_NE(relayed.text().find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    relayed.response.body = BodyKind::until_close;
    relayed.response.keep_alive = false;
    EXPECT_EQ(relayed.text().find("Content-Length"), std::string::npos);
    EXPECT_EQ(relayed.text().find("Transfer-Encoding"), std::string::npos);
    EXPECT_EQ(relayed.text().find("Trailer"), std::string::npos);
    EXPECT_NE(relayed.text().find("Connection: close\r\n"), std::string::npos);
}

TEST(ClientHead, ConnectionByVersion) {
    Relayed relayed("Content-Length: 0\r\n");
    EXPECT_EQ(relayed.text().find("Connection"), std::string::npos);
    relayed.response.client_version = Version::http10;
    EXPECT_NE(relayed.text().find("\r\nConnection: keep-alive\r\n"), std::string::npos);
    relayed.response.keep_alive = false;
    EXPECT_NE(relayed.text().find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST(ClientHead, ViaNamesTheVersionOfTheUpstream) {
    EXPECT_NE(Relayed("", "HTTP/1.0 200 OK").text().find("Via: 1.0 glassgate\r\n"),
              std::string::npos);
}

TEST(ClientHead, InterimAndSwitching) {
    Relayed interim(
        "Link: </a>\r\nVia: 1.1 a\r\nContent-Length: 9\r\nX-Request-Id: theirs\r\nConnection: "
        "close\r\n",
        "HTTP/1.1 103 Early Hints");
    interim.edits = {{"X-A", "1"}, {"Link", "", true}};
    EXPECT_EQ(interim.text(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    EXPECT_EQ(Relayed("", "HTTP/1.1 100 Continue").text(), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(Relayed("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n",
                      "HTTP/1.1 101 Switching")
                  .text(),
              "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
              "x\r\nConnection: Upgrade\r\nX-Request-Id: id-1\r\n\r\n");
    Relayed required("Upgrade: TLS/1.2\r\nConnection: Upgrade\r\nContent-Length: 0\r\n",
                     "HTTP/1.1 426 U");
    EXPECT_NE(required.text().find("\r\nUpgrade: TLS/1.2\r\n"), std::string::npos);
    EXPECT_NE(required.text().find("\r\nConnection: Upgrade\r\n"), std::string::npos);
    required.response.keep_alive = false;
    EXPECT_NE(required.text().find("\r\nConnection: close, Upgrade\r\n"), std::string::npos);
}

TEST(ClientHead, Edits) {
    Relayed relayed("Server: s\r\nX-A: 1\r\nDate: D\r\nContent-Length: 1\r\nVia: 1.1 a\r\n");
    relayed.edits = {{"server", "", true},
                     {"x-a", "2"},
                     {"Set-Cookie", "a"},
                     {"Set-Cookie", "b"},
                     {"Date", "E"},
                     {"Via", "", true},
                     {"Content-Length", "99"},
                     {"Transfer-Encoding", "chunked"},
                     {"Bad Name", "x"},
                     {"X-Bad", "a\r\nSet-Cookie: c"},
                     {"X-Request-Id", "", true}};
    EXPECT_EQ(relayed.text(),
              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nx-a: 2\r\nSet-Cookie: a\r\nSet-Cookie: "
              "b\r\nDate: E\r\n\r\n");
}

std::string local(LocalReply reply, const std::vector<HeaderEdit>& edits = {}) {
    std::string out = "before|";
    reply.edits = &edits;
    append_local_reply(out, reply);
    return out.substr(7);
}

TEST(LocalReplyTest, WithABody) {
    LocalReply reply;
    reply.status = 429;
    reply.message = "Too \"many\" \\ \n";
    reply.keep_alive = true;
    reply.request_id = "id";
    reply.date = "NOW";
    EXPECT_EQ(local(reply, {{"Retry-After", "1"}}),
              "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nDate: "
              "NOW\r\nX-Request-Id: id\r\nContent-Length: 29\r\n"
              "Retry-After: 1\r\n\r\n{\"error\":\"Too \\\"many\\\" \\\\  \"}");
    reply.head_request = true;
    EXPECT_TRUE(local(reply).ends_with("Content-Length: 29\r\n\r\n"));
}

TEST(LocalReplyTest, WithoutABody) {
    LocalReply reply;
    reply.status = 503;
    EXPECT_EQ(local(reply),
              "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reply.client_version = Version::http10;
    reply.keep_alive = true;
    EXPECT_EQ(
        local(reply),
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
    reply.client_version = Version::http11;
    reply.message = "never sent";
    reply.status = 204;
    EXPECT_EQ(local(reply), "HTTP/1.1 204 No Content\r\n\r\n") << "no length either, RFC 9110 8.6";
    reply.status = 304;
    EXPECT_EQ(local(reply), "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST(LocalReplyTest, EditsReplaceAndCannotBreakOut) {
    LocalReply reply;
    reply.status = 401;
    reply.message = "m";
    reply.date = "NOW";
    reply.keep_alive = true;
    EXPECT_EQ(local(reply, {{"content-type", "text/html"},
                            {"WWW-Authenticate", "Basic"},
                            {"X", "a\r\nB: c"},
                            {"Content-Length", "0"},
                            {"Date", "", true}}),
              "HTTP/1.1 401 Unauthorized\r\nContent-Length: 13\r\ncontent-type: "
              "text/html\r\nWWW-Authenticate: Basic\r\n\r\n{\"error\":\"m\"}");
}

}  // namespace
}  // namespace glassgate::http
