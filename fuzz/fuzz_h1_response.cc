// A response head: parsing stays inside the bytes and does not depend on how they were split; what
// is accepted goes to the client as a head that frames the body once.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/h1.h"
#include "http/rewrite.h"

namespace {

using namespace glassgate;
using namespace glassgate::http;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

std::size_t count(const HeaderList& headers, KnownHeader known) {
    std::size_t n = 0;
    for (const HeaderField& field : headers) n += field.known == known ? 1 : 0;
    return n;
}

void check_relayed(const ResponseHead& head, Method method) {
    ClientResponse response;
    response.head = &head;
    response.via = "g";
    response.request_id = "id";
    response.date = "NOW";
    response.upgrade = head.switching;
    response.body = head.body == BodyKind::until_close ? BodyKind::chunked : head.body;
    response.content_length = head.content_length;
    std::string out;
    append_client_head(out, response);
    ResponseHead again;
    std::size_t resume = 0;
    const ParseResult result =
        parse_response_head(out, {1u << 20, 1u << 20, kMaxHeaders}, method, resume, again);
    if (result.error == ParseError::too_many_headers) return;
    expect(result.state == ParseState::complete && result.consumed == out.size(),
           "what goes out is one head");
    expect(again.status == head.status && again.reason == head.reason, "status and reason stay");
    expect(again.body == response.body, "the framing is what was asked for");
    expect(again.switching == head.switching, "switching stays");
    expect(count(again.headers, KnownHeader::content_length) +
                   count(again.headers, KnownHeader::transfer_encoding) <=
               1,
           "at most one framing");
    expect(count(again.headers, KnownHeader::connection) <= 1, "at most one Connection");
    expect(count(again.headers, KnownHeader::set_cookie) ==
               count(head.headers, KnownHeader::set_cookie),
           "cookies stay");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    for (const Method method : {Method::get, Method::head}) {
        ResponseHead head, split_head;
        std::size_t resume = 0;
        const ParseResult result = parse_response_head(bytes, {}, method, resume, head);
        expect(result.consumed <= size, "consumed at most all");
        ParseResult split;
        std::size_t split_resume = 0;
        const std::size_t step = size / 64 + 1;
        for (std::size_t have = 0; have < size && split.state == ParseState::incomplete;) {
            have = std::min(size, have + step);
            split = parse_response_head(std::string_view(bytes).substr(0, have), {}, method,
                                        split_resume, split_head);
        }
        if (size != 0) {
            expect(split.state == result.state && split.error == result.error &&
                       split.consumed == result.consumed,
                   "splitting changes nothing");
        }
        if (result.state == ParseState::complete) check_relayed(head, method);
    }
    return 0;
}
