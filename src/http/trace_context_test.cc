#include "http/trace_context.h"

#include <gtest/gtest.h>

#include <deque>
#include <initializer_list>
#include <utility>

namespace glassgate::http {
namespace {

HeaderList list(std::initializer_list<std::pair<const char*, std::string>> fields) {
    static std::deque<std::string> kept;
    HeaderList headers;
    for (const auto& [name, value] : fields)
        headers.push_back({name, kept.emplace_back(value), known_header(name)});
    return headers;
}
std::string hex(const TraceId& id) {
    std::string text;
    append_hex(text, id);
    return text;
}
std::string hex(const SpanId& id) {
    std::string text;
    append_hex(text, id);
    return text;
}

constexpr const char* kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr const char* kSpan = "b7ad6b7169203331";
const std::string kGood = std::string("00-") + kTrace + "-" + kSpan + "-01";

TEST(W3c, ReadsAGoodParent) {
    TraceParent parent;
    ASSERT_TRUE(extract_w3c(list({{"TraceParent", kGood}}), parent));
    EXPECT_EQ(hex(parent.trace_id), kTrace);
    EXPECT_EQ(hex(parent.parent_id), kSpan);
    EXPECT_TRUE(parent.sampled);
    EXPECT_TRUE(parent.has_sampling_decision);
    EXPECT_TRUE(parent.tracestate.empty());
}

TEST(W3c, FlagsAndVersions) {
    const std::string ids = std::string("-") + kTrace + "-" + kSpan + "-";
    struct Case {
        std::string text;
        bool good, sampled;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"00" + ids + "00", true, false},
             {"00" + ids + "01", true, true},
             {"00" + ids + "02", true, false},
             {"00" + ids + "03", true, true},
             {"00" + ids + "ff", true, true},
             {"cc" + ids + "01", true, true},
             {"cc" + ids + "01-what-the-future-will-be-like", true, true},
             {"cc" + ids + "00-", true, false},
             {"01" + ids + "01", true, true},
             {"fe" + ids + "01", true, true},
             {"cc" + ids + "01.what", false, false},
             {"cc" + ids + "011", false, false},
             {"ff" + ids + "01", false, false},
             {"00" + ids + "01-x", false, false},
             {"00" + ids + "01-", false, false},
             {"00" + ids + "1", false, false},
             {"00" + ids + "0G", false, false},
             {"00" + ids + "0A", false, false},
             {"00" + ids + ".0", false, false},
             {"0" + ids + "01", false, false},
             {"000" + ids + "01", false, false},
             {".0" + ids + "01", false, false},
             {"0A" + ids + "01", false, false},
             {"" + ids + "01", false, false},
             {"00" + ids, false, false},
             {"", false, false},
         }) {
        TraceParent parent;
        EXPECT_EQ(extract_w3c(list({{"traceparent", c.text}}), parent), c.good) << c.text;
        if (c.good) {
            EXPECT_EQ(parent.sampled, c.sampled) << c.text;
        }
    }
}

TEST(W3c, BadIdsLeaveTheResultUntouched) {
    const std::string zero32(32, '0'), zero16(16, '0');
    const std::string t = kTrace, s = kSpan;
    for (const std::string& text :
         {"00-" + zero32 + "-" + s + "-01", "00-" + t + "-" + zero16 + "-01",
          "00-0AF7651916CD43DD8448EB211C80319C-" + s + "-01", "00-" + t + "-B7AD6B7169203331-01",
          "00-." + t.substr(1) + "-" + s + "-01", "00-" + t + "-." + s.substr(1) + "-01",
          "00-" + t.substr(1) + "-" + s + "-01", "00-" + t + "1-" + s + "-01",
          "00-" + t + "-" + s.substr(1) + "-01", "00-" + t + "-" + s + "1-01",
          "00_" + t + "-" + s + "-01", "00-" + t + "_" + s + "-01", "00-" + t + "-" + s + "_01"}) {
        TraceParent parent;
        parent.sampled = true;
        EXPECT_FALSE(extract_w3c(list({{"traceparent", text}, {"tracestate", "a=1"}}), parent))
            << text;
        EXPECT_FALSE(parent.trace_id.valid());
        EXPECT_TRUE(parent.sampled && parent.tracestate.empty());
    }
    TraceParent parent;
    EXPECT_FALSE(extract_w3c(list({{"traceparent", kGood}, {"traceparent", kGood}}), parent))
        << "more than one";
    EXPECT_FALSE(extract_w3c(list({{"tracestate", "a=1"}}), parent));
    EXPECT_FALSE(extract_w3c(list({{"trace-parent", kGood}}), parent));
}

