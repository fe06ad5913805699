#include "flight/filter/filter.h"

#include <gtest/gtest.h>

#include "flight/flight_scene_test.h"

namespace glassgate::flight {
namespace {

using namespace scene;

class FilterTest : public ::testing::Test {
protected:
    FilterTest() {
        ring = open_ring(folder.ring());
        std::vector<std::string> entries;
        for (uint64_t i = 0; i < 1500; ++i) entries.push_back(scene.entry(i));
        model::Event event(model::EventKind::circuit_breaker_open, kStartNs);
        event.with("route", "product-catalog").with("consecutive_failures", 5);
        entries.emplace_back();
        encode_entry(event, 0, entries.back());
        const std::vector<std::string_view> views(entries.begin(), entries.end());
        EXPECT_EQ(ring->append(views, scene.plan_bytes()).entries, views.size());
    }
    // How many match, told by blocks and by whole records alike.
    std::size_t count(std::string_view text) {
        auto filter = Filter::parse(text);
        EXPECT_TRUE(filter) << explain(filter.error(), text);
        if (!filter) return SIZE_MAX;
        Scan scan;
        scan.filter = &*filter;
        scan.limit = 100'000;
        const std::size_t by_rows = ring->scan(scan).records.size();
        scan.filter = nullptr;
        FilterRun run(*filter);
        std::size_t whole = 0;
        for (const Record& record : ring->scan(scan).records) whole += run.matches(record) ? 1 : 0;
        EXPECT_EQ(by_rows, whole) << text;
        return by_rows;
    }
    static std::string error(std::string_view text) {
        const auto filter = Filter::parse(text);
        return filter ? "none"
                      : std::to_string(filter.error().column) + ": " + filter.error().message;
    }

    Folder folder;
    Scene scene;
    std::shared_ptr<Ring> ring;
};

TEST_F(FilterTest, ComparesNumbersAndTexts) {
    EXPECT_EQ(count("response.status >= 500"), 45u);
    EXPECT_EQ(count("response.status=429"), 75u);
    EXPECT_EQ(count("response.status in (429, 504)"), 120u);
    EXPECT_EQ(count("response.duration_ms > 1s"), 60u);
    EXPECT_EQ(count("response.duration_ms>1000ms and response.status=200"), 15u);
    EXPECT_EQ(count("client.id=mob-4f7a"), 300u);
    EXPECT_EQ(count("request.path ~ \"^/api/products/\" and route.id != none"),
              count("route.path = \"/api/products/:id\""));
    EXPECT_EQ(count("kind=exchange and not client.id in (mob-4f7a)"), 1200u);
    EXPECT_EQ(count("kind=exchange and client.id not in (mob-4f7a)"), 1200u);
    EXPECT_EQ(count("response.ending=upstream_timeout or response.ending=no_route"), 60u);
    EXPECT_EQ(count("(kept=error OR kept=refused) AND response.status != 404"), 120u);
    EXPECT_EQ(count("request.headers.x-tenant = tenant-3"), 137u);
    EXPECT_EQ(count("request.headers.authorization = \"***\""), 1500u);
    EXPECT_EQ(count("request.headers.x-nobody"), 0u);
    EXPECT_EQ(count("upstream.name=checkout"), count("upstream.attempts>0 and route.id=checkout"));
    EXPECT_EQ(count("detail ~ \"no response\""), 45u);
    EXPECT_EQ(count("listener=public"), 1500u);
    EXPECT_EQ(count("grpc.status"), 0u);
    EXPECT_EQ(count("not grpc.status and kind=exchange"), 1500u);
    EXPECT_EQ(count("request.timestamp < \"2026-11-27T09:14:23.060\""), 101u);
}

TEST_F(FilterTest, PoliciesByKindReasonOrBoth) {
    EXPECT_EQ(count("policy.outcomes = exceeded"), 75u);
    EXPECT_EQ(count("policy.outcomes = rate-limit:exceeded"), 75u);
    EXPECT_EQ(count("policy.outcomes ~ \"^rate-limit:ex\""), 75u);
    EXPECT_EQ(count("policy.outcomes = rate-limit"), 1485u);
    EXPECT_EQ(count("kind=exchange and policy.outcomes != exceeded"), 1425u);
}

TEST_F(FilterTest, EventsAnswerToTheSameNames) {
    EXPECT_EQ(count("event"), 1u);
    EXPECT_EQ(count("event=circuit_breaker_open and route.id=product-catalog"), 1u);
    EXPECT_EQ(count("level=warn and kind=event"), 1u);
    EXPECT_EQ(count("kind=event and client.id"), 0u);
}

TEST_F(FilterTest, AnAbsentFactIsUnlikeEverything) {
    EXPECT_EQ(count("tls.version=TLSv1.3"), 0u);
    EXPECT_EQ(count("tls.version!=TLSv1.3"), 1501u);
    EXPECT_EQ(count("not tls.version=TLSv1.3"), 1501u);
}

TEST_F(FilterTest, ErrorsSayWhereAndWhat) {
    EXPECT_EQ(error(""), "1: expected a field such as response.status, not the end of the filter");
    EXPECT_EQ(error("response.statsu>=500"),
              "1: unknown field \"response.statsu\", did you mean \"response.status\"?");
    EXPECT_EQ(error("response.status>=abc"),
              "18: \"abc\" is no number, and \"response.status\" is one");
    EXPECT_EQ(error("client.id > 5"), "11: \"client.id\" is text: it has =, !=, ~, !~ and in");
    EXPECT_EQ(error("response.status ~ 5"),
              "17: \"response.status\" is a number: it has =, !=, <, <=, > and >=");
    EXPECT_EQ(error("client.id=\"mob"), "11: this text has no end: a quote is missing");
    EXPECT_EQ(error("a=1 && b=2"), "5: write and instead of &");
    EXPECT_EQ(error("(client.id=a"),
              "13: expected ) for the ( at column 1, not the end of the filter");
    EXPECT_EQ(error("client.id=a client.id=b"),
              "13: expected and, or, or the end, not \"client.id\"");
    EXPECT_EQ(error("request.path~\"(\"").substr(0, 3), "14:");
    EXPECT_EQ(error("response.status in 5"), "20: expected ( behind in, not \"5\"");
    EXPECT_EQ(error(std::string(200, '(')), "65: nested too deeply");
    EXPECT_EQ(error(std::string(5000, 'a')), "4097: a filter has at most 4096 bytes");
    const std::string_view text = "client.id=a and response.statsu=1";
    const auto filter = Filter::parse(text);
    ASSERT_FALSE(filter);
    EXPECT_EQ(explain(filter.error(), text),
              "filter, column 17: unknown field \"response.statsu\", did you mean "
              "\"response.status\"?\n  client.id=a and response.statsu=1\n                  ^");
}

TEST_F(FilterTest, QuotesAndEscapes) {
    EXPECT_EQ(count(R"(request.path ~ '^/api/products/\d+$' and route.id != none)"),
              count("route.path=\"/api/products/:id\""));
    EXPECT_EQ(count(R"(client.id = "a \"quoted\" one")"), 0u);
}

}  // namespace
}  // namespace glassgate::flight
