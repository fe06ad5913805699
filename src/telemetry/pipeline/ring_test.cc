#include "telemetry/pipeline/ring.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "telemetry/project/span_example_test.h"

namespace glassgate::telemetry {
namespace {

struct Seen {
    std::vector<uint64_t> bytes;
    std::vector<std::string> paths, events, peers;
    void exchange(const model::Exchange& x) {
        bytes.push_back(x.response_bytes);
        paths.emplace_back(x.str(x.path));
    }
    void connection(const model::Connection& c) { peers.emplace_back(c.peer); }
    void event(const model::Event& e) { events.emplace_back(e.str(e.attributes[0])); }
};

TEST(Ring, AnExchangeComesOutAsItWentIn) {
    testing::ExampleExchange example;
    (void)example.names.captured.add("jwt.sub");
    example.x.captures[0] = example.keep("cardholder-7");
    example.x.captures[1] = example.keep("not a slot of the plan");
    example.x.quota_limit = 100;
    example.x.tls_client_cert_san = example.keep("spiffe://acme.example/partner");
    example.x.tls_client_cert_fingerprint = example.keep("9f86d081");
    example.x.tls_server_name = example.keep("shop.example");
    example.x.grpc = true;
    example.x.grpc_status = 14;
    RecordRing ring(4096);
    ASSERT_TRUE(ring.push(example.x));
    struct Compare {
        const model::Exchange& in;
        void exchange(const model::Exchange& out) const {
            EXPECT_NE(&out, &in);
            EXPECT_NE(out.text, in.text);
            EXPECT_EQ(out.names, in.names);
            EXPECT_EQ(out.trace_id, in.trace_id);
            EXPECT_EQ(out.str(out.path), in.str(in.path));
            EXPECT_EQ(out.str(out.captures[0]), "cardholder-7");
            EXPECT_TRUE(out.captures[1].empty());
            EXPECT_EQ(out.status, in.status);
            EXPECT_EQ(out.closed_ns, in.closed_ns);
            ASSERT_EQ(out.attempts.size(), 2u);
            EXPECT_EQ(out.attempts[1].end_ns, in.attempts[1].end_ns);
            EXPECT_EQ(out.str(out.attempts[1].address), "[2001:db8::8]:3001");
            ASSERT_EQ(out.policies.size(), 2u);
            EXPECT_EQ(out.policies[0].elapsed_ns, 2000u);
            EXPECT_EQ(out.quota_limit, 100u);
            EXPECT_EQ(out.attempt_count, 2u);
            EXPECT_EQ(out.str(out.tls_client_cert_san), "spiffe://acme.example/partner");
            EXPECT_EQ(out.str(out.tls_client_cert_fingerprint), "9f86d081");
            EXPECT_EQ(out.str(out.tls_server_name), "shop.example");
            EXPECT_TRUE(out.final);
            EXPECT_TRUE(out.grpc);
            EXPECT_EQ(out.grpc_status, 14);
        }
        void connection(const model::Connection&) const { FAIL(); }
        void event(const model::Event&) const { FAIL(); }
    };
    EXPECT_EQ(ring.drain(Compare{example.x}, 10), 1u);
    EXPECT_EQ(ring.drain(Compare{example.x}, 10), 0u);
    EXPECT_EQ(ring.read_position(), ring.write_position());
}

TEST(Ring, OnlyThePartsInUseAreCopied) {
    testing::ExampleExchange example;
    RecordRing ring(1u << 16);
    ring.push(example.x);
    const uint64_t full = ring.write_position();
    example.x.attempts.clear();
    ring.push(example.x);
    EXPECT_EQ(ring.write_position() - full, full - 2 * sizeof(model::Attempt));
    EXPECT_LT(full, sizeof(model::Exchange));  // although it holds the text, too
}

TEST(Ring, RecordsOfEveryKindAndSizeWrapAround) {
    testing::ExampleExchange example;
    RecordRing ring(4096);
    Seen seen;
    const std::string_view filler = "0123456789012345678901234567890123456789";
    std::vector<std::string> paths, events, peers;
    for (std::size_t i = 0; i < 1000; ++i) {
        testing::ExampleExchange one;
        one.x.path =
            one.keep("/" + std::to_string(i) + std::string(filler.substr(0, i % filler.size())));
        paths.emplace_back(one.x.str(one.x.path));
        ASSERT_TRUE(ring.push(one.x));
        if (i % 3 == 0) {
            model::Event event(model::EventKind::config_applied, 1);
            event.with("n", std::to_string(i));
            events.push_back(std::to_string(i));
            ASSERT_TRUE(ring.push(event));
        }
        if (i % 5 == 0) {
            model::Connection connection;
            const std::string peer = "192.0.2.1:" + std::to_string(i);
            peer.copy(connection.peer, sizeof connection.peer - 1);
            peers.push_back(peer);
            ASSERT_TRUE(ring.push(connection));
        }
        EXPECT_GE(ring.drain(seen, 100), 1u);
    }
    EXPECT_EQ(seen.paths, paths);
    EXPECT_EQ(seen.events, events);
    EXPECT_EQ(seen.peers, peers);
    EXPECT_EQ(ring.lost_exchanges() + ring.lost_events(), 0u);
}

TEST(Ring, AFullRingLosesTheNewestAndCounts) {
    testing::ExampleExchange example;
    RecordRing ring(4096);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < 100; ++i) {
        example.x.response_bytes = i;
        if (ring.push(example.x)) {
            EXPECT_EQ(kept++, i);
        }
    }
    EXPECT_GT(kept, 2u);
    EXPECT_EQ(ring.lost_exchanges(), 100 - kept);
    EXPECT_EQ(ring.pushed_exchanges(), kept);
    model::Event event(model::EventKind::config_applied, 1);
    event.with("n", "1");
    while (ring.push(event)) {
    }
    EXPECT_EQ(ring.lost_events(), 1u);
    Seen seen;
    ring.drain(seen, 1000);
    ASSERT_EQ(seen.bytes.size(), kept);
    EXPECT_EQ(seen.bytes.front(), 0u);
    EXPECT_EQ(ring.read_exchanges(), kept);
    EXPECT_TRUE(ring.push(example.x));  // there is room again
}

TEST(Ring, AConnectionComesOutAsItWentIn) {
    model::Connection in;
    in.ending = model::ConnectionEnding::tls_handshake_failed;
    std::snprintf(in.listener_name, sizeof in.listener_name, "public");
    std::snprintf(in.reason, sizeof in.reason, "unknown_ca");
    std::snprintf(in.detail, sizeof in.detail, "issued by CN=nobody");
    RecordRing ring(4096);
    ASSERT_TRUE(ring.push(in));
    struct Compare {
        void exchange(const model::Exchange&) const { FAIL(); }
        void connection(const model::Connection& out) const {
            EXPECT_EQ(out.ending, model::ConnectionEnding::tls_handshake_failed);
            EXPECT_STREQ(out.listener_name, "public");
            EXPECT_STREQ(out.reason, "unknown_ca");
            EXPECT_STREQ(out.detail, "issued by CN=nobody");
        }
        void event(const model::Event&) const { FAIL(); }
    };
    EXPECT_EQ(ring.drain(Compare{}, 10), 1u);
}

TEST(Ring, InterimRecordsAreEventsAndLeaveRoomForFinalOnes) {
    testing::ExampleExchange example;
    RecordRing ring(1u << 14);
    example.x.final = false;
    uint64_t interim = 0;
    while (ring.push(example.x)) ++interim;
    EXPECT_GT(interim, 2u);
    EXPECT_LE(ring.write_position(), (1u << 14) / 2);
    EXPECT_EQ(ring.pushed_events(), interim);
    EXPECT_EQ(ring.lost_events(), 1u);
    EXPECT_EQ(ring.pushed_exchanges() + ring.lost_exchanges(), 0u);
    example.x.final = true;
    uint64_t closed = 0;
    while (ring.push(example.x)) ++closed;
    EXPECT_GE(closed, interim - 1);
    struct Count {
        uint64_t interim = 0, closed = 0;
        void exchange(const model::Exchange& x) { ++(x.final ? closed : interim); }
        void connection(const model::Connection&) const {}
        void event(const model::Event&) const {}
    } count;
    ring.drain(count, 1000);
    EXPECT_EQ(count.interim, interim);
    EXPECT_EQ(count.closed, closed);
    EXPECT_EQ(ring.read_events(), interim);
    EXPECT_EQ(ring.read_exchanges(), closed);
    example.x.final = false;
    EXPECT_TRUE(ring.push(example.x));
}

TEST(Ring, ARecordLargerThanTheRingIsLost) {
    testing::ExampleExchange example;
    example.x.path = example.keep(std::string(5000, 'x'));
    RecordRing ring(4096);
    EXPECT_FALSE(ring.push(example.x));
    EXPECT_EQ(ring.lost_exchanges(), 1u);
    EXPECT_EQ(ring.write_position(), 0u);
}

TEST(Ring, TwoThreadsLoseNothingUncounted) {
    RecordRing ring(1u << 14);
    constexpr uint64_t kRecords = 60'000;
    std::atomic<bool> done{false};
    std::thread worker([&] {
        testing::ExampleExchange example;
        for (uint64_t i = 0; i < kRecords; ++i) {
            example.x.response_bytes = i;
            example.text.resize(100 + i % 37, 'x');
            example.x.text = example.text.data();
            example.x.text_size = static_cast<uint32_t>(example.text.size());
            ring.push(example.x);
        }
        done.store(true, std::memory_order_release);
    });
    Seen seen;
    bool last = false;
    while (true) {
        last = done.load(std::memory_order_acquire);
        if (ring.drain(seen, 64) == 0 && last) break;
        EXPECT_LE(ring.read_exchanges(), ring.pushed_exchanges());
    }
    worker.join();
    EXPECT_TRUE(std::is_sorted(seen.bytes.begin(), seen.bytes.end()));
    EXPECT_EQ(seen.bytes.size() + ring.lost_exchanges(), kRecords);
    EXPECT_EQ(seen.bytes.size(), ring.read_exchanges());
    EXPECT_GT(seen.bytes.size(), 0u);
}

}  // namespace
}  // namespace glassgate::telemetry
