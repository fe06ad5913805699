// What a hostile peer can try, by frames made by hand, and the defence that each meets.
#include <gtest/gtest.h>

#include <set>

#include "http/h2/test_peer.h"

namespace glassgate::http::h2 {
namespace {

// A server that answers every request with 204, and how it ends.
struct Target : Peer {
    explicit Target(const Limits& limits = {}, bool answers = true) : Peer(Role::server, limits) {
        if (answers)
            seen.when_head = [this](Stream& stream) {
                session->respond(stream, ResponseFields("204"), true);
            };
        EXPECT_TRUE(feed(client_start() + frame(FrameType::settings, kAck, 0)));
        (void)output();
    }
    // Feeds make(0), make(1), ... until the connection is given up; how many it took.
    template <typename Make>
    int flood(Make&& make, int most = 20000, uint64_t step_ns = 0) {
        for (int i = 0; i < most; ++i) {
            now_ns += step_ns;
            if (!feed(make(i))) {
                last = frames_of(output());
                return i + 1;
            }
            last = frames_of(output());
            if (session->finished()) return i + 1;
        }
        return most;
    }
    std::vector<RawFrame> last;
    // The GOAWAY that ended it says so.
    void expect_given_up(Violation violation) {
        EXPECT_EQ(session->violation(), violation) << to_text(session->violation());
        const RawFrame* goaway = find_frame(last, FrameType::goaway, 0);
        ASSERT_NE(goaway, nullptr);
        EXPECT_EQ(goaway->code(), static_cast<uint32_t>(info(violation).code));
        EXPECT_TRUE(session->finished());
        EXPECT_FALSE(feed("x"));
        EXPECT_EQ(session->open_streams(), 0u);
        for (const auto& [id, s] : seen.streams) EXPECT_TRUE(s->closed || s->stream == nullptr);
    }
};
uint32_t odd(int i) { return static_cast<uint32_t>(2 * i + 1); }
std::string rst(uint32_t stream, ErrorCode code = ErrorCode::cancel) {
    return frame(FrameType::rst_stream, 0, stream, u32(static_cast<uint32_t>(code)));
}

TEST(H2Attack, RapidReset) {
    Target target({}, false);
    const int took =
        target.flood([](int i) { return headers_frame(odd(i), get_fields()) + rst(odd(i)); });
    EXPECT_EQ(took, 501);
    target.expect_given_up(Violation::rapid_reset);
}

TEST(H2Attack, RapidResetInOneRead) {
    Target target({}, false);
    std::string all;
    for (int i = 0; i < 2000; ++i) all += headers_frame(odd(i), get_fields()) + rst(odd(i));
    EXPECT_FALSE(target.feed(all));
    target.last = frames_of(target.output());
    EXPECT_EQ(target.session->streams_opened(), 501u);  // the rest was not even looked at
    target.expect_given_up(Violation::rapid_reset);
}

TEST(H2Attack, ResetsBroughtAbout) {  // CVE-2025-8671
    Target target({}, false);
    const int took = target.flood([](int i) {
        return headers_frame(odd(i), get_fields(), false) +
               frame(FrameType::window_update, 0, odd(i), u32(0x7fffffff));
    });
    EXPECT_LE(took, 502);
    target.expect_given_up(Violation::rapid_reset);
}

TEST(H2Attack, OverlongBodiesCountAsResets) {
    Target target({}, false);
    Pairs fields = get_fields();
    fields.emplace_back("content-length", "1");
    const int took = target.flood([&](int i) {
        return headers_frame(odd(i), fields, false) + frame(FrameType::data, 0, odd(i), "12");
    });
    EXPECT_LE(took, 502);
    target.expect_given_up(Violation::rapid_reset);
}

TEST(H2Attack, ClientsThatCancelNowAndThenAreWelcome) {
    Target target;
    // One in four is cancelled before the answer is out.
    const int took = target.flood(
        [](int i) {
            std::string out = headers_frame(odd(i), get_fields());
            if (i % 4 == 0) out += rst(odd(i));
            return out;
        },
        5000);
    EXPECT_EQ(took, 5000);
    EXPECT_EQ(target.session->violation(), Violation::none);
    // Many at once, as when a page is left, but rarely.
    Target leaving({}, false);
    const int left = leaving.flood(
        [](int i) {
            std::string out;
            for (int k = 100 * i; k < 100 * i + 100; ++k)
                out += headers_frame(odd(k), get_fields());
            for (int k = 100 * i; k < 100 * i + 100; ++k) out += rst(odd(k));
            return out;
        },
        50, 4 * kNsPerSecond);
    EXPECT_EQ(left, 50);
    EXPECT_EQ(leaving.session->violation(), Violation::none);
}

TEST(H2Attack, LateCancelsAreNoAttack) {
    Limits limits;
    limits.resets_per_second = 0;
    Target target(limits, false);
    const int took = target.flood(
        [](int i) { return headers_frame(odd(i), get_fields()) + (i > 0 ? rst(odd(i - 1)) : ""); },
        2000, kNsPerSecond);
    EXPECT_EQ(took, 2000);
}

TEST(H2Attack, ContinuationFlood) {
    Target target;
    std::string all = frame(FrameType::headers, kEndStream, 1, block(get_fields()));
    for (int i = 0; i < 100; ++i)
        all += frame(FrameType::continuation, 0, 1, hpack_literal("x", "y"));
    EXPECT_FALSE(target.feed(all));
    target.last = frames_of(target.output());
    target.expect_given_up(Violation::continuation_flood);
}

TEST(H2Attack, ContinuationFloodOnAClosedStream) {
    Target target;
    EXPECT_TRUE(target.feed(headers_frame(1, get_fields(), false) + rst(1)));
    std::string all = frame(FrameType::headers, 0, 1, block({{"x", "y"}}));
    for (int i = 0; i < 100; ++i)
        all += frame(FrameType::continuation, 0, 1, hpack_literal("x", "y"));
    EXPECT_FALSE(target.feed(all));
    EXPECT_EQ(target.session->violation(), Violation::continuation_flood);
}

TEST(H2Attack, SettingsFlood) {
    Target target;
    EXPECT_EQ(target.flood([](int) { return settings_frame(); }), 100);
    target.expect_given_up(Violation::settings_flood);
    Target slow;
    EXPECT_EQ(slow.flood([](int) { return settings_frame(); }, 1000, kNsPerSecond / 5), 1000);
}

TEST(H2Attack, PingFlood) {
    Target target;
    const std::string ping = frame(FrameType::ping, 0, 0, "12345678");
    EXPECT_EQ(target.flood([&](int) { return ping; }), 1001);
    target.expect_given_up(Violation::ping_flood);
    Target used({}, false);  // gRPC: a PING for each DATA frame
    EXPECT_TRUE(used.feed(headers_frame(1, get_fields(), false)));
    EXPECT_EQ(used.flood([&](int) { return ping + frame(FrameType::data, 0, 1, "x"); }, 5000),
              5000);
}

TEST(H2Attack, PriorityFlood) {
    Target target;
    const std::string priority = frame(FrameType::priority, 0, 1, u32(0) + "\x10");
    EXPECT_EQ(target.flood([&](int) { return priority; }), 101);
    target.expect_given_up(Violation::priority_flood);
}

TEST(H2Attack, WindowUpdateFlood) {
    Target target;
    const std::string one = frame(FrameType::window_update, 0, 0, u32(1));
    EXPECT_EQ(target.flood([&](int) { return one; }), 6);
    target.expect_given_up(Violation::window_update_flood);
}

TEST(H2Attack, AClientThatOpensWindowsForWhatItGetsIsWelcome) {
    Target target({}, false);
    const std::string body(1 << 20, 'x');
    target.seen.when_head = [&](Stream& stream) {
        target.session->respond(stream, ResponseFields(), false);
        target.session->send(stream, body, true);
    };
    EXPECT_TRUE(target.feed(headers_frame(1, get_fields())));
    std::size_t got = 0;
    for (int i = 0; i < 1000 && got < body.size(); ++i) {
        std::size_t fresh = 0;
        for (const RawFrame& f : frames_of(target.output()))
            if (f.type == FrameType::data) fresh += f.payload.size();
        got += fresh;
        const std::string window = u32(static_cast<uint32_t>(fresh));
        if (fresh == 0) break;
        EXPECT_TRUE(target.feed(frame(FrameType::window_update, 0, 0, window) +
                                frame(FrameType::window_update, 0, 1, window)));
    }
    EXPECT_EQ(got, body.size());
    EXPECT_EQ(target.session->violation(), Violation::none);
}

TEST(H2Attack, EmptyFrames) {
    Target target({}, false);
    EXPECT_TRUE(target.feed(headers_frame(1, get_fields(), false)));
    EXPECT_EQ(target.flood([](int) { return frame(FrameType::data, 0, 1); }), 11);
    target.expect_given_up(Violation::empty_frame_flood);
    Target headers;
    EXPECT_TRUE(headers.feed(frame(FrameType::headers, 0, 1)));
    EXPECT_EQ(headers.flood([](int) { return frame(FrameType::continuation, 0, 1); }), 9);
    EXPECT_EQ(headers.session->violation(), Violation::continuation_flood);
    Limits limits;
    limits.continuations = 0;
    Target unlimited(limits);
    EXPECT_TRUE(unlimited.feed(frame(FrameType::headers, 0, 1)));
    EXPECT_EQ(unlimited.flood([](int) { return frame(FrameType::continuation, 0, 1); }), 10);
    unlimited.expect_given_up(Violation::empty_frame_flood);
}

TEST(H2Attack, UnknownFramesAreOverhead) {
    Target target;
    const std::string unknown = frame(static_cast<FrameType>(0xf0), 0, 0, std::string(8000, 'x'));
    const int took = target.flood([&](int) { return unknown; });
    EXPECT_NEAR(took, 8 * (1 << 20) / 8009, 2);
    target.expect_given_up(Violation::overhead_flood);
    Target update;  // RFC 9218's frame is one that is not known here
    const std::string priority =
        frame(FrameType::priority_update, 0, 0, u32(1) + std::string(1000, ' '));
    update.flood([&](int) { return priority; });
    update.expect_given_up(Violation::overhead_flood);
}

// Entries of the dynamic table, named over and over: a few bytes that decode to much.
TEST(H2Attack, HpackBomb) {
    Target target;
    std::string fields = block(get_fields());
    fields += '\x40';  // literal with incremental indexing, new name
    fields += hpack_number(1, 7) + "x" + hpack_number(4000, 7) + std::string(4000, 'b');
    fields.append(10000, '\xbe');  // indexed: the newest entry
    EXPECT_FALSE(target.feed(frame(FrameType::headers, kEndHeaders | kEndStream, 1, fields)));
    target.last = frames_of(target.output());
    target.expect_given_up(Violation::header_bomb);
}

TEST(H2Attack, AHeadThatIsTooLargeIsNoBomb) {
    Target target;
    std::string fields = block(get_fields());
    fields += '\x40';
    fields += hpack_number(1, 7) + "x" + hpack_number(4000, 7) + std::string(4000, 'b');
    fields.append(50, '\xbe');
    EXPECT_TRUE(target.feed(frame(FrameType::headers, kEndHeaders | kEndStream, 1, fields)));
    EXPECT_EQ(target.seen.of(1).error, ParseError::head_too_large);
    EXPECT_EQ(target.session->violation(), Violation::none);
}

TEST(H2Attack, StreamsBeyondTheLimit) {
    Limits limits;
    limits.max_streams = 10;
    Target known(limits, false);  // who has acknowledged the limit breaks it at once
    EXPECT_EQ(known.flood([](int i) { return headers_frame(odd(i), get_fields()); }), 11);
    EXPECT_EQ(known.session->violation(), Violation::stream_limit);
    // Who has not is told for each stream, up to a point.
    Peer fresh(Role::server, limits);
    EXPECT_TRUE(fresh.feed(client_start()));
    (void)fresh.output();
    int refused = 0;
    for (int i = 0; i < 1000; ++i) {
        const bool on = fresh.feed(headers_frame(odd(i), get_fields()));
        for (const RawFrame& f : frames_of(fresh.output()))
            if (f.type == FrameType::rst_stream) {
                EXPECT_EQ(f.code(), static_cast<uint32_t>(ErrorCode::refused_stream));
                ++refused;
            }
        if (!on) break;
    }
    EXPECT_EQ(refused, 200);
    EXPECT_EQ(fresh.session->violation(), Violation::stream_limit);
    EXPECT_EQ(fresh.session->streams_opened(), 10u);
}

TEST(H2Attack, AskingWithoutReading) {
    Limits limits;
    limits.settings_burst = limits.ping_burst = 0;
    Target target(limits);
    bool on = true;
    int pings = 0;
    for (; on && pings < 5000; ++pings)
        on = target.feed(frame(FrameType::ping, 0, 0, "12345678"));  // and nobody pulls
    EXPECT_FALSE(on);
    EXPECT_NEAR(pings, 1001, 1);
    target.last = frames_of(target.output(1 << 20));
    EXPECT_EQ(target.session->violation(), Violation::output_flood);
}

TEST(H2Attack, WhatIsNoPreface) {
    for (const std::string_view bytes :
         {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
          "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00"}) {
        Peer server(Role::server);
        EXPECT_FALSE(server.feed(bytes));
        EXPECT_EQ(server.session->violation(), Violation::bad_preface);
    }
}

TEST(H2Attack, FramesThatBreakTheProtocol) {
    struct Case {
        std::string bytes;
        Violation violation;
        ErrorCode code;
    };
    const std::string get = headers_frame(1, get_fields());
    const std::string post = headers_frame(1, get_fields(), false);
    const Case cases[] = {
        {frame(FrameType::data, 0, 0, "x"), Violation::protocol, ErrorCode::protocol_error},
        {frame(FrameType::data, 0, 5, "x"), Violation::protocol, ErrorCode::protocol_error},
        {headers_frame(0, get_fields()), Violation::protocol, ErrorCode::protocol_error},
        {headers_frame(2, get_fields()), Violation::protocol, ErrorCode::protocol_error},
        {frame(FrameType::continuation, 0, 1, "x"), Violation::protocol, ErrorCode::protocol_error},
        {frame(FrameType::headers, 0, 1, block(get_fields())) + frame(FrameType::data, 0, 1, "x"),
         Violation::protocol, ErrorCode::protocol_error},
        {frame(FrameType::push_promise, kEndHeaders, 1, u32(2) + block(get_fields())),
         Violation::protocol, ErrorCode::protocol_error},
        {frame(FrameType::window_update, 0, 0, u32(0)), Violation::protocol,
         ErrorCode::protocol_error},
        {frame(FrameType::window_update, 0, 0, u32(0x7fffffff)), Violation::flow_control,
         ErrorCode::flow_control_error},
        {frame(FrameType::settings, 0, 0, std::string("\0\x04", 2) + u32(0x80000000)),
         Violation::flow_control, ErrorCode::flow_control_error},
        {frame(FrameType::settings, 0, 0, "abc"), Violation::frame_size,
         ErrorCode::frame_size_error},
        {frame(FrameType::settings, kAck, 0, "abcdef"), Violation::frame_size,
         ErrorCode::frame_size_error},
        {frame(FrameType::settings, 0, 1), Violation::protocol, ErrorCode::protocol_error},
        {frame(FrameType::ping, 0, 0, "short"), Violation::frame_size, ErrorCode::frame_size_error},
        {frame(FrameType::ping, 0, 1, "12345678"), Violation::protocol, ErrorCode::protocol_error},
        {frame(FrameType::rst_stream, 0, 7, u32(8)), Violation::protocol,
         ErrorCode::protocol_error},
        {post + frame(FrameType::data, 0, 1, std::string(16385, 'x')), Violation::frame_size,
         ErrorCode::frame_size_error},
        {post + frame(FrameType::data, kPadded, 1, "\x09xx"), Violation::protocol,
         ErrorCode::protocol_error},
        {frame(FrameType::headers, kEndHeaders, 1, "\x80"), Violation::compression,
         ErrorCode::compression_error},
        {frame(FrameType::headers, kEndHeaders, 1, "\xff\xff\xff\xff\xff\xff"),
         Violation::compression, ErrorCode::compression_error},
        {post + post + frame(FrameType::data, kEndStream, 1) + frame(FrameType::data, 0, 1, "x"),
         Violation::none, ErrorCode::no_error},
        {post + frame(FrameType::data, kEndStream, 1) + frame(FrameType::data, 0, 1, "x"),
         Violation::stream_closed, ErrorCode::stream_closed},
        {get + headers_frame(1, get_fields()), Violation::stream_closed, ErrorCode::stream_closed},
    };
    for (const Case& c : cases) {
        Target target({}, false);
        target.seen.refuse = false;
        (void)target.feed(c.bytes);
        target.last = frames_of(target.output());
        const auto place = &c - cases;
        EXPECT_EQ(target.session->violation(), c.violation)
            << place << " " << to_text(target.session->violation()) << " "
            << target.session->detail();
        const RawFrame* goaway = find_frame(target.last, FrameType::goaway, 0);
        if (c.violation == Violation::none) {
            EXPECT_EQ(goaway, nullptr);
            continue;
        }
        ASSERT_NE(goaway, nullptr) << place;
        EXPECT_EQ(goaway->code(), static_cast<uint32_t>(c.code)) << place;
        EXPECT_TRUE(target.session->finished()) << place;
        EXPECT_EQ(target.session->open_streams(), 0u) << place;
    }
}

TEST(H2Attack, AWindowOverrunWithinAFrame) {
    Target target({}, false);
    target.seen.hold = true;
    EXPECT_TRUE(target.feed(headers_frame(1, get_fields(), false)));
    std::string all;
    for (int i = 0; i < 6; ++i) all += frame(FrameType::data, 0, 1, std::string(16000, 'x'));
    while (!all.empty()) {
        const std::size_t n = std::min<std::size_t>(all.size(), 1000);
        (void)target.feed(all.substr(0, n));
        all.erase(0, n);
        EXPECT_LE(target.seen.of(1).stream->unread_bytes(), 65535u);
    }
    const auto frames = frames_of(target.output());
    EXPECT_NE(find_frame(frames, FrameType::rst_stream, 1), nullptr);
    EXPECT_EQ(target.seen.of(1).end.code, ErrorCode::flow_control_error);
}

TEST(H2Attack, AStreamWhoseHeadNeverCameIsNobodys) {
    Target target({}, false);
    EXPECT_TRUE(target.feed(frame(FrameType::headers, 0, 1, block(get_fields()))));
    EXPECT_EQ(target.session->open_streams(), 1u);
    (void)target.feed(frame(FrameType::continuation, kEndHeaders, 1, "\x80"));
    (void)target.output();
    EXPECT_EQ(target.session->violation(), Violation::compression);
    EXPECT_EQ(target.session->open_streams(), 0u);
    EXPECT_TRUE(target.seen.streams.empty());
}

TEST(H2Attack, AWindowOverrun) {
    Target target({}, false);
    target.seen.hold = true;
    EXPECT_TRUE(target.feed(headers_frame(1, get_fields(), false)));
    const std::string piece = frame(FrameType::data, 0, 1, std::string(16384, 'x'));
    bool on = true;
    for (int i = 0; i < 6 && on; ++i) on = target.feed(piece);
    const auto frames = frames_of(target.output());
    const bool stream_error = find_frame(frames, FrameType::rst_stream, 1) != nullptr;
    const bool connection_error = find_frame(frames, FrameType::goaway, 0) != nullptr;
    EXPECT_TRUE(stream_error || connection_error);
    EXPECT_LE(target.seen.of(1).stream == nullptr ? 0 : target.seen.of(1).stream->unread_bytes(),
              65535u);
}

TEST(H2Attack, EverySlugIsItsOwn) {
    std::set<std::string_view> slugs;
    for (std::size_t i = 0; i < kViolationCount; ++i) {
        const ViolationInfo& row = info(static_cast<Violation>(i));
        EXPECT_TRUE(slugs.insert(row.slug).second) << row.slug;
        EXPECT_FALSE(row.doc.empty());
    }
    EXPECT_EQ(to_text(ErrorCode::enhance_your_calm), "ENHANCE_YOUR_CALM");
    EXPECT_EQ(to_text(static_cast<ErrorCode>(99)), "UNKNOWN");
}

}  // namespace
}  // namespace glassgate::http::h2
