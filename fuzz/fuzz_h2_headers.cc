// HPACK blocks through the checks of heads: what is taken is one head, the same one, when it is
// sent on in either version of HTTP.
#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/h1.h"
#include "http/h2/read_head.h"
#include "http/h2/write_head.h"
#include "http/rewrite.h"

namespace {

using namespace glassgate;
using namespace glassgate::http;
using namespace glassgate::http::h2;

void expect(bool good) {
    if (!good) std::abort();
}

bool decode(std::string bytes, FieldBlock& block) {
    nghttp2_hd_inflater* inflater = nullptr;
    expect(nghttp2_hd_inflate_new(&inflater) == 0);
    block.begin({});
    auto* at = reinterpret_cast<uint8_t*>(bytes.data());
    std::size_t left = bytes.size();
    bool good = true;
    while (good) {
        nghttp2_nv nv;
        int flags = 0;
        const auto used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, left, 1);
        if (used < 0) {
            good = false;
            break;
        }
        at += used;
        left -= static_cast<std::size_t>(used);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
            good = block.add({reinterpret_cast<char*>(nv.name), nv.namelen},
                             {reinterpret_cast<char*>(nv.value), nv.valuelen});
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) break;
    }
    nghttp2_hd_inflate_del(inflater);
    return good;
}

UpstreamRequest forwarded(const RequestHead& head) {
    UpstreamRequest r;
    r.head = &head;
    r.path = head.path;
    r.host = "up:80";
    r.via = "g";
    r.forwarded_for = "192.0.2.1";
    r.forwarded_proto = "https";
    r.forwarded_host = head.authority;
    r.request_id = "id";
    r.upgrade = head.has_upgrade;
    r.body = head.body;
    r.content_length = head.content_length;
    return r;
}

void check_to_http11(const RequestHead& head) {
    std::string bytes;
    append_upstream_head(bytes, forwarded(head));
    RequestHead again;
    std::size_t resume = 0;
    const ParseResult result =
        parse_request_head(bytes, {1u << 20, 1u << 20, kMaxHeaders}, resume, again);
    if (result.error == ParseError::too_many_headers) return;
    expect(result.state == ParseState::complete && result.consumed == bytes.size());
    expect(again.method_text == head.method_text && again.path == head.path &&
           again.query == head.query && again.has_query == head.has_query);
    expect(again.body == head.body && again.content_length == head.content_length);
    expect(again.has_upgrade == head.has_upgrade);
}

void fill(FieldBlock& block, const FieldList& fields) {
    Limits wide;
    wide.head = {1u << 20, 1u << 20, kMaxHeaders};
    block.begin(wide);
    for (const FieldList::Field& field : fields) {
        std::string name(field.name);
        for (char& c : name)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
        expect(block.add(name, field.value));
    }
}

void check_to_http2(const RequestHead& head) {
    FieldList fields;
    write_upstream_head(fields, forwarded(head), "https");
    FieldBlock block;
    fill(block, fields);
    RequestHead again;
    std::string text;
    const bool end = head.body == BodyKind::none && !head.has_upgrade;
    Limits wide;
    wide.head = {1u << 20, 1u << 20, kMaxHeaders};
    const ParseError error = read_request(block, end, wide, again, text);
    if (error == ParseError::too_many_headers) return;
    expect(error == ParseError::none);
    expect(again.path == head.path && again.query == head.query && again.body == head.body &&
           again.content_length == head.content_length && again.has_upgrade == head.has_upgrade);
}

void check_request(const std::string& bytes, bool end_stream) {
    FieldBlock block;
    if (!decode(bytes, block)) return;
    RequestHead head;
    std::string text;
    const ParseError error = read_request(block, end_stream, {}, head, text);
    if (error != ParseError::none) {
        expect(head.headers.empty() && head.path.data() == nullptr);
        return;
    }
    expect(!head.authority.empty());
    if (head.method == Method::connect) return;  // never forwarded
    expect(head.path == "*" || head.path.starts_with('/'));
    check_to_http11(head);
    check_to_http2(head);
}

void check_response(const std::string& bytes, bool end_stream, Method method) {
    FieldBlock block;
    if (!decode(bytes, block)) return;
    ResponseHead head;
    std::string text;
    if (read_response(block, end_stream, method, head, text) != ParseError::none) return;
    ClientResponse r;
    r.head = &head;
    r.via = "g";
    r.body = head.body;
    r.content_length = head.content_length;
    r.date = "d";
    std::string out;
    append_client_head(out, r);
    ResponseHead again;
    std::size_t resume = 0;
    const ParseResult result =
        parse_response_head(out, {1u << 20, 1u << 20, kMaxHeaders}, method, resume, again);
    if (result.error == ParseError::too_many_headers) return;
    expect(result.state == ParseState::complete && result.consumed == out.size());
    expect(again.status == head.status);
    FieldList fields;
    write_client_head(fields, r);
    FieldBlock second;
    fill(second, fields);
    const ParseError error = read_response(second, false, method, again, text);
    expect(error == ParseError::none || error == ParseError::too_many_headers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    for (const bool end_stream : {true, false}) {
        check_request(bytes, end_stream);
        check_response(bytes, end_stream, Method::get);
        check_response(bytes, end_stream, Method::head);
    }
    FieldBlock block;
    std::string lines;
    if (decode(bytes, block) && read_trailers(block, lines) == ParseError::none) {
        FieldList fields;
        write_trailers(fields, lines);
        FieldBlock again;
        fill(again, fields);
        std::string second;
        expect(read_trailers(again, second) == ParseError::none && second == lines);
    }
    return 0;
}