std::string state(std::initializer_list<std::pair<const char*, std::string>> fields) {
    HeaderList headers = list({{"traceparent", kGood}});
    for (const HeaderField& field : list(fields)) headers.push_back(field);
    TraceParent parent;
    EXPECT_TRUE(extract_w3c(headers, parent))
        << "a bad tracestate does not make the traceparent bad";
    return std::string(parent.tracestate);
}

TEST(TraceStateTest, IsCombinedInOrder) {
    EXPECT_EQ(state({{"tracestate", "foo=1"}}), "foo=1");
    EXPECT_EQ(
        state({{"tracestate", "foo=1,bar=2"}, {"TraceState", "rojo=1"}, {"tracestate", "congo=2"}}),
        "foo=1,bar=2,rojo=1,congo=2");
    EXPECT_EQ(
        state(
            {{"tracestate", "foo=1 \t , \t bar=2"}, {"tracestate", ""}, {"tracestate", ",baz=3,"}}),
        "foo=1,bar=2,baz=3");
    EXPECT_EQ(state({{"tracestate", "foo=1,foo=1"}}), "foo=1,foo=1") << "kept as it is";
    EXPECT_EQ(state({}), "");
    EXPECT_EQ(state({{"tracestate", ""}}), "");
}

TEST(TraceStateTest, GoodAndBadMembers) {
    const std::string key256(256, 'z');
    for (const std::string& good :
         {std::string("a=1"), std::string("a_-*/1=x y!~"), std::string("1tenant@sys=1"),
          "t" + std::string(240, 'v') + "@" + std::string(14, 'v') + "=1"})
        EXPECT_EQ(state({{"tracestate", good}}), good);
    EXPECT_EQ(state({{"tracestate", key256.substr(0, 255) + "=" + std::string(256, 'v')}}),
              key256.substr(0, 255) + "=" + std::string(256, 'v'));
    for (const std::string& bad :
         {std::string("foo"), std::string("foo="), std::string("=1"), std::string("foo =1"),
          std::string("FOO=1"), std::string("foo.bar=1"), std::string("foo@=1"),
          std::string("@foo=1"), std::string("foo@@bar=1"), std::string("foo@bar@baz=1"),
          std::string("foo=bar=baz"), std::string("foo=\x01"), std::string("foo=b\tr"),
          std::string("foo=\xc3\xa9"), key256 + "z=1", "t" + std::string(241, 'v') + "@v=1",
          "t@" + std::string(15, 'v') + "=1", "foo=" + std::string(257, 'v')}) {
        EXPECT_EQ(state({{"tracestate", bad}}), "") << bad;
        EXPECT_EQ(state({{"tracestate", "ok=1"}, {"tracestate", "a=1," + bad + ",b=2"}}), "")
            << "one bad member: all go";
    }
}

TEST(TraceStateTest, Limits) {
    const auto members = [](int count) {
        std::string text = "bar00=00";
        for (int i = 1; i < count; ++i)
            text += ",bar" + std::string(i < 10 ? "0" : "") + std::to_string(i) + "=00";
        return text;
    };
    EXPECT_EQ(state({{"tracestate", members(32)}}), members(32));
    EXPECT_EQ(state({{"tracestate", members(33)}}), "");
    const std::string exactly = "a=" + std::string(253, 'v') + ",b=" + std::string(254, 'v');
    ASSERT_EQ(exactly.size(), 512u);
    EXPECT_EQ(state({{"tracestate", exactly}}), exactly);
    // Too long: members above 128 go first, from the right, only as many as it takes.
    const std::string big(200, 'v'), small(100, 'v');
    EXPECT_EQ(state({{"tracestate", "a=" + big + ",b=" + small + ",c=" + big + ",d=" + small}}),
              "a=" + big + ",b=" + small + ",d=" + small);
    // None is long: from the right.
    EXPECT_EQ(state({{"tracestate", "a=" + small + ",b=" + small + ",c=" + small},
                     {"tracestate", "d=" + small + ",e=" + small + ",f=1"}}),
              "a=" + small + ",b=" + small + ",c=" + small + ",d=" + small);
}

TEST(B3, Single) {
    TraceParent parent;
    const std::string ids = std::string(kTrace) + "-" + kSpan;
    ASSERT_TRUE(extract_b3(list({{"b3", ids + "-1-05e3ac9a4f6e3b90"}}), parent));
    EXPECT_EQ(hex(parent.trace_id), kTrace);
    EXPECT_EQ(hex(parent.parent_id), kSpan);
    EXPECT_TRUE(parent.sampled && parent.has_sampling_decision);
    ASSERT_TRUE(extract_b3(list({{"B3", ids + "-0"}}), parent));
    EXPECT_TRUE(!parent.sampled && parent.has_sampling_decision);
    ASSERT_TRUE(extract_b3(list({{"b3", ids + "-d"}}), parent));
    EXPECT_TRUE(parent.sampled);
    ASSERT_TRUE(extract_b3(list({{"b3", ids}}), parent));
    EXPECT_FALSE(parent.has_sampling_decision);
    ASSERT_TRUE(
        extract_b3(list({{"b3", std::string("8448eb211c80319c-") + kSpan + "-1"}}), parent));
    EXPECT_EQ(hex(parent.trace_id), "00000000000000008448eb211c80319c")
        << "64 bits are the right half";
    ASSERT_TRUE(extract_b3(list({{"b3", "0"}}), parent)) << "a decision alone";
    EXPECT_FALSE(parent.trace_id.valid());
    EXPECT_TRUE(!parent.sampled && parent.has_sampling_decision);
}

