// Exchanges between two sessions: heads, bodies, trailers, both ways, however the bytes are split.
#include "http/h2/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "http/h1_samples.h"
#include "http/h2/test_peer.h"
#include "http/h2/upgrade.h"

namespace glassgate::http::h2 {
namespace {

using testing::ElementsAre;

TEST(H2Session, AnswersARequestWithoutBody) {
    Wire wire;
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->respond(stream, ResponseFields("204"), true);
    };
    Stream* const stream =
        wire.client.session->request(RequestFields("GET", "/x?y=1"), true, nullptr);
    ASSERT_NE(stream, nullptr);
    wire.run();
    const Seen& at_server = wire.server.seen.of(1);
    EXPECT_EQ(at_server.error, ParseError::none);
    EXPECT_EQ(at_server.request.method, Method::get);
    EXPECT_EQ(at_server.request.path, "/x");
    EXPECT_EQ(at_server.request.query, "y=1");
    EXPECT_EQ(at_server.request.authority, "a.example");
    EXPECT_EQ(at_server.request.version, Version::http2);
    EXPECT_TRUE(at_server.ended);
    EXPECT_TRUE(at_server.closed);
    EXPECT_EQ(at_server.end.by, StreamEnd::By::both);
    const Seen& at_client = wire.client.seen.of(1);
    EXPECT_EQ(at_client.response.status, 204);
    EXPECT_TRUE(at_client.closed);
    EXPECT_EQ(at_client.end.by, StreamEnd::By::both);
    EXPECT_EQ(wire.server.session->open_streams(), 0u);
    EXPECT_EQ(wire.client.session->open_streams(), 0u);
}

// An echo: what comes goes back, with its trailers.
void echo(Wire& wire) {
    Recorder& seen = wire.server.seen;
    Session& session = *wire.server.session;
    seen.hold = true;
    seen.release = false;
    seen.when_head = [&](Stream& stream) { session.respond(stream, ResponseFields(), false); };
    const auto pass = [&session](Stream& stream) {
        if (stream.sending()) return;
        if (stream.received().empty() && stream.ended() && !stream.sent_end())
            session.finish(stream, stream.trailers());
        else if (!stream.received().empty())
            session.send(stream, stream.received(), false);
    };
    seen.when_data = pass;
    seen.when_end = pass;
    seen.when_sent = [&session, pass](Stream& stream) {
        // What was sent of it: more may have come behind.
        session.consume(stream,
                        stream.sent_bytes() - (stream.received_bytes() - stream.unread_bytes()));
        pass(stream);
    };
}

std::string pattern(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 131 + i / 251);
    return out;
}

TEST(H2Session, CarriesBodiesAndTrailersBothWays) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{200}, std::size_t{16384}, std::size_t{65535},
          std::size_t{65536}, std::size_t{1000000}}) {
        for (const std::size_t step : {SIZE_MAX, std::size_t{1000}, std::size_t{1}}) {
            if (step == 1 && size > 70000) continue;
            Wire wire;
            // What lies in the echo's buffer is lent out, so it must not move meanwhile: it holds
            // what it has until that is taken.
            std::string held;
            wire.server.seen.when_head = [&](Stream& stream) {
                wire.server.session->respond(stream, ResponseFields(), false);
            };
            wire.server.seen.when_end = [&](Stream& stream) {
                held = wire.server.seen.of(1).body;
                wire.server.session->send(stream, held, false);
                wire.server.session->finish(stream, stream.trailers());
            };
            const std::string body = pattern(size);
            Stream* const stream =
                wire.client.session->request(RequestFields("POST"), false, nullptr);
            wire.client.session->send(*stream, body, false);
            wire.client.session->finish(*stream, "x-sum: 17\r\nx-two: b\r\n");
            wire.run(step);
            const Seen& back = wire.client.seen.of(1);
            ASSERT_TRUE(back.body == body) << size << " in steps of " << step;
            EXPECT_EQ(wire.server.seen.of(1).trailers, "x-sum: 17\r\nx-two: b\r\n");
            EXPECT_EQ(back.trailers, "x-sum: 17\r\nx-two: b\r\n");
            EXPECT_TRUE(back.closed);
            EXPECT_EQ(back.end.by, StreamEnd::By::both);
            EXPECT_EQ(wire.client.session->violation(), Violation::none);
            EXPECT_EQ(wire.server.session->violation(), Violation::none);
        }
    }
}

