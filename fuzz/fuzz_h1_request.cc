// A request head: whatever the bytes, parsing stays inside them, does not depend on how they were
// split, and what is accepted goes upstream as a head that reads the same, with one Host and at
// most one way to frame the body.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/h1.h"
#include "http/path.h"
#include "http/rewrite.h"

namespace {

using namespace glassgate;
using namespace glassgate::http;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

void expect_inside(std::string_view view, std::string_view whole, const char* what) {
    if (view.data() == nullptr) return;
    expect(view.data() >= whole.data() && view.data() + view.size() <= whole.data() + whole.size(),
           what);
}

void check_views(const RequestHead& head, std::string_view bytes) {
    for (const std::string_view view :
         {head.method_text, head.target, head.path, head.query, head.authority, head.upgrade})
        expect_inside(view, bytes, "views point into the bytes");
    for (const HeaderField& field : head.headers) {
        expect_inside(field.name, bytes, "names point into the bytes");
        expect_inside(field.value, bytes, "values point into the bytes");
        for (const char c : field.value)
            expect(c != '\r' && c != '\n' && c != '\0', "values have no line ends");
    }
}

// Feeds at most 64 pieces of different sizes.
ParseResult feed(std::string_view bytes, const HeadLimits& limits, RequestHead& head) {
    ParseResult result;
    std::size_t resume = 0;
    const std::size_t step = bytes.size() / 64 + 1;
    for (std::size_t have = 0; have < bytes.size() && result.state == ParseState::incomplete;) {
        have = std::min(bytes.size(), have + step);
        result = parse_request_head(bytes.substr(0, have), limits, resume, head);
    }
    return result;
}

std::size_t count(const HeaderList& headers, KnownHeader known) {
    std::size_t n = 0;
    for (const HeaderField& field : headers) n += field.known == known ? 1 : 0;
    return n;
}

void check_forwarded(const RequestHead& head, bool trusted) {
    UpstreamRequest request;
    request.head = &head;
    request.path = head.path;
    request.host = "up:80";
    request.via = "g";
    request.forwarded_for = "192.0.2.1";
    request.forwarded_proto = "http";
    request.forwarded_host = head.authority;
    request.keep_forwarded = trusted;
    request.request_id = "id";
    request.upgrade = head.has_upgrade;
    request.body = head.body;
    request.content_length = head.content_length;
    std::string out;
    append_upstream_head(out, request);
    RequestHead again;
    std::size_t resume = 0;
    const ParseResult result =
        parse_request_head(out, {1u << 20, 1u << 20, kMaxHeaders}, resume, again);
    if (result.error == ParseError::too_many_headers)
        return;  // ours on top of as many as there may be
    expect(result.state == ParseState::complete && result.consumed == out.size(),
           "what goes out is one head");
    expect(again.method_text == head.method_text, "the method stays");
    expect(
        again.path == head.path && again.query == head.query && again.has_query == head.has_query,
        "the target stays");
    expect(again.body == head.body && again.content_length == head.content_length,
           "the framing stays");
    expect(again.has_upgrade == head.has_upgrade, "upgrades stay");
    expect(count(again.headers, KnownHeader::host) == 1, "one Host");
    expect(count(again.headers, KnownHeader::content_length) +
                   count(again.headers, KnownHeader::transfer_encoding) <=
               1,
           "at most one framing");
    expect(count(again.headers, KnownHeader::connection) <= 1, "at most one Connection");
    expect(count(again.headers, KnownHeader::x_request_id) == 1 &&
               count(again.headers, KnownHeader::x_forwarded_for) == 1,
           "one X-Request-Id and X-Forwarded-For");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data),
                            size);  // exact: overreads are seen
    for (const HeadLimits& limits : {HeadLimits{}, HeadLimits{64, 16, 4}}) {
        RequestHead head, split_head;
        std::size_t resume = 0;
        const ParseResult result = parse_request_head(bytes, limits, resume, head);
        expect(result.consumed <= size, "consumed at most all");
        expect((result.state == ParseState::failed) == (result.error != ParseError::none),
               "failed has a reason");
        check_views(head, bytes);
        const ParseResult split = feed(bytes, limits, split_head);
        if (size != 0) {
            expect(split.state == result.state && split.error == result.error &&
                       split.consumed == result.consumed,
                   "splitting changes nothing");
        }
        if (result.state != ParseState::complete || head.method == Method::connect)
            continue;  // never forwarded
        std::string path;
        (void)normalize_path(head.path, path);
        check_forwarded(head, false);
        check_forwarded(head, true);
    }
    return 0;
}
