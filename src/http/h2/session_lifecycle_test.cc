// Connections that end: drained, given up, lost; deadlines and signs of life.
#include <gtest/gtest.h>

#include "http/h2/test_peer.h"

namespace glassgate::http::h2 {
namespace {

TEST(H2Lifecycle, AServerDrainsInTwoSteps) {
    Wire wire;
    Recorder& server = wire.server.seen;
    server.release = false;
    Session& client = *wire.client.session;
    ASSERT_NE(client.request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    wire.server.session->drain();
    EXPECT_TRUE(wire.server.session->draining());
    const std::string first = wire.server.output();
    // A request that is under way while the client has not yet heard of it is still taken.
    ASSERT_NE(client.request(RequestFields(), true, nullptr), nullptr);
    Wire::carry(wire.client.output(), wire.server, SIZE_MAX);
    EXPECT_NE(server.of(3).stream, nullptr);
    Wire::carry(first, wire.client, SIZE_MAX);
    EXPECT_FALSE(client.can_request());
    EXPECT_EQ(wire.client.seen.goaway_last, 0x7fffffff);
    wire.run();  // the PING comes back, and the second GOAWAY goes out
    ASSERT_EQ(wire.client.seen.goaways.size(), 2u);
    EXPECT_EQ(wire.client.seen.goaways[1], ErrorCode::no_error);
    EXPECT_EQ(wire.client.seen.goaway_last, 3);
    EXPECT_FALSE(wire.server.session->finished());
    for (const StreamId id : {1, 3}) {
        wire.server.session->respond(*server.of(id).stream, ResponseFields("204"), true);
        wire.run();
    }
    EXPECT_EQ(wire.client.seen.of(3).response.status, 204);
    EXPECT_TRUE(wire.server.session->finished());
    EXPECT_TRUE(wire.client.session->finished());
    EXPECT_EQ(wire.server.session->violation(), Violation::none);
}

TEST(H2Lifecycle, DrainingCanBeCutShort) {
    Wire wire;
    wire.run();
    wire.server.session->drain();
    wire.server.session->finish_drain();
    const auto frames = frames_of(wire.server.output());
    int goaways = 0;
    for (const RawFrame& f : frames) goaways += f.type == FrameType::goaway ? 1 : 0;
    EXPECT_EQ(goaways, 2);
    EXPECT_TRUE(wire.server.session->finished());
}

TEST(H2Lifecycle, StreamsBehindAGoawayMayBeSentAgain) {
    Peer client(Role::client);
    EXPECT_TRUE(client.feed(settings_frame()));
    for (int i = 0; i < 3; ++i)
        ASSERT_NE(client.session->request(RequestFields("POST"), true, nullptr), nullptr);
    (void)client.output();
    EXPECT_TRUE(client.feed(frame(FrameType::goaway, 0, 0, u32(1) + u32(0))));
    EXPECT_FALSE(client.seen.of(1).closed);
    for (const StreamId id : {3, 5}) {
        EXPECT_TRUE(client.seen.of(id).closed);
        EXPECT_TRUE(client.seen.of(id).end.safe_to_retry());
        EXPECT_EQ(client.seen.of(id).end.by, StreamEnd::By::connection);
    }
    EXPECT_FALSE(client.session->can_request());
    EXPECT_TRUE(client.session->peer_is_leaving());
    EXPECT_TRUE(client.feed(headers_frame(1, {{":status", "200"}})));
    EXPECT_EQ(client.seen.of(1).response.status, 200);
    EXPECT_TRUE(client.session->finished());
}

TEST(H2Lifecycle, ALostConnectionClosesItsStreams) {
    Wire wire;
    for (int i = 0; i < 5; ++i)
        ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    wire.client.session->lost();
    for (int i = 0; i < 5; ++i) {
        const Seen& seen = wire.client.seen.of(2 * i + 1);
        EXPECT_TRUE(seen.closed);
        EXPECT_EQ(seen.end.by, StreamEnd::By::connection);
        EXPECT_FALSE(seen.end.safe_to_retry());
    }
    EXPECT_TRUE(wire.client.session->finished());
    EXPECT_FALSE(wire.client.session->can_request());
    EXPECT_EQ(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    EXPECT_EQ(wire.client.output(), "");
}

TEST(H2Lifecycle, ClosingSaysWhy) {
    Wire wire;
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    wire.server.session->close(ErrorCode::enhance_your_calm, "enough");
    EXPECT_TRUE(wire.server.seen.of(1).closed);
    wire.run();
    ASSERT_EQ(wire.client.seen.goaways.size(), 1u);
    EXPECT_EQ(wire.client.seen.goaways[0], ErrorCode::enhance_your_calm);
    EXPECT_TRUE(wire.server.session->finished());
}

TEST(H2Lifecycle, ClosingInsideACall) {
    Wire wire;
    wire.server.seen.when_head = [&](Stream&) {
        wire.server.session->close(ErrorCode::internal_error, "inside");
    };
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_TRUE(wire.server.seen.of(1).closed);
    EXPECT_EQ(wire.server.session->streams_opened(), 1u);
    EXPECT_EQ(wire.client.seen.goaways.size(), 1u);
}

TEST(H2Lifecycle, ReleasingInsideACall) {
    Wire wire;
    wire.server.seen.when_head = [&](Stream& stream) { wire.server.session->release(stream); };
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_EQ(wire.client.seen.of(1).end.code, ErrorCode::cancel);
    EXPECT_EQ(wire.server.session->open_streams(), 0u);
}

TEST(H2Lifecycle, ARequestCanBeGivenUpBeforeItIsSent) {
    Wire wire;
    wire.run();
    Stream* const stream = wire.client.session->request(RequestFields(), false, nullptr);
    ASSERT_NE(stream, nullptr);
    wire.client.session->send(*stream, "abc", true);
    wire.client.session->release(*stream);
    wire.run();
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_EQ(wire.server.seen.streams.size(), 1u);
}

TEST(H2Lifecycle, PingsAreAnswered) {
    Wire wire;
    wire.run();
    Session& client = *wire.client.session;
    client.ping(kTestNow);
    EXPECT_EQ(client.deadline_ns(), kTestNow + 20 * kNsPerSecond);
    wire.run();
    EXPECT_EQ(wire.client.seen.pongs, 1u);
    EXPECT_EQ(client.deadline_ns(), UINT64_MAX);
}

TEST(H2Lifecycle, SilenceEndsTheConnection) {
    Wire wire;
    ASSERT_NE(wire.client.session->request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    Session& client = *wire.client.session;
    client.ping(kTestNow);
    (void)wire.client.output();
    client.tick(kTestNow + 19 * kNsPerSecond);
    EXPECT_FALSE(wire.client.seen.of(1).closed);
    client.tick(kTestNow + 20 * kNsPerSecond);
    EXPECT_EQ(client.violation(), Violation::ping_timeout);
    EXPECT_TRUE(wire.client.seen.of(1).closed);
}

TEST(H2Lifecycle, SettingsMustBeAcknowledged) {
    Peer server(Role::server);
    EXPECT_TRUE(server.feed(client_start()));
    EXPECT_EQ(server.session->deadline_ns(), kTestNow + 10 * kNsPerSecond);
    server.session->tick(kTestNow + 10 * kNsPerSecond);
    EXPECT_EQ(server.session->violation(), Violation::settings_timeout);
    const auto frames = frames_of(server.output());
    const RawFrame* goaway = find_frame(frames, FrameType::goaway, 0);
    ASSERT_NE(goaway, nullptr);
    EXPECT_EQ(goaway->code(), static_cast<uint32_t>(ErrorCode::settings_timeout));
}

TEST(H2Lifecycle, AHeaderBlockMustEnd) {
    Peer server(Role::server);
    EXPECT_TRUE(server.feed(client_start() + frame(FrameType::settings, kAck, 0)));
    EXPECT_EQ(server.session->deadline_ns(), UINT64_MAX);
    const std::string whole = headers_frame(1, get_fields());
    EXPECT_TRUE(server.feed(whole.substr(0, whole.size() - 1)));
    EXPECT_EQ(server.session->deadline_ns(), kTestNow + 10 * kNsPerSecond);
    server.session->tick(kTestNow + 10 * kNsPerSecond);
    EXPECT_EQ(server.session->violation(), Violation::header_timeout);
    Peer other(Role::server);
    EXPECT_TRUE(other.feed(client_start() + frame(FrameType::settings, kAck, 0) + whole));
    EXPECT_EQ(other.session->deadline_ns(), UINT64_MAX);
}

TEST(H2Lifecycle, AnnouncesItsLimits) {
    Limits limits;
    limits.max_streams = 7;
    limits.head.head_bytes = 9999;
    Peer server(Role::server, limits);
    const auto frames = frames_of(server.output());
    const RawFrame* settings = find_frame(frames, FrameType::settings, 0);
    ASSERT_NE(settings, nullptr);
    const auto announced = [&](uint16_t id) -> int64_t {
        for (std::size_t i = 0; i + 6 <= settings->payload.size(); i += 6) {
            const auto byte = [&](std::size_t k) {
                return static_cast<uint8_t>(settings->payload[i + k]);
            };
            if ((byte(0) << 8 | byte(1)) == id)
                return int64_t{byte(2)} << 24 | byte(3) << 16 | byte(4) << 8 | byte(5);
        }
        return -1;
    };
    EXPECT_EQ(announced(3), 7);
    EXPECT_EQ(announced(4), 65535);
    EXPECT_EQ(announced(6), 9999);
    EXPECT_EQ(announced(8), 1);
    EXPECT_EQ(announced(9), 1);
}

TEST(H2Lifecycle, AClientTakesNoPushes) {
    Peer client(Role::client);
    EXPECT_TRUE(client.output().starts_with(kPreface));
    EXPECT_TRUE(client.feed(settings_frame()));
    ASSERT_NE(client.session->request(RequestFields(), true, nullptr), nullptr);
    (void)client.output();
    (void)client.feed(frame(FrameType::settings, kAck, 0) +
                      frame(FrameType::push_promise, kEndHeaders, 1, u32(2) + block(get_fields())));
    (void)client.output();
    EXPECT_EQ(client.session->violation(), Violation::protocol);
    EXPECT_TRUE(client.seen.of(1).closed);
}

TEST(H2Lifecycle, ThePeersStreamLimitIsKept) {
    Limits limits;
    limits.max_streams = 2;
    Wire wire(limits);
    Session& client = *wire.client.session;
    wire.run();
    ASSERT_NE(client.request(RequestFields(), true, nullptr), nullptr);
    ASSERT_NE(client.request(RequestFields(), true, nullptr), nullptr);
    EXPECT_EQ(client.request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    wire.server.session->respond(*wire.server.seen.of(1).stream, ResponseFields("204"), true);
    wire.run();
    EXPECT_TRUE(client.can_request());
    EXPECT_EQ(wire.client.seen.settings, 1u);
}

TEST(H2Lifecycle, PoolsGiveBackWhatSessionsTook) {
    io::BufferPool buffers;
    Context context(buffers);
    Recorder recorder;
    for (int i = 0; i < 3; ++i) {
        Session session(context, Role::server, {}, recorder, kTestNow);
        recorder.session = &session;
        recorder.hold = true;
        (void)session.feed(client_start() + headers_frame(1, get_fields(), false) +
                               frame(FrameType::data, 0, 1, "left unread"),
                           kTestNow);
        EXPECT_GT(context.memory().in_use(), 0u);
    }
    EXPECT_EQ(context.memory().in_use(), 0u);
}

}  // namespace
}  // namespace glassgate::http::h2