TEST(H2Session, SendsInterimHeads) {
    Wire wire;
    wire.server.seen.when_head = [&](Stream& stream) {
        Session& s = *wire.server.session;
        s.interim(stream, ResponseFields("100"));
        s.interim(stream, ResponseFields("103"));
        s.respond(stream, ResponseFields("200"), true);
    };
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_THAT(wire.client.seen.of(1).interims, ElementsAre(100, 103));
    EXPECT_EQ(wire.client.seen.of(1).response.status, 200);
}

TEST(H2Session, TellsWhenWhatWasLentIsTaken) {
    Wire wire;
    const std::string body = pattern(100000);
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->respond(stream, ResponseFields(), false);
        wire.server.session->send(stream, body, false);
    };
    wire.server.seen.when_sent = [&](Stream& stream) {
        EXPECT_FALSE(stream.sending());
        if (stream.sent_bytes() == body.size()) wire.server.session->send(stream, "tail", true);
    };
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_TRUE(wire.client.seen.of(1).body == body + "tail");
    EXPECT_EQ(wire.server.seen.of(1).sent, 1u);  // the end is told as the stream's
    EXPECT_TRUE(wire.server.seen.of(1).closed);
}

TEST(H2Session, OutputFitsWhateverRoomThereIs) {
    for (const std::size_t room : {std::size_t{1100}, std::size_t{4096}, std::size_t{20000}}) {
        Wire wire;
        const std::string body = pattern(60000);
        wire.server.seen.when_head = [&](Stream& stream) {
            wire.server.session->respond(stream, ResponseFields(), false);
            wire.server.session->send(stream, body, true);
        };
        ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
        Wire::carry(wire.client.output(), wire.server, SIZE_MAX);
        Wire::carry(wire.server.output(room), wire.client, SIZE_MAX);
        EXPECT_TRUE(wire.client.seen.of(1).body == body) << room;
    }
}

TEST(H2Session, ManyStreamsShareAConnection) {
    Limits limits;
    limits.max_streams = 50;
    Wire wire(limits);
    echo(wire);
    wire.run();
    std::vector<std::string> bodies;
    bodies.reserve(50);
    for (int i = 0; i < 50; ++i) bodies.push_back(pattern(static_cast<std::size_t>(i) * 3000));
    for (const std::string& body : bodies) {
        Stream* const stream = wire.client.session->request(RequestFields("POST"), false, nullptr);
        ASSERT_NE(stream, nullptr);
        wire.client.session->send(*stream, body, true);
    }
    EXPECT_FALSE(wire.client.session->can_request());
    EXPECT_EQ(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    for (std::size_t i = 0; i < bodies.size(); ++i)
        EXPECT_TRUE(wire.client.seen.of(static_cast<StreamId>(2 * i + 1)).body == bodies[i]) << i;
    EXPECT_TRUE(wire.client.session->can_request());
}

TEST(H2Session, StreamsTakeTurns) {
    Wire wire;
    const std::string body = pattern(60000);
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->respond(stream, ResponseFields(), false);
        wire.server.session->send(stream, body, true);
    };
    for (int i = 0; i < 3; ++i)
        ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    Wire::carry(wire.client.output(), wire.server, SIZE_MAX);
    std::vector<uint32_t> order;
    for (const RawFrame& f : frames_of(wire.server.output()))
        if (f.type == FrameType::data) order.push_back(f.stream);
    ASSERT_GE(order.size(), 6u);
    EXPECT_EQ(std::set<uint32_t>(order.begin(), order.begin() + 3), (std::set<uint32_t>{1, 3, 5}));
}

