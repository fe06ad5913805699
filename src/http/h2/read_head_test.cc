// What is a head in HTTP/2 and what is not (RFC 9113 §8), and that it is the same head as in
// HTTP/1.1.
#include "http/h2/read_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "http/h2/test_peer.h"

namespace glassgate::http::h2 {
namespace {

using enum ParseError;

struct Read {
    ParseError error;
    RequestHead head;
    std::string text;
};
std::unique_ptr<Read> read(const Pairs& fields, bool end_stream = true, const Limits& limits = {}) {
    FieldBlock block;
    block.begin(limits);
    for (const auto& [name, value] : fields) EXPECT_TRUE(block.add(name, value));
    auto out = std::make_unique<Read>();
    out->error = read_request(block, end_stream, limits, out->head, out->text);
    return out;
}
struct ReadResponse {
    ParseError error;
    ResponseHead head;
    std::string text;
};
std::unique_ptr<ReadResponse> read_answer(const Pairs& fields, bool end_stream = false,
                                          Method method = Method::get) {
    FieldBlock block;
    block.begin({});
    for (const auto& [name, value] : fields) EXPECT_TRUE(block.add(name, value));
    auto out = std::make_unique<ReadResponse>();
    out->error = read_response(block, end_stream, method, out->head, out->text);
    return out;
}
ParseError trailers(const Pairs& fields, std::string& lines) {
    FieldBlock block;
    block.begin({});
    for (const auto& [name, value] : fields) EXPECT_TRUE(block.add(name, value));
    return read_trailers(block, lines);
}

Pairs with(Pairs fields, std::string name, std::string value) {
    fields.emplace_back(std::move(name), std::move(value));
    return fields;
}
Pairs without(Pairs fields, std::string_view name) {
    std::erase_if(fields, [&](const auto& f) { return f.first == name; });
    return fields;
}
Pairs replaced(Pairs fields, std::string_view name, std::string value) {
    for (auto& [n, v] : fields)
        if (n == name) v = value;
    return fields;
}

struct Bad {
    Pairs fields;
    ParseError error;
    bool end_stream = true;
};
std::vector<Bad> bad_requests() {
    const Pairs get = get_fields();
    const Pairs websocket = {{":method", "CONNECT"},
                             {":protocol", "websocket"},
                             {":scheme", "https"},
                             {":path", "/chat"},
                             {":authority", "a.example"}};
    return {
        // pseudo-header fields: the set, the order, duplicates
        {without(get, ":method"), missing_pseudo_field},
        {without(get, ":scheme"), missing_pseudo_field},
        {without(get, ":path"), missing_pseudo_field},
        {{}, missing_pseudo_field},
        {with(get, ":method", "GET"), repeated_pseudo_field},
        {with(get, ":path", "/admin"), repeated_pseudo_field},
        {with(get, ":authority", "b.example"), repeated_pseudo_field},
        {with(get, ":status", "200"), unknown_pseudo_field},
        {with(get, ":", "x"), unknown_pseudo_field},
        {with(get, ":Path", "/"), unknown_pseudo_field},
        {with(with(without(get, ":path"), "a", "b"), ":path", "/"), misplaced_pseudo_field},
        {with(get, ":protocol", "websocket"), misplaced_pseudo_field},
        {with(replaced(websocket, ":method", "GET"), "a", "b"), misplaced_pseudo_field},
        {without(websocket, ":path"), missing_pseudo_field},
        {replaced(websocket, ":protocol", "connect-udp"), bad_protocol},
        {replaced(websocket, ":protocol", ""), bad_protocol},
        {without(websocket, ":authority"), missing_pseudo_field},
        {with(websocket, "content-length", "0"), bad_content_length, false},
        {{{":method", "CONNECT"}, {":authority", "a.example:443"}, {":path", "/"}},
         misplaced_pseudo_field},
        {{{":method", "CONNECT"}, {":authority", "a.example:443"}, {":scheme", "https"}},
         misplaced_pseudo_field},
        {{{":method", "CONNECT"}}, missing_pseudo_field},
        {{{":method", "CONNECT"}, {":authority", "a.example"}}, bad_target},
        // their values
        {replaced(get, ":method", ""), bad_method},
        {replaced(get, ":method", "GET /x HTTP/1.1"), bad_method},
        {replaced(get, ":method", std::string("GE\0T", 4)), nul_byte},
        {replaced(get, ":method", "GET\r\nX: y"), bare_cr},
        {replaced(get, ":method", std::string(65, 'A')), bad_method},
        {replaced(get, ":scheme", ""), bad_scheme},
        {replaced(get, ":scheme", "ftp"), bad_scheme},
        {replaced(get, ":scheme", "http://x/"), bad_scheme},
        {replaced(get, ":path", ""), bad_target},
        {replaced(get, ":path", "x"), bad_target},
        {replaced(get, ":path", "http://b.example/"), bad_target},
        {replaced(get, ":path", "*"), bad_target},
        {replaced(get, ":path", "/ HTTP/1.1\r\nHost: b"), bare_cr},
        {replaced(get, ":path", "/a b"), bad_target},
        {replaced(get, ":path", "/\r\n"), bare_cr},
        {replaced(get, ":path", std::string("/\0", 2)), nul_byte},
        {replaced(get, ":path", "/#f"), bad_target},
        {replaced(get, ":path", "/%zz"), bad_target},
        {replaced(get, ":path", "/a\\b"), bad_target},
        {replaced(get, ":path", "/" + std::string(8192, 'a')), uri_too_long},
        {replaced(get, ":authority", ""), bad_host},
        {replaced(get, ":authority", "user@a.example"), bad_host},
        {replaced(get, ":authority", "a.example:99999"), bad_host},
        {replaced(get, ":authority", "a.example, b.example"), bad_host},
        {replaced(get, ":authority", "a/b"), bad_host},
        // who is asked
        {without(get, ":authority"), missing_host},
        {with(get, "host", "b.example"), conflicting_host},
        {with(get, "host", "a.example:80"), conflicting_host},
        {with(get, "host", ""), bad_host},
        {with(with(get, "host", "a.example"), "host", "a.example"), repeated_host},
        {with(without(get, ":authority"), "host", "a b"), bad_host},
        // connection-specific fields
        {with(get, "connection", "close"), connection_field},
        {with(get, "connection", ""), connection_field},
        {with(get, "keep-alive", "timeout=5"), connection_field},
        {with(get, "proxy-connection", "keep-alive"), connection_field},
        {with(get, "transfer-encoding", "chunked"), connection_field, false},
        {with(get, "upgrade", "websocket"), connection_field},
        {with(get, "te", "gzip"), bad_te},
        {with(get, "te", "trailers, gzip"), bad_te},
        {with(get, "te", ""), bad_te},
        // names
        {with(get, "", "x"), empty_name},
        {with(get, "Upper", "x"), upper_case_name},
        {with(get, "with space", "x"), bad_name},
        {with(get, "with:colon", "x"), bad_name},
        {with(get, std::string("nu\0l", 4), "x"), nul_byte},
        {with(get, "line\r\nend", "x"), bare_cr},
        {with(get, "caf\xc3\xa9", "x"), bad_name},
        {with(get, "transfer-encoding ", "chunked"), bad_name},
        // values
        {with(get, "x", "a\nb"), control_byte},
        {with(get, "x", "a\r\nY: z"), bare_cr},
        {with(get, "x", std::string("a\0b", 3)), nul_byte},
        {with(get, "x", "a\x7f"), control_byte},
        {with(get, "x", " a"), space_around_value},
        {with(get, "x", "a "), space_around_value},
        {with(get, "x", "a\t"), space_around_value},
        {with(get, "x", " "), space_around_value},
        // lengths
        {with(get, "content-length", ""), bad_content_length, false},
        {with(get, "content-length", "+5"), bad_content_length, false},
        {with(get, "content-length", "5, 5"), bad_content_length, false},
        {with(get, "content-length", "0x5"), bad_content_length, false},
        {with(get, "content-length", "99999999999999999999"), bad_content_length, false},
        {with(with(get, "content-length", "5"), "content-length", "5"), repeated_content_length,
         false},
        {with(with(get, "content-length", "5"), "content-length", "6"), conflicting_content_length,
         false},
        {with(get, "content-length", "5"), body_shorter_than_length, true},
        // the rest
        {with(get, "expect", "202-accepted"), bad_expect},
    };
}

TEST(H2ReadHead, RefusesWhatIsNoRequest) {
    for (const Bad& bad : bad_requests()) {
        const auto got = read(bad.fields, bad.end_stream);
        EXPECT_EQ(got->error, bad.error)
            << to_text(got->error) << " instead of " << to_text(bad.error) << " for "
            << (bad.fields.empty() ? "" : bad.fields.back().first + "=" + bad.fields.back().second);
        EXPECT_EQ(got->head.headers.size(), 0u);
        EXPECT_EQ(got->head.path.data(), nullptr);
        EXPECT_EQ(got->head.version, Version::http2);
    }
}

TEST(H2ReadHead, EveryReasonOfItsOwnIsGivenForSomething) {
    std::set<ParseError> seen;
    for (const Bad& bad : bad_requests()) seen.insert(bad.error);
    // These are about what follows the head: session_message_test.cc.
    for (const ParseError later :
         {body_longer_than_length, body_not_allowed, misplaced_header_block, data_before_head})
        seen.insert(later);
    for (auto e = static_cast<std::size_t>(unknown_pseudo_field); e < kParseErrorCount; ++e)
        EXPECT_TRUE(seen.contains(static_cast<ParseError>(e)))
            << to_text(static_cast<ParseError>(e));
}

TEST(H2ReadHead, GivesWhatHttp11Gives) {
    const auto got = read({{":method", "POST"},
                           {":scheme", "https"},
                           {":path", "/a/b?x=1&y="},
                           {":authority", "shop.example:8443"},
                           {"user-agent", "t"},
                           {"content-length", "12"},
                           {"te", "trailers"},
                           {"expect", "100-continue"},
                           {"x-empty", ""}},
                          false);
    ASSERT_EQ(got->error, none) << to_text(got->error);
    const RequestHead& head = got->head;
    EXPECT_EQ(head.method, Method::post);
    EXPECT_EQ(head.method_text, "POST");
    EXPECT_EQ(head.target, "/a/b?x=1&y=");
    EXPECT_EQ(head.path, "/a/b");
    EXPECT_EQ(head.query, "x=1&y=");
    EXPECT_TRUE(head.has_query);
    EXPECT_EQ(head.authority, "shop.example:8443");
    EXPECT_EQ(find(head.headers, KnownHeader::host), "shop.example:8443");
    EXPECT_EQ(head.body, BodyKind::length);
    EXPECT_EQ(head.content_length, 12u);
    EXPECT_TRUE(head.te_trailers);
    EXPECT_TRUE(head.expect_continue);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_FALSE(head.has_upgrade);
    EXPECT_EQ(find(head.headers, "x-empty").size(), 0u);
    EXPECT_NE(find(head.headers, "x-empty").data(), nullptr);
    for (const HeaderField& field : head.headers) {
        EXPECT_FALSE(field.name.starts_with(':'));
        if (field.name == "host") continue;  // made here, from :authority
        EXPECT_GE(field.name.data(), got->text.data());
        EXPECT_LE(field.value.data() + field.value.size(), got->text.data() + got->text.size());
    }
}

TEST(H2ReadHead, DecidesWhetherABodyFollows) {
    EXPECT_EQ(read(get_fields(), true)->head.body, BodyKind::none);
    EXPECT_EQ(read(get_fields(), false)->head.body, BodyKind::chunked);
    EXPECT_EQ(read(with(get_fields(), "content-length", "7"), false)->head.body, BodyKind::length);
    EXPECT_EQ(read(with(get_fields(), "content-length", "0"), false)->head.body, BodyKind::none);
    EXPECT_EQ(read(with(get_fields(), "content-length", "0"), true)->head.body, BodyKind::none);
}

TEST(H2ReadHead, TakesTheAuthorityFromHostWhenThereIsNoOther) {
    const auto got = read(with(without(get_fields(), ":authority"), "host", "h.example"));
    ASSERT_EQ(got->error, none);
    EXPECT_EQ(got->head.authority, "h.example");
    const auto both = read(with(get_fields(), "host", "A.Example"));
    ASSERT_EQ(both->error, none);
    EXPECT_EQ(both->head.authority, "a.example");
    EXPECT_EQ(std::ranges::count(both->head.headers, KnownHeader::host, &HeaderField::known), 1);
}

TEST(H2ReadHead, JoinsCookieCrumbs) {
    Pairs fields = get_fields();
    for (const char* crumb : {"a=1", "b=2", "c=3"}) fields.emplace_back("cookie", crumb);
    fields.emplace_back("x", "y");
    const auto got = read(fields);
    ASSERT_EQ(got->error, none);
    EXPECT_EQ(find(got->head.headers, KnownHeader::cookie), "a=1; b=2; c=3");
    EXPECT_EQ(std::ranges::count(got->head.headers, KnownHeader::cookie, &HeaderField::known), 1);
    EXPECT_EQ(find(got->head.headers, "x"), "y");
    // Crumbs are one field, whatever their number.
    fields = get_fields();
    for (int i = 0; i < 1000; ++i) fields.emplace_back("cookie", "a=" + std::to_string(i));
    EXPECT_EQ(read(fields)->error, none);
}

TEST(H2ReadHead, ConnectAndOptions) {
    const auto connect = read({{":method", "CONNECT"}, {":authority", "a.example:443"}}, false);
    ASSERT_EQ(connect->error, none);
    EXPECT_EQ(connect->head.method, Method::connect);
    EXPECT_EQ(connect->head.authority, "a.example:443");
    EXPECT_EQ(connect->head.target, "a.example:443");
    EXPECT_EQ(connect->head.path, "/");
    EXPECT_EQ(connect->head.body, BodyKind::none);
    const auto options = read(replaced(replaced(get_fields(), ":method", "OPTIONS"), ":path", "*"));
    ASSERT_EQ(options->error, none);
    EXPECT_EQ(options->head.path, "*");
}

TEST(H2ReadHead, ExtendedConnectIsTheUpgradeItStandsFor) {
    const Pairs fields = {{":method", "CONNECT"},      {":protocol", "websocket"},
                          {":scheme", "https"},        {":path", "/chat?room=1"},
                          {":authority", "a.example"}, {"sec-websocket-version", "13"}};
    const auto got = read(fields, false);
    ASSERT_EQ(got->error, none) << to_text(got->error);
    EXPECT_TRUE(got->head.extended_connect);
    EXPECT_TRUE(got->head.has_upgrade);
    EXPECT_EQ(got->head.upgrade, "websocket");
    EXPECT_EQ(got->head.method, Method::get);
    EXPECT_EQ(got->head.method_text, "GET");
    EXPECT_EQ(got->head.path, "/chat");
    EXPECT_EQ(got->head.query, "room=1");
    EXPECT_EQ(got->head.body, BodyKind::none);
    Limits off;
    off.extended_connect = false;
    EXPECT_EQ(read(fields, false, off)->error, unknown_pseudo_field);
}

TEST(H2ReadHead, LimitsAreThoseOfHttp11) {
    Limits limits;
    limits.head = {1000, 100, 5};
    EXPECT_EQ(
        read(replaced(get_fields(), ":path", "/" + std::string(100, 'a')), true, limits)->error,
        uri_too_long);
    const auto large = read(with(get_fields(), "x", std::string(900, 'a')), true, limits);
    EXPECT_EQ(large->error, head_too_large);
    EXPECT_EQ(large->head.method, Method::get);  // known although refused
    Pairs many = get_fields();
    for (int i = 0; i < 5; ++i) many.emplace_back("x", "y");
    EXPECT_EQ(read(many, true, limits)->error, none);
    many.emplace_back("x", "y");
    EXPECT_EQ(read(many, true, limits)->error, too_many_headers);
    EXPECT_EQ(status_of(head_too_large), 431);
    EXPECT_EQ(status_of(too_many_headers), 431);
}

TEST(H2ReadHead, ABlockBeyondAllBoundsIsSeen) {
    Limits limits;
    limits.head.head_bytes = 1000;
    limits.header_bomb_factor = 4;
    FieldBlock block;
    block.begin(limits);
    int added = 0;
    while (block.add("x", std::string(100, 'a'))) ++added;
    EXPECT_EQ(added, 4000 / 133);
    EXPECT_LE(block.text().size(), 1000u);
    EXPECT_EQ(block.error(), head_too_large);
}

// ---- responses ----------------------------------------------------------------------------------

TEST(H2ReadHead, RefusesWhatIsNoResponse) {
    struct Case {
        Pairs fields;
        ParseError error;
        bool end_stream = false;
    };
    const Case cases[] = {
        {{}, missing_pseudo_field},
        {{{"content-type", "x"}}, missing_pseudo_field},
        {{{":status", ""}}, bad_status},
        {{{":status", "20"}}, bad_status},
        {{{":status", "2000"}}, bad_status},
        {{{":status", "2 0"}}, bad_status},
        {{{":status", "099"}}, bad_status},
        {{{":status", "600"}}, bad_status},
        {{{":status", "101"}}, bad_status},
        {{{":status", "200"}, {":status", "200"}}, repeated_pseudo_field},
        {{{":status", "200"}, {":path", "/"}}, unknown_pseudo_field},
        {{{"a", "b"}, {":status", "200"}}, misplaced_pseudo_field},
        {{{":status", "200"}, {"connection", "close"}}, connection_field},
        {{{":status", "200"}, {"transfer-encoding", "chunked"}}, connection_field},
        {{{":status", "200"}, {"Server", "x"}}, upper_case_name},
        {{{":status", "200"}, {"x", "a\r\nb"}}, bare_cr},
        {{{":status", "200"}, {"content-length", "x"}}, bad_content_length},
        {{{":status", "200"}, {"content-length", "5"}, {"content-length", "5"}},
         repeated_content_length},
        {{{":status", "200"}, {"content-length", "5"}}, body_shorter_than_length, true},
        {{{":status", "103"}}, misplaced_header_block, true},
    };
    for (const Case& c : cases) {
        const auto got = read_answer(c.fields, c.end_stream);
        EXPECT_EQ(got->error, c.error) << to_text(got->error) << " / " << to_text(c.error);
        EXPECT_EQ(got->head.status, 0);
    }
}

TEST(H2ReadHead, ResponsesSayWhetherABodyFollows) {
    const auto body = [](const Pairs& fields, bool end, Method method = Method::get) {
        const auto got = read_answer(fields, end, method);
        EXPECT_EQ(got->error, none) << to_text(got->error);
        return got->head.body;
    };
    EXPECT_EQ(body({{":status", "200"}}, false), BodyKind::chunked);
    EXPECT_EQ(body({{":status", "200"}}, true), BodyKind::none);
    EXPECT_EQ(body({{":status", "200"}, {"content-length", "5"}}, false), BodyKind::length);
    EXPECT_EQ(body({{":status", "200"}, {"content-length", "0"}}, false), BodyKind::none);
    EXPECT_EQ(body({{":status", "204"}}, true), BodyKind::none);
    EXPECT_EQ(body({{":status", "304"}, {"content-length", "5"}}, true), BodyKind::none);
    EXPECT_EQ(body({{":status", "200"}, {"content-length", "5"}}, true, Method::head),
              BodyKind::none);
    EXPECT_EQ(body({{":status", "200"}}, false, Method::connect), BodyKind::none);
    EXPECT_EQ(body({{":status", "100"}}, false), BodyKind::none);
    const auto head =
        read_answer({{":status", "200"}, {"content-length", "5"}}, true, Method::head);
    EXPECT_TRUE(head->head.has_content_length);
    EXPECT_EQ(head->head.content_length, 5u);
    EXPECT_EQ(head->head.reason, "OK");
    EXPECT_EQ(head->head.version, Version::http2);
}

// ---- trailers -----------------------------------------------------------------------------------

TEST(H2ReadHead, TrailersAreLinesWithoutWhatMayNotBeThere) {
    std::string lines;
    EXPECT_EQ(trailers({{"grpc-status", "0"},
                        {"authorization", "x"},
                        {"content-length", "5"},
                        {"x-forwarded-for", "1.2.3.4"},
                        {"x-sum", "abc"}},
                       lines),
              none);
    EXPECT_EQ(lines, "grpc-status: 0\r\nx-sum: abc\r\n");
    EXPECT_EQ(trailers({{":status", "200"}}, lines), misplaced_pseudo_field);
    EXPECT_EQ(trailers({{"connection", "close"}}, lines), connection_field);
    EXPECT_EQ(trailers({{"x", "a\r\ngrpc-status: 0"}}, lines), bare_cr);
    EXPECT_EQ(trailers({{"X", "a"}}, lines), upper_case_name);
    lines.clear();
    EXPECT_EQ(trailers({{"x", std::string(9000, 'a')}}, lines), trailer_too_large);
}

}  // namespace
}  // namespace glassgate::http::h2
