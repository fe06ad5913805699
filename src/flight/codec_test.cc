#include "flight/codec.h"

#include <gtest/gtest.h>

#include "flight/block.h"
#include "flight/flight_scene_test.h"
#include "flight/frame.h"

namespace glassgate::flight {
namespace {

using namespace scene;

Record decoded(const Scene& scene, std::string_view entry) {
    Record record;
    uint64_t key = 0;
    EXPECT_TRUE(decode_entry(entry, record, key));
    record.plan = scene.shelf.plan(key);
    record.attach();
    return record;
}

std::string line_of(const Record& record) {
    std::string scratch, out;
    telemetry::append_json_line(record.exchange, record.plan->line, scratch, out);
    return out;
}

TEST(Codec, ARecordHasTheLogLineOfItsExchange) {
    Scene scene;
    for (uint64_t i = 0; i < 300; ++i) {
        Made m = scene.make(i);
        m.x.text = m.text.data();
        EXPECT_EQ(line_of(decoded(scene, scene.entry(m.x))), scene.log_line(m.x));
    }
}

TEST(Codec, ARecordHasEverythingElse) {
    Scene scene;
    Made m = scene.make(5);  // upstream_timeout
    m.x.text = m.text.data();
    m.x.parent_span_id.bytes[3] = 9;
    m.x.sampled = true;
    const Record r = decoded(scene, scene.entry(m.x));
    EXPECT_EQ(r.row.kept, Kept::error);
    EXPECT_EQ(r.exchange.trace_id, m.x.trace_id);
    EXPECT_EQ(r.exchange.parent_span_id, m.x.parent_span_id);
    EXPECT_TRUE(r.exchange.sampled);
    EXPECT_EQ(r.exchange.str(r.exchange.detail), "no response head within 5000 ms");
    ASSERT_EQ(r.exchange.attempts.size(), 1u);
    const model::Attempt &was = m.x.attempts[0], &is = r.exchange.attempts[0];
    EXPECT_EQ(is.span_id, was.span_id);
    EXPECT_EQ(is.result, model::AttemptResult::timeout);
    EXPECT_EQ(is.end_ns - r.exchange.opened_ns, was.end_ns - m.x.opened_ns);
    EXPECT_EQ(is.first_byte_ns, 0u);
    EXPECT_TRUE(is.reused);
    EXPECT_EQ(r.exchange.head_received_ns - r.exchange.opened_ns, 50'000u);
    ASSERT_EQ(r.exchange.policies.size(), 2u);
    EXPECT_EQ(r.exchange.policies[0].elapsed_ns, 1800u);
}

TEST(Codec, SecretsAreNotInTheBytes) {
    Scene scene;
    Made m = scene.make(0);
    m.x.path = m.keep("/pay/4111111111111111");
    m.x.detail = m.keep("bad header: Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl");
    m.x.text = m.text.data();
    const std::string entry = scene.entry(m.x);
    for (const char* const secret :
         {"4111111111111111", "s3cr3t", "abcdefghijklmnop", "eyJhbGciOiJIUzI1NiJ9"})
        EXPECT_EQ(entry.find(secret), std::string::npos) << secret;
    EXPECT_NE(entry.find("************1111"), std::string::npos);
}

TEST(Codec, EventsAndConnections) {
    model::Event event(model::EventKind::circuit_breaker_open, kStartNs);
    event.with("route", "product-catalog").with("consecutive_failures", 5);
    event.count = 3;
    std::string entry;
    encode_entry(event, 0, entry);
    Record r;
    uint64_t key = 1;
    ASSERT_TRUE(decode_entry(entry, r, key));
    EXPECT_EQ(r.row.kind, RecordKind::event);
    std::string was, is, scratch;
    telemetry::append_json_line(event, scratch, was);
    telemetry::append_json_line(r.event, scratch, is);
    EXPECT_EQ(is, was);

    model::Connection c;
    c.ending = model::ConnectionEnding::tls_handshake_failed;
    c.opened_wall_ns = kStartNs;
    c.opened_ns = 10, c.closed_ns = 4'000'010;
    std::snprintf(c.peer, sizeof c.peer, "192.0.2.1:4000");
    std::snprintf(c.reason, sizeof c.reason, "unknown_ca");
    entry.clear();
    encode_entry(c, 0, entry);
    ASSERT_TRUE(decode_entry(entry, r, key));
    EXPECT_EQ(r.row.kind, RecordKind::connection);
    EXPECT_STREQ(r.connection.peer, "192.0.2.1:4000");
    EXPECT_STREQ(r.connection.reason, "unknown_ca");
    EXPECT_EQ(r.connection.opened_wall_ns, kStartNs);
    EXPECT_EQ(r.row.at_ns, kStartNs + 4'000'000);
}

TEST(Codec, CutBytesAreRefused) {
    Scene scene;
    const std::string entry = scene.entry(5);
    for (std::size_t size = 0; size < entry.size(); ++size) {
        Record record;
        uint64_t key = 0;
        EXPECT_FALSE(decode_entry(std::string_view(entry).substr(0, size), record, key)) << size;
    }
}

TEST(Block, GivesBackWhatWentIn) {
    Scene scene;
    std::vector<std::string> entries;
    for (uint64_t i = 0; i < kBlockRecords; ++i) entries.push_back(scene.entry(i));
    const std::vector<std::string_view> views(entries.begin(), entries.end());
    BlockWriter writer;
    BlockHead head;
    std::string frame;
    writer.write(1000, views, [&](uint64_t key) { return scene.shelf.plan(key); }, head, frame);
    EXPECT_LT(frame.size(), kBlockRecords * 200);

    FrameHead fixed;
    ASSERT_TRUE(read_frame_head(frame, fixed));
    const std::string_view rest = std::string_view(frame).substr(kFrameHeadBytes);
    EXPECT_TRUE(head_is_sound(fixed, frame, rest.substr(0, fixed.head_bytes)));
    BlockHead read;
    ASSERT_TRUE(read.read(rest.substr(0, fixed.head_bytes)));
    ASSERT_EQ(read.count(), kBlockRecords);
    Block block;
    block.open(read, rest.substr(fixed.head_bytes), {scene.shelf.plan(read.plans.at(0))});
    for (std::size_t i = 0; i < entries.size(); ++i) {
        Record r;
        ASSERT_TRUE(block.record(i, r));
        EXPECT_EQ(r.sequence, 1000 + i);
        EXPECT_EQ(line_of(r), line_of(decoded(scene, entries[i])));
    }
}

}  // namespace
}  // namespace glassgate::flight