TEST(H2Session, UrgentStreamsGoFirst) {
    Wire wire;
    const std::string body = pattern(30000);
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->respond(stream, ResponseFields(), false);
        wire.server.session->send(stream, body, true);
    };
    RequestFields late;
    late.add("priority", "u=6, i");
    RequestFields urgent;
    urgent.add("priority", "i,u=0");
    ASSERT_NE(wire.client.session->request(late, true, nullptr), nullptr);
    ASSERT_NE(wire.client.session->request(urgent, true, nullptr), nullptr);
    Wire::carry(wire.client.output(), wire.server, SIZE_MAX);
    for (const RawFrame& f : frames_of(wire.server.output())) {
        if (f.type != FrameType::data) continue;
        EXPECT_EQ(f.stream, 3u);
        break;
    }
}

TEST(H2Session, ResponseBeforeTheRequestEndsTellsTheClientToStop) {
    Wire wire;
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->discard(stream, ErrorCode::no_error);
        wire.server.session->respond(stream, ResponseFields("413"), true);
    };
    const std::string body = pattern(500000);
    Stream* const stream = wire.client.session->request(RequestFields("POST"), false, nullptr);
    wire.client.session->send(*stream, body, true);
    wire.run();
    const Seen& seen = wire.client.seen.of(1);
    EXPECT_EQ(seen.response.status, 413);
    EXPECT_TRUE(seen.ended);
    EXPECT_EQ(seen.end.by, StreamEnd::By::peer);
    EXPECT_EQ(seen.end.code, ErrorCode::no_error);
    EXPECT_TRUE(wire.server.seen.of(1).closed);
    // The connection's window was given back: the next request goes through.
    wire.server.seen.when_head = [&](Stream& s) {
        wire.server.session->respond(s, ResponseFields("204"), true);
    };
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_EQ(wire.client.seen.of(3).response.status, 204);
}

TEST(H2Session, ResetsReachTheOtherSide) {
    Wire wire;
    wire.server.seen.release = false;
    Stream* const stream = wire.client.session->request(RequestFields("POST"), false, nullptr);
    wire.client.session->send(*stream, "abc", false);
    wire.run();
    wire.client.session->reset(*stream, ErrorCode::cancel);
    wire.client.session->release(*stream);
    wire.run();
    const Seen& seen = wire.server.seen.of(1);
    EXPECT_TRUE(seen.closed);
    EXPECT_EQ(seen.end.by, StreamEnd::By::peer);
    EXPECT_EQ(seen.end.code, ErrorCode::cancel);
    EXPECT_FALSE(wire.client.seen.of(1).closed);  // who resets is not called back
    wire.server.session->release(*seen.stream);
}

TEST(H2Session, RefusedStreamsMayBeSentAgain) {
    Wire wire;
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->reset(stream, ErrorCode::refused_stream);
    };
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_TRUE(wire.client.seen.of(1).end.safe_to_retry());
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->reset(stream, ErrorCode::internal_error);
    };
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_FALSE(wire.client.seen.of(3).end.safe_to_retry());
}

TEST(H2Session, ReceivedBodyOutlivesTheStream) {
    Wire wire;
    wire.client.seen.hold = true;
    wire.client.seen.release = false;
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->respond(stream, ResponseFields(), false);
        wire.server.session->send(stream, "still here", true);
    };
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    const Seen& seen = wire.client.seen.of(1);
    ASSERT_TRUE(seen.closed);
    EXPECT_EQ(seen.stream->received(), "still here");
    wire.client.session->consume(*seen.stream, 10);
    wire.client.session->release(*seen.stream);
}