TEST(B3, SingleRefused) {
    const std::string t = kTrace, s = kSpan;
    for (const std::string& text :
         {std::string(), std::string("x"), std::string("2"), t, t + "-", t + "-" + s + "-",
          t + "-" + s + "-2", t + "-" + s + "-11", t + "-" + s + "1", t + "-" + s + "-1-",
          t + "-" + s + "-1-05e3", t + "-" + s + "-1-05e3ac9a4f6e3b90-", t + "_" + s,
          t.substr(1) + "-" + s, std::string(32, '0') + "-" + s, t + "-" + std::string(16, '0'),
          "g" + t.substr(1) + "-" + s, std::string("-")}) {
        TraceParent parent;
        EXPECT_FALSE(
            extract_b3(list({{"b3", text}, {"x-b3-traceid", t}, {"x-b3-spanid", s}}), parent))
            << text;
    }
}

TEST(B3, Family) {
    TraceParent parent;
    EXPECT_FALSE(extract_b3(HeaderList{}, parent));
    ASSERT_TRUE(extract_b3(
        list({{"X-B3-TraceId", kTrace}, {"X-B3-SpanId", kSpan}, {"X-B3-Sampled", "1"}}), parent));
    EXPECT_EQ(hex(parent.trace_id), kTrace);
    EXPECT_TRUE(parent.sampled);
    ASSERT_TRUE(extract_b3(
        list({{"X-B3-TraceId", kTrace}, {"X-B3-SpanId", kSpan}, {"X-B3-Sampled", "false"}}),
        parent));
    EXPECT_TRUE(!parent.sampled && parent.has_sampling_decision);
    ASSERT_TRUE(extract_b3(list({{"X-B3-TraceId", kTrace}, {"X-B3-SpanId", kSpan}}), parent));
    EXPECT_FALSE(parent.has_sampling_decision);
    ASSERT_TRUE(extract_b3(
        list({{"X-B3-TraceId", kTrace}, {"X-B3-SpanId", kSpan}, {"X-B3-Flags", "1"}}), parent));
    EXPECT_TRUE(parent.sampled) << "debug implies accept";
    ASSERT_TRUE(extract_b3(list({{"X-B3-Sampled", "0"}}), parent));
    EXPECT_TRUE(!parent.sampled && parent.has_sampling_decision && !parent.trace_id.valid());
    EXPECT_FALSE(extract_b3(list({{"X-B3-TraceId", kTrace}}), parent));
    EXPECT_FALSE(extract_b3(list({{"X-B3-SpanId", kSpan}, {"X-B3-Sampled", "1"}}), parent));
    EXPECT_FALSE(extract_b3(
        list({{"X-B3-TraceId", kTrace}, {"X-B3-SpanId", kSpan}, {"X-B3-Sampled", "2"}}), parent));
    // The single header comes first.
    ASSERT_TRUE(
        extract_b3(list({{"X-B3-TraceId", kTrace},
                         {"X-B3-SpanId", kSpan},
                         {"b3", std::string("463ac35c9f6413ad48485a3953bb6124-") + kSpan + "-0"}}),
                   parent));
    EXPECT_EQ(hex(parent.trace_id), "463ac35c9f6413ad48485a3953bb6124");
}

TEST(Trace, WritesWhatItReads) {
    Random random(9);
    const TraceId trace = random.trace_id();
    const SpanId span = random.span_id();
    for (const bool sampled : {true, false}) {
        std::string w3c, b3;
        append_traceparent(w3c, trace, span, sampled);
        append_b3(b3, trace, span, sampled);
        TraceParent from_w3c, from_b3;
        ASSERT_TRUE(extract_w3c(list({{"traceparent", w3c}}), from_w3c));
        ASSERT_TRUE(extract_b3(list({{"b3", b3}}), from_b3));
        for (const TraceParent& parent : {from_w3c, from_b3}) {
            EXPECT_EQ(parent.trace_id, trace);
            EXPECT_EQ(parent.parent_id, span);
            EXPECT_EQ(parent.sampled, sampled);
        }
    }
}

}  // namespace
}  // namespace glassgate::http
