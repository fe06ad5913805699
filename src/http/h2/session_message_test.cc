// Messages that are malformed in their sequence of frames (RFC 9113 §8.1), by frames made by hand:
// the stream pays, the connection goes on.
#include <gtest/gtest.h>

#include "http/h2/test_peer.h"

namespace glassgate::http::h2 {
namespace {

// A server that has got the preface and answers nothing by itself.
struct Served : Peer {
    explicit Served(const Limits& limits = {}) : Peer(Role::server, limits) {
        EXPECT_TRUE(feed(client_start()));
        (void)output();
    }
    // What stream 1 came to, after a second request has been answered in order.
    StreamEnd end_of_first(std::string_view bytes) {
        seen.release = true;
        seen.when_head = [this](Stream& stream) {
            if (stream.id() == 3) session->respond(stream, ResponseFields("204"), true);
        };
        EXPECT_TRUE(feed(bytes));
        (void)output();
        EXPECT_TRUE(feed(headers_frame(3, get_fields())));
        const auto frames = frames_of(output());
        EXPECT_NE(find_frame(frames, FrameType::headers, 3), nullptr) << "the connection goes on";
        return seen.of(1).end;
    }
};
std::string post(const Pairs& more = {}) {
    Pairs fields = get_fields();
    fields[0].second = "POST";
    fields.insert(fields.end(), more.begin(), more.end());
    return headers_frame(1, fields, false);
}
std::string data(std::string_view bytes, bool end = false) {
    return frame(FrameType::data, end ? kEndStream : 0, 1, bytes);
}

TEST(H2Message, BodiesAgainstTheirLength) {
    struct Case {
        std::string bytes;
        ParseError error;
    };
    const Pairs five{{"content-length", "5"}};
    const Case cases[] = {
        {post(five) + data("123456"), ParseError::body_longer_than_length},
        {post(five) + data("123") + data("456"), ParseError::body_longer_than_length},
        {post(five) + data("1234", true), ParseError::body_shorter_than_length},
        {post(five) + data("", true), ParseError::body_shorter_than_length},
        {post(five) + data("1234") + headers_frame(1, {{"x", "y"}}),
         ParseError::body_shorter_than_length},
        {post({{"content-length", "0"}}) + data("1"), ParseError::body_longer_than_length},
    };
    for (const Case& c : cases) {
        Served server;
        const StreamEnd end = server.end_of_first(c.bytes);
        EXPECT_EQ(end.by, StreamEnd::By::us);
        EXPECT_EQ(end.code, ErrorCode::protocol_error);
        EXPECT_EQ(end.error, c.error) << to_text(end.error);
    }
    Served server;
    EXPECT_TRUE(server.feed(post(five) + data("123") + data("45", true)));
    EXPECT_TRUE(server.seen.of(1).ended);
    EXPECT_EQ(server.seen.of(1).body, "12345");
}

TEST(H2Message, HeaderBlocksOutOfPlace) {
    {
        Served server;  // a second block that does not end the stream
        EXPECT_EQ(server.end_of_first(post() + headers_frame(1, {{"x", "y"}}, false)).error,
                  ParseError::misplaced_header_block);
    }
    {
        Served server;
        EXPECT_EQ(server.end_of_first(post() + headers_frame(1, get_fields())).error,
                  ParseError::misplaced_pseudo_field);
    }
    {
        Served server;
        EXPECT_EQ(server.end_of_first(post() + headers_frame(1, {{"transfer-encoding", "chunked"}}))
                      .error,
                  ParseError::connection_field);
    }
}

TEST(H2Message, MalformedHeadsCanBeAnswered) {
    Served server;
    server.seen.refuse = false;
    server.seen.when_head = [&](Stream& stream) {
        const ParseError error = server.seen.of(stream.id()).error;
        EXPECT_EQ(error, ParseError::connection_field);
        server.session->discard(stream, ErrorCode::protocol_error);
        server.session->respond(stream, ResponseFields("400"), false);
        server.session->send(stream, "no", true);
    };
    Pairs fields = get_fields();
    fields.emplace_back("connection", "close");
    EXPECT_TRUE(server.feed(headers_frame(1, fields) + headers_frame(3, fields, false) +
                            frame(FrameType::data, 0, 3, "unread")));
    const auto frames = frames_of(server.output());
    for (const uint32_t stream : {1u, 3u}) {
        std::vector<FrameType> order;
        for (const RawFrame& f : frames)
            if (f.stream == stream) order.push_back(f.type);
        EXPECT_EQ(order, (std::vector{FrameType::headers, FrameType::data, FrameType::rst_stream}));
        const RawFrame* reset = find_frame(frames, FrameType::rst_stream, stream);
        ASSERT_NE(reset, nullptr);
        EXPECT_EQ(reset->code(), static_cast<uint32_t>(ErrorCode::protocol_error));
    }
    EXPECT_EQ(server.session->open_streams(), 0u);
    EXPECT_TRUE(server.session->violation() == Violation::none);
}

TEST(H2Message, HeadsBeyondTheLimitAreToldAs431) {
    Limits limits;
    limits.head.head_bytes = 2000;
    Served server(limits);
    server.seen.refuse = false;
    Pairs fields = get_fields();
    fields.emplace_back("x", std::string(3000, 'a'));
    EXPECT_TRUE(server.feed(headers_frame(1, fields)));
    EXPECT_EQ(server.seen.of(1).error, ParseError::head_too_large);
    EXPECT_EQ(status_of(server.seen.of(1).error), 431);
    EXPECT_EQ(server.seen.of(1).request.method, Method::get);
    // Its HPACK was decoded all the same: the next head is read rightly.
    EXPECT_TRUE(server.feed(headers_frame(3, get_fields("/after"))));
    EXPECT_EQ(server.seen.of(3).request.path, "/after");
}

TEST(H2Message, PaddingIsNoBody) {
    Served server;
    std::string padded;
    padded.push_back(4);
    padded += "abc";
    padded.append(4, '\0');
    EXPECT_TRUE(server.feed(post({{"content-length", "3"}}) +
                            frame(FrameType::data, kPadded | kEndStream, 1, padded)));
    EXPECT_EQ(server.seen.of(1).body, "abc");
    EXPECT_TRUE(server.seen.of(1).ended);
}

// ---- a client's session -------------------------------------------------------------------------

struct Asking : Peer {
    Stream* stream = nullptr;
    explicit Asking(std::string_view method = "GET") : Peer(Role::client) {
        EXPECT_TRUE(feed(settings_frame()));
        stream = session->request(RequestFields(method), true, nullptr);
        (void)output();
    }
    StreamEnd end_after(std::string_view bytes) {
        EXPECT_TRUE(feed(bytes));
        (void)output();
        EXPECT_EQ(session->violation(), Violation::none);
        return seen.of(1).end;
    }
};

TEST(H2Message, ResponsesThatAreNone) {
    const Pairs ok{{":status", "200"}};
    struct Case {
        std::string_view method;
        std::string bytes;
        ParseError error;
    };
    const Case cases[] = {
        {"GET", headers_frame(1, {{":status", "103"}}, false) + data("x"),
         ParseError::data_before_head},
        {"GET", headers_frame(1, {{":status", "100"}}, true), ParseError::misplaced_header_block},
        {"HEAD", headers_frame(1, ok, false) + data("x"), ParseError::body_not_allowed},
        {"GET", headers_frame(1, {{":status", "204"}}, false) + data("x"),
         ParseError::body_not_allowed},
        {"GET", headers_frame(1, {{":status", "304"}}, false) + data("x"),
         ParseError::body_not_allowed},
        {"GET",
         headers_frame(1, {{":status", "200"}, {"content-length", "2"}}, false) + data("xyz"),
         ParseError::body_longer_than_length},
        {"GET",
         headers_frame(1, {{":status", "200"}, {"content-length", "2"}}, false) + data("x", true),
         ParseError::body_shorter_than_length},
        {"GET", headers_frame(1, ok, false) + headers_frame(1, {{"x", "y"}}, false),
         ParseError::misplaced_header_block},
        {"GET", headers_frame(1, ok, false) + headers_frame(1, ok, true),
         ParseError::misplaced_pseudo_field},
    };
    for (const Case& c : cases) {
        Asking client(c.method);
        const StreamEnd end = client.end_after(c.bytes);
        EXPECT_EQ(end.by, StreamEnd::By::us);
        EXPECT_EQ(end.error, c.error) << to_text(end.error) << " / " << to_text(c.error);
        EXPECT_FALSE(end.safe_to_retry());
    }
}

TEST(H2Message, ResponsesWithoutBodyMayAnnounceOne) {
    for (const auto& [method, status] :
         {std::pair{"HEAD", "200"}, std::pair{"GET", "304"}, std::pair{"GET", "204"}}) {
        Asking client(method);
        EXPECT_TRUE(
            client.feed(headers_frame(1, {{":status", status}, {"content-length", "5"}}, false) +
                        data("", true)));
        EXPECT_EQ(client.seen.of(1).error, ParseError::none);
        EXPECT_EQ(client.seen.of(1).end.by, StreamEnd::By::both);
    }
}

TEST(H2Message, AMalformedResponseHeadIsTold) {
    Asking client;
    EXPECT_TRUE(client.feed(headers_frame(1, {{":status", "101"}}, true)));
    EXPECT_EQ(client.seen.of(1).error, ParseError::bad_status);
    EXPECT_EQ(client.session->open_streams(), 0u);
}

}  // namespace
}  // namespace glassgate::http::h2