TEST(H2Session, ExtendedConnectIsATunnel) {
    Wire wire;
    Recorder& server = wire.server.seen;
    server.when_head = [&](Stream& stream) {
        const RequestHead& head = server.of(stream.id()).request;
        EXPECT_TRUE(head.extended_connect);
        EXPECT_TRUE(head.has_upgrade);
        EXPECT_EQ(head.method, Method::get);
        EXPECT_EQ(head.upgrade, "websocket");
        EXPECT_EQ(head.path, "/chat");
        wire.server.session->respond(stream, ResponseFields(), false);
        wire.server.session->send(stream, "hello", false);
    };
    wire.run();
    EXPECT_TRUE(wire.client.session->peer_takes_extended_connect());
    FieldList fields;
    fields.add(":method", "CONNECT");
    fields.add(":protocol", "websocket");
    fields.add(":scheme", "https");
    fields.add(":authority", "a.example");
    fields.add(":path", "/chat");
    Stream* const stream = wire.client.session->request(fields, false, nullptr);
    wire.run();
    wire.client.session->send(*stream, "frame", false);
    wire.run();
    EXPECT_EQ(server.of(1).body, "frame");
    EXPECT_EQ(wire.client.seen.of(1).body, "hello");
    // The server ends its side; the client's may go on.
    wire.server.session->send(*server.of(1).stream, "bye", true);
    wire.run();
    EXPECT_FALSE(wire.client.seen.of(1).closed);
    EXPECT_TRUE(wire.client.seen.of(1).ended);
    wire.client.session->send(*stream, "end", true);
    wire.run();
    EXPECT_EQ(server.of(1).body, "frameend");
    EXPECT_TRUE(wire.client.seen.of(1).closed);
}

TEST(H2Session, UpgradeFromHttp11) {
    Wire wire;
    const std::string settings = Session::upgrade_settings({});
    wire.server.seen.release = wire.client.seen.release = false;
    Stream* const server = wire.server.session->adopt_upgrade(settings, Method::get, nullptr);
    Stream* const client = wire.client.session->adopt_upgrade(settings, Method::get, nullptr);
    ASSERT_NE(server, nullptr);
    ASSERT_NE(client, nullptr);
    EXPECT_TRUE(server->ended());
    wire.server.session->respond(*server, ResponseFields(), false);
    wire.server.session->send(*server, "upgraded", true);
    wire.run();
    EXPECT_EQ(wire.client.seen.of(1).response.status, 200);
    EXPECT_EQ(wire.client.seen.of(1).body, "upgraded");
    EXPECT_TRUE(wire.client.seen.of(1).closed);
    EXPECT_TRUE(wire.server.seen.of(1).closed);
    Stream* const next = wire.client.session->request(RequestFields(), true, nullptr);
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->id(), 3);
    for (const std::string_view bad : {"", "!", "A", "AAAA", "AAMAAABkAAQ"}) {
        Peer peer(Role::server);
        Stream* const stream = peer.session->adopt_upgrade(bad, Method::get, nullptr);
        EXPECT_EQ(stream == nullptr, !bad.empty()) << bad;  // no settings are settings
    }
}

TEST(H2Session, KnowsWhoAsksForAnUpgrade) {
    const auto settings = [](std::string_view fields) {
        const std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
        const RequestOutcome in = parse_request(bytes);
        EXPECT_EQ(in.result.state, ParseState::complete) << fields;
        const std::string_view value = asks_for_h2c(in.head);
        return value.data() == nullptr ? std::string("no") : std::string(value);
    };
    const std::string ask = "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    EXPECT_EQ(settings(ask + "Connection: Upgrade, HTTP2-Settings\r\n"), "AAMAAABk");
    EXPECT_EQ(settings(ask + "Connection: http2-settings\r\nConnection: upgrade\r\n"), "AAMAAABk");
    EXPECT_EQ(settings(ask + "Connection: Upgrade\r\n"), "no");
    EXPECT_EQ(settings(ask + "Connection: HTTP2-Settings\r\n"), "no");
    EXPECT_EQ(settings(ask + ask + "Connection: Upgrade, HTTP2-Settings\r\n"), "no");
    EXPECT_EQ(settings(ask + "Connection: Upgrade, HTTP2-Settings\r\nContent-Length: 1\r\n"), "no");
    EXPECT_EQ(settings("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"), "no");
    EXPECT_EQ(settings("Upgrade: websocket\r\nHTTP2-Settings: AAMAAABk\r\n"
                       "Connection: Upgrade, HTTP2-Settings\r\n"),
              "no");
}

