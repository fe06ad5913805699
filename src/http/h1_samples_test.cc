// Responses and bodies that are refused, and messages that are not; what tests share to look at
// them.
#include "http/h1_samples.h"

#include <vector>

namespace glassgate::http {
namespace {

using namespace std::string_literals;
using enum ParseError;

std::string response(std::string_view fields) {
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n";
}

std::string options(int count) {
    std::string list = "a";
    for (int i = 1; i < count; ++i) list += ", a";
    return list;
}

std::string many_fields(int count) {
    std::string fields;
    for (int i = 0; i < count; ++i) fields += "a: b\r\n";
    return fields;
}

}  // namespace

std::span<const BadSample> bad_responses() {
    static const std::vector<BadSample> samples{
        {"GET / HTTP/1.1\r\n", bad_status_line},
        {"ICY 200 OK\r\n", bad_status_line},
        {"HTTP/2 200\r\n", bad_status_line},
        {"HTTP/2.0 200 OK\r\n", bad_status_line},
        {"http/1.1 200 OK\r\n\r\n", bad_status_line},
        {"\r\n", bad_status_line},
        {"\0"s, bad_status_line},
        {"HTTP/1.1\r\n\r\n", bad_status_line},
        {"HTTP/1.1 20\r\n\r\n", bad_status_line},
        {"HTTP/1.1-200 OK\r\n\r\n", bad_status_line},
        {"HTTP/1.x 200 OK\r\n\r\n", bad_version},
        {"HTTP/1.1  200 OK\r\n\r\n", bad_status},
        {"HTTP/1.1 2000 OK\r\n\r\n", bad_status},
        {"HTTP/1.1 099 OK\r\n\r\n", bad_status},
        {"HTTP/1.1 600 OK\r\n\r\n", bad_status},
        {"HTTP/1.1 999 OK\r\n\r\n", bad_status},
        {"HTTP/1.1 2x0 OK\r\n\r\n", bad_status},
        {"HTTP/1.1 -20 OK\r\n\r\n", bad_status},
        {"HTTP/1.1 200OK\r\n\r\n", bad_status},
        {"HTTP/1.1 200\tOK\r\n\r\n", control_byte},
        {"HTTP/1.1 200 O\x01K\r\n\r\n", control_byte},
        {"HTTP/1.1 200 O\0K\r\n\r\n"s, nul_byte},
        {"HTTP/1.1 200 O\rK\r\n\r\n", bare_cr},
        {"HTTP/1.1 200 OK\n", bare_lf},
        {"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n", bare_lf},
        {response("A : b\r\n"), space_before_colon},
        {response("A: b\r\n c\r\n"), obs_fold},
        {response("A\r\n"), no_colon},
        {response(": b\r\n"), empty_name},
        {response("A: \0\r\n"s), nul_byte},
        {response("A B: c\r\n"), bad_name},
        {response(many_fields(129)), too_many_headers},
        {response("A: " + std::string(61440, 'a') + "\r\n"), head_too_large},
        {"HTTP/1.1 200 " + std::string(62000, 'a'), head_too_large},
        {response("Content-Length: 1\r\nContent-Length: 2\r\n"), conflicting_content_length},
        {response("Content-Length: 1\r\nContent-Length: 1\r\n"), repeated_content_length},
        {response("Content-Length: 1, 1\r\n"), bad_content_length},
        {response("Content-Length: -1\r\n"), bad_content_length},
        {response("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
         content_length_with_transfer_encoding},
        {response("Transfer-Encoding: chunked, chunked\r\n"), bad_transfer_encoding},
        {response("Transfer-Encoding: gzip, chunked\r\n"), unsupported_transfer_encoding},
        {response("Transfer-Encoding: identity\r\n"), bad_transfer_encoding},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", transfer_encoding_in_http10},
        {response("Connection: " + options(33) + "\r\n"), bad_connection},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", bad_upgrade},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", bad_upgrade},
        {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n", bad_upgrade},
        {"HTTP/1.0 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
         bad_upgrade},
        {"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: "
         "chunked\r\n\r\n",
         bad_upgrade},
    };
    return samples;
}

std::span<const BadSample> bad_chunks() {
    static const std::vector<BadSample> samples{
        {"\r\n", bad_chunk_size},
        {"-1\r\n", bad_chunk_size},
        {"+1\r\n", bad_chunk_size},
        {"0x4\r\n", bad_chunk_size},
        {" 4\r\n", bad_chunk_size},
        {"4 \r\n", bad_chunk_size},
        {"4\t\r\n", bad_chunk_size},
        {"g\r\n", bad_chunk_size},
        {"4_0\r\n", bad_chunk_size},
        {"4,\r\n", bad_chunk_size},
        {";a=b\r\n", bad_chunk_size},
        {"4\0\r\n"s, bad_chunk_size},
        {"4 x\r\n", bad_chunk_size},
        {"\x80\r\n", bad_chunk_size},
        {"4.0\r\n", bad_chunk_size},
        {"4\nabcd\r\n0\r\n\r\n", bare_lf},
        {"\n", bare_lf},
        {"4;a=b\nabcd\r\n", bare_lf},
        {"4;a\n", bare_lf},
        {"4\rabcd\r\n", bare_cr},
        {"4\r\r\n", bare_cr},
        {"4;a\rb\r\n", bare_cr},
        {"1000000000000000\r\n", chunk_size_overflow},
        {"ffffffffffffffff\r\n", chunk_size_overflow},
        {"10000000000000000\r\n", chunk_size_overflow},
        {"0000000000000001\r\n", chunk_size_overflow},
        {"4;\r\n", bad_chunk_extension},
        {"4;;a\r\n", bad_chunk_extension},
        {"4;a=\r\n", bad_chunk_extension},
        {"4;=b\r\n", bad_chunk_extension},
        {"4;a=b=c\r\n", bad_chunk_extension},
        {"4;a b\r\n", bad_chunk_extension},
        {"4;a \r\n", bad_chunk_extension},
        {"4;a=b \r\n", bad_chunk_extension},
        {"4;a=\"b\r\n", bad_chunk_extension},
        {"4;a=\"b\"c\r\n", bad_chunk_extension},
        {"4;a=\"b\\\r\n", bad_chunk_extension},
        {"4;a=\x01\r\n", bad_chunk_extension},
        {"4;a=\"\0\"\r\n"s, bad_chunk_extension},
        {"4;(\r\n", bad_chunk_extension},
        {"4;a=\"" + std::string(251, 'b') + "\"\r\n", bad_chunk_extension},
        {"4" + std::string(256, ' ') + ";a\r\n", bad_chunk_extension},
        {"4\r\nabcdX\n", bad_chunk_end},
        {"4\r\nabcd\n", bad_chunk_end},
        {"4\r\nabcd\rX", bad_chunk_end},
        {"4\r\nabcde\r\n", bad_chunk_end},
        {"4\r\nabcd0\r\n", bad_chunk_end},
        {"2\r\nab\r\r", bad_chunk_end},
        {"0\r\nT\r\n\r\n", bad_trailer},
        {"0\r\n: 1\r\n\r\n", bad_trailer},
        {"0\r\nT : 1\r\n\r\n", bad_trailer},
        {"0\r\nT: 1\r\n folded\r\n\r\n", bad_trailer},
        {"0\r\n T: 1\r\n\r\n", bad_trailer},
        {"0\r\nT: \0\r\n\r\n"s, bad_trailer},
        {"0\r\nT: a\rb\r\n\r\n", bad_trailer},
        {"0\r\nGET / HTTP/1.1\r\n", bad_trailer},
        {"0\r\n\r\r\n", bad_trailer},
        {"0\r\n\n", bare_lf},
        {"0\r\nT: 1\n\r\n", bare_lf},
        {"0\r\nT: 1\r\n\n", bare_lf},
        {"0\n\n", bare_lf},
        {"0\r\nT: " + std::string(8192, 'a'), trailer_too_large},
    };
    return samples;
}

std::span<const std::string> good_requests() {
    static const std::vector<std::string> samples{
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET /a/b?x=1&y=%20 HTTP/1.1\r\nHost: shop:8080\r\nConnection: close\r\n\r\nnext",
        "get / HTTP/1.1\r\nHost: x\r\n\r\n",
        "M-SEARCH /x HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://y:81/p?q HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET HTTPS://y HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://y?q HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n",
        "GET //a//b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a%2fb/%c0%af HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
        "GET /?a=%00&b=\\ HTTP/1.2\r\nHost:\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0000000000000000005\r\n\r\n",
        "POST / HTTP/1.1\r\nhost:x\r\ntransfer-encoding:\t Chunked \t\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade, x-y\r\nUpgrade: "
        "websocket\r\nX-Y: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA:\r\nB: \t\r\nC:c\r\nD: d \t \r\nE: a\tb "
        "\xc3\xa9\xff\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE\r\nX-Forwarded-For: "
        "1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n\r\n",
        "OPTIONS /x HTTP/1.1\r\nHost: x\r\nMax-Forwards: 3\r\ntraceparent: "
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close, content-length, host\r\nContent-Length: "
        "3\r\nCookie: a=b\r\n\r\nabc",
    };
    return samples;
}

std::span<const std::string> good_responses() {
    static const std::vector<std::string> samples{
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 \r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nrest",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\n\r\n\x81\x05hello",
        "HTTP/1.1 599 Gr\xc3\xb6\xc3\x9f"
        "e\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: close\r\n\r\n",
        "HTTP/1.9 200 OK\r\nDate: x\r\n\r\n",
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: "
        "Upgrade\r\nContent-Length: 0\r\n\r\n",
    };
    return samples;
}

std::span<const std::string> good_chunks() {
    static const std::vector<std::string> samples{
        "0\r\n\r\n",
        "4\r\nabcd\r\n0\r\n\r\nnext",
        "000000000000004\r\nabcd\r\n00\r\n\r\n",
        "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
        "4;a\r\nabcd\r\n0;b=c\r\n\r\n",
        "4;a=\"\"\r\n\r\n\r\n\r\n0\r\n\r\n",
        "4 \t; a = b; c = \"d;\\\"e\\\\\" ;f\r\nabcd\r\n0\r\n\r\n",
        "1\r\na\r\n1\r\nb\r\n0\r\nT: 1\r\nu:\r\nContent-Length: 5\r\nV:  x y \r\n\r\n",
        "0\r\nHost: evil\r\nTransfer-Encoding: chunked\r\nX-Forwarded-For: 1.1.1.1\r\nGrpc-Status: "
        "0\r\n\r\n",
    };
    return samples;
}

std::string printable(std::string_view bytes) {
    std::string text;
    for (const char c : bytes.substr(0, 200)) {
        if (c == '\r')
            text += "\\r";
        else if (c == '\n')
            text += "\\n";
        else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f)
            text += "\\x" + std::string(1, "0123456789abcdef"[static_cast<unsigned char>(c) >> 4]) +
                    "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
        else
            text += c;
    }
    return text;
}

RequestOutcome parse_request(std::string_view bytes, const HeadLimits& limits) {
    RequestOutcome outcome;
    std::size_t resume = 0;
    outcome.result = parse_request_head(bytes, limits, resume, outcome.head);
    return outcome;
}

ResponseOutcome parse_response(std::string_view bytes, Method method, const HeadLimits& limits) {
    ResponseOutcome outcome;
    std::size_t resume = 0;
    outcome.result = parse_response_head(bytes, limits, method, resume, outcome.head);
    return outcome;
}

}  // namespace glassgate::http
