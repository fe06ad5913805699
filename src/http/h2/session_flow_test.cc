// Flow control: who does not read stops who sends, alone; and what a connection can make us keep is
// bounded.
#include <gtest/gtest.h>

#include "http/h2/test_peer.h"

namespace glassgate::http::h2 {
namespace {

TEST(H2Flow, AnUnreadStreamStopsItsSenderAndNobodyElse) {
    Wire wire;
    Recorder& server = wire.server.seen;
    server.hold = true;
    server.when_head = [&](Stream& stream) {
        if (server.of(stream.id()).request.method == Method::get)
            wire.server.session->respond(stream, ResponseFields("204"), true);
    };
    const std::string body(1 << 20, 'x');
    Session& client = *wire.client.session;
    Stream* const slow = client.request(RequestFields("POST"), false, nullptr);
    client.send(*slow, body, true);
    wire.run();
    const Limits limits;
    EXPECT_EQ(server.of(1).stream->unread_bytes(), limits.stream_window_bytes);
    EXPECT_TRUE(slow->sending());
    ASSERT_NE(client.request(RequestFields(), true, nullptr), nullptr);
    wire.run();
    EXPECT_EQ(wire.client.seen.of(3).response.status, 204);
    // Half of it read opens the window by as much.
    Stream& stream = *server.of(1).stream;
    std::size_t read = 0;
    while (read < 40000) {
        const std::size_t n = std::min<std::size_t>(stream.received().size(), 40000 - read);
        wire.server.session->consume(stream, n);
        read += n;
    }
    wire.run();
    EXPECT_EQ(stream.received_bytes(), limits.stream_window_bytes + 40000);
    EXPECT_EQ(stream.unread_bytes(), limits.stream_window_bytes);
    // And the rest goes through once somebody reads.
    server.hold = false;
    server.take(stream);
    wire.run();
    EXPECT_TRUE(server.of(1).ended);
    EXPECT_EQ(stream.received_bytes(), body.size());
}

TEST(H2Flow, SlowReadersHoldUpNobodyWhateverTheirNumber) {
    Limits limits;
    limits.max_streams = 20;
    Wire wire(limits);
    Recorder& server = wire.server.seen;
    server.hold = true;
    wire.run();
    const std::string body(200000, 'x');
    Session& client = *wire.client.session;
    for (int i = 0; i < 19; ++i)
        client.send(*client.request(RequestFields("POST"), false, nullptr), body, true);
    wire.run();
    std::size_t kept = 0;
    for (const auto& [id, seen] : server.streams) kept += seen->stream->unread_bytes();
    EXPECT_EQ(kept, 19u * 65535);
    server.hold = false;
    client.send(*client.request(RequestFields("POST"), false, nullptr), body, true);
    wire.run();
    EXPECT_TRUE(server.of(39).body == body);
}

TEST(H2Flow, WhatIsNotWantedIsGivenBackToTheConnection) {
    Limits limits;
    limits.connection_window_bytes = 65535;
    Wire wire(limits);
    Recorder& server = wire.server.seen;
    server.when_head = [&](Stream& stream) {
        wire.server.session->discard(stream, ErrorCode::no_error);
    };
    const std::string body(60000, 'x');
    Session& client = *wire.client.session;
    for (int i = 0; i < 5; ++i) {
        Stream* const stream = client.request(RequestFields("POST"), false, nullptr);
        ASSERT_NE(stream, nullptr);
        client.send(*stream, body, true);
        wire.run();
        EXPECT_TRUE(server.of(stream->id()).ended) << i;
    }
}

TEST(H2Flow, AStreamThatIsGivenUpUnreadIsGivenBackToo) {
    Limits limits;
    limits.connection_window_bytes = 65535;
    Wire wire(limits);
    Recorder& server = wire.server.seen;
    server.hold = true;
    const std::string body(60000, 'x');
    Session& client = *wire.client.session;
    for (int i = 0; i < 5; ++i) {
        Stream* const stream = client.request(RequestFields("POST"), false, nullptr);
        const StreamId id = stream->id();
        client.send(*stream, body, true);
        wire.run();
        ASSERT_TRUE(server.of(id).ended) << i;
        wire.server.session->reset(*server.of(id).stream, ErrorCode::cancel);
        wire.server.session->release(*server.of(id).stream);
        wire.run();
    }
}

TEST(H2Flow, SendsNoMoreThanTheWindowAllows) {
    Peer server(Role::server);
    const std::string body(100000, 'x');
    server.seen.when_head = [&](Stream& stream) {
        server.session->respond(stream, ResponseFields(), false);
        server.session->send(stream, body, true);
    };
    const auto settings = frame(FrameType::settings, 0, 0, std::string("\0\x04", 2) + u32(1000));
    EXPECT_TRUE(server.feed(std::string(kPreface) + settings + headers_frame(1, get_fields())));
    const auto data_bytes = [&] {
        std::size_t bytes = 0;
        for (const RawFrame& f : frames_of(server.output()))
            if (f.type == FrameType::data) bytes += f.payload.size();
        return bytes;
    };
    EXPECT_EQ(data_bytes(), 1000u);
    EXPECT_FALSE(server.session->wants_to_write());
    EXPECT_TRUE(server.feed(frame(FrameType::window_update, 0, 1, u32(500))));
    EXPECT_EQ(data_bytes(), 500u);
    EXPECT_TRUE(server.feed(frame(FrameType::window_update, 0, 1, u32(1 << 20))));
    EXPECT_EQ(data_bytes(), 65535u - 1500);  // the connection's
    EXPECT_TRUE(server.feed(frame(FrameType::window_update, 0, 0, u32(1 << 20))));
    EXPECT_EQ(data_bytes(), body.size() - 65535);
}

TEST(H2Flow, AStreamThatTakesNothingIsGivenUp) {
    Limits limits;
    limits.stall_timeout_ns = 5 * kNsPerSecond;
    Peer server(Role::server, limits);
    const std::string body(1000, 'x');
    server.seen.when_head = [&](Stream& stream) {
        server.session->respond(stream, ResponseFields(), false);
        server.session->send(stream, body, true);
    };
    const auto settings = frame(FrameType::settings, 0, 0, std::string("\0\x04", 2) + u32(0));
    EXPECT_TRUE(server.feed(std::string(kPreface) + settings + frame(FrameType::settings, kAck, 0) +
                            headers_frame(1, get_fields())));
    (void)server.output();
    EXPECT_EQ(server.session->deadline_ns(), kTestNow + 5 * kNsPerSecond);
    server.session->tick(kTestNow + 5 * kNsPerSecond - 1);
    EXPECT_FALSE(server.seen.of(1).closed);
    server.session->tick(kTestNow + 5 * kNsPerSecond);
    EXPECT_TRUE(server.seen.of(1).closed);
    EXPECT_EQ(server.seen.of(1).end.violation, Violation::window_stall);
    const auto frames = frames_of(server.output());
    const RawFrame* reset = find_frame(frames, FrameType::rst_stream, 1);
    ASSERT_NE(reset, nullptr);
    EXPECT_EQ(reset->code(), static_cast<uint32_t>(ErrorCode::enhance_your_calm));
    EXPECT_EQ(server.session->violation(), Violation::none);
    EXPECT_EQ(server.session->deadline_ns(), UINT64_MAX);
}

TEST(H2Flow, WhatReceivedShowsStaysWhereItIs) {
    io::BufferPool pool;
    BodyQueue queue(pool);
    EXPECT_TRUE(queue.front().empty());
    std::string all;
    const auto append = [&](std::size_t bytes) {
        std::string piece(bytes, '\0');
        for (char& c : piece) c = static_cast<char>(all.size() + (&c - piece.data()) * 7);
        queue.append(piece);
        all += piece;
    };
    append(100);
    const std::string_view lent = queue.front();
    append(50000);
    EXPECT_EQ(queue.front().data(), lent.data());
    EXPECT_EQ(queue.front().substr(0, 100), std::string_view(all).substr(0, 100));
    std::string back;
    while (!queue.empty()) {
        const std::size_t n = std::min<std::size_t>(queue.front().size(), 777);
        back.append(queue.front().substr(0, n));
        queue.consume(n);
    }
    EXPECT_EQ(back, all);
    EXPECT_EQ(queue.size(), 0u);
    append(60000);
    queue.consume(60000);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace glassgate::http::h2