// What Python's h2 sends: four requests, with bodies, crumbs of cookies and trailers.
TEST(H2Session, UnderstandsAnotherImplementation) {
    std::ifstream in(GLASSGATE_SOURCE_DIR "/fuzz/corpus/h2_server/python_h2_requests",
                     std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    ASSERT_FALSE(bytes.empty());
    Peer server(Role::server);
    server.seen.when_end = server.seen.when_head = [&](Stream& stream) {
        if (stream.ended()) server.session->respond(stream, ResponseFields("204"), true);
    };
    EXPECT_TRUE(server.feed(kPreface));
    EXPECT_TRUE(server.feed(bytes));
    (void)server.output();
    std::string body;
    for (int i = 0; i < 20; ++i) body += "hello";
    for (int i = 0; i < 4; ++i) {
        const Seen& seen = server.seen.of(2 * i + 1);
        EXPECT_EQ(seen.error, ParseError::none);
        EXPECT_EQ(seen.request.path, "/api/" + std::to_string(i));
        EXPECT_EQ(find(seen.request.headers, KnownHeader::cookie), "a=1; b=2");
        EXPECT_TRUE(seen.closed);
    }
    EXPECT_EQ(server.seen.of(3).body, body);
    EXPECT_EQ(server.seen.of(3).trailers, "x-sum: 17\r\n");
    EXPECT_EQ(server.seen.of(7).body, std::string(300, 'x'));
}

TEST(H2Session, LargeHeadsUseContinuation) {
    Wire wire;
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->respond(stream, ResponseFields("200"), true);
    };
    RequestFields fields;
    const std::string value(20000, 'v');
    fields.add("x-large", value);
    fields.add("x-larger", value);
    ASSERT_NE(wire.client.session->request(fields, true, nullptr), nullptr);
    wire.run();
    EXPECT_EQ(find(wire.server.seen.of(1).request.headers, "x-larger"), value);
    EXPECT_EQ(wire.client.seen.of(1).response.status, 200);
}

TEST(H2Session, NamesAreSentInLowerCase) {
    Peer client(Role::client);
    Wire wire;
    RequestFields fields;
    fields.add("X-Mixed-Case", " padded\t");
    ASSERT_NE(wire.client.session->request(fields, true, nullptr), nullptr);
    wire.run();
    EXPECT_EQ(wire.server.seen.of(1).error, ParseError::none);
    EXPECT_EQ(find(wire.server.seen.of(1).request.headers, "x-mixed-case"), "padded");
}

TEST(H2Session, SteadyStateTakesNothingFromTheHeap) {
    Wire wire;
    wire.server.seen.when_head = [&](Stream& stream) {
        wire.server.session->respond(stream, ResponseFields(), false);
        wire.server.session->send(stream, "body", true);
    };
    const auto exchange = [&] {
        ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
        wire.run();
    };
    for (int i = 0; i < 10; ++i) exchange();
    const uint64_t blocks = wire.server.context.memory().in_use();
    [[maybe_unused]] const uint64_t before = wire.server.context.memory().heap_allocations();
    for (int i = 0; i < 100; ++i) exchange();
    EXPECT_EQ(wire.server.context.memory().in_use(), blocks);
#ifndef __SANITIZE_ADDRESS__
    EXPECT_EQ(wire.server.context.memory().heap_allocations(), before);
#endif
}

}  // namespace
}  // namespace glassgate::http::h2
