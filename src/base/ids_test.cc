#include "base/ids.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace glassgate {
namespace {

TEST(Ids, HexRoundTrip) {
    Random random(1);
    const TraceId id = random.trace_id();
    std::string text;
    append_hex(text, id);
    EXPECT_EQ(text.size(), 32u);
    TraceId read;
    ASSERT_TRUE(read_hex(text, read.bytes.data(), 16));
    EXPECT_EQ(read, id);
    EXPECT_FALSE(read_hex("0g", read.bytes.data(), 1));
    EXPECT_FALSE(read_hex("0", read.bytes.data(), 1));
}

TEST(Ids, AreValidAndDiffer) {
    Random a, b;
    EXPECT_TRUE(a.trace_id().valid());
    EXPECT_TRUE(a.span_id().valid());
    EXPECT_NE(a.trace_id(), b.trace_id());
    EXPECT_FALSE(TraceId{}.valid());
}

TEST(Clock, Formats) {
    std::string text;
    append_iso8601_ms(text, 1'795'770'862'123'000'000u);
    EXPECT_EQ(text, "2026-11-27T09:14:22.123Z");
    text.clear();
    append_http_date(text, 1'795'770'862'123'000'000u);
    EXPECT_EQ(text, "Fri, 27 Nov 2026 09:14:22 GMT");
}

}  // namespace
}  // namespace glassgate
