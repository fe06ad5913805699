// Requests that are refused, by what is wrong with them.
#include "http/h1_samples.h"

#include <vector>

namespace glassgate::http {
namespace {

using namespace std::string_literals;
using enum ParseError;

std::string request(std::string_view line, std::string_view fields = "Host: x\r\n") {
    return std::string(line) + "\r\n" + std::string(fields) + "\r\n";
}
std::string post(std::string_view fields) {
    return request("POST / HTTP/1.1", "Host: x\r\n" + std::string(fields));
}
std::string target(std::string_view t) { return request("GET " + std::string(t) + " HTTP/1.1"); }
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

std::vector<BadSample> start_lines() {
    return {
        // noise and other protocols
        {"\x16\x03\x01\x02"s, bad_method},
        {"\0"s, nul_byte},
        {"G\0T"s, nul_byte},
        {"\x80"s, bad_method},
        {"{\"a\":1}", bad_method},
        {"SSH-2.0-OpenSSH_9.2p1\r\n", bad_method},
        {"<GET", bad_method},
        {"G(T / HTTP/1.1\r\n", bad_method},
        {"GET\t/ HTTP/1.1\r\n", bad_method},
        {"GET\r\n", bad_method},
        {"GET\n", bad_method},
        {std::string(65, 'A'), bad_method},
        {std::string(65, 'A') + " /", bad_method},
        {"\r\n\r\n", bad_method},
        {"\r\n\r\nGET / HTTP/1.1\r\n", bad_method},
        // white space and line ends around
        {" GET / HTTP/1.1\r\n", leading_whitespace},
        {"\tGET / HTTP/1.1\r\n", leading_whitespace},
        {"\r\n GET / HTTP/1.1\r\n", leading_whitespace},
        {"\nGET / HTTP/1.1\r\n", bare_lf},
        {"\rGET / HTTP/1.1\r\n", bare_cr},
        {"GET / HTTP/1.1\n", bare_lf},
        {"GET / HTTP/1.1\nHost: x\r\n\r\n", bare_lf},
        {"GET / HTTP/1.1\rHost: x\r\n", bare_cr},
        {"GET /\r HTTP/1.1\r\n", bare_cr},
        // versions
        {"GET /\r\n", bad_version},
        {"GET / \r\n", bad_version},
        {"GET / HTTP\r\n", bad_version},
        {"GET / HTTP/1\r\n", bad_version},
        {"GET / HTTP/1.\r\n", bad_version},
        {"GET / HTTP/1.10\r\n", bad_version},
        {"GET / HTTP/01.1\r\n", bad_version},
        {"GET / http/1.1\r\n", bad_version},
        {"GET / HTTP/1,1\r\n", bad_version},
        {"GET / HTTP/1.1 \r\n", bad_version},
        {"GET / HTTP/1.x\r\n", bad_version},
        {"GET / HTTP/x.1\r\n", bad_version},
        {"GET / HTTQ/1.1\r\n", bad_version},
        {"GET / HTTP/+1.1\r\n", bad_version},
        {"GET / HTTP/1.1x\r\n", bad_version},
        {"GET / HTTP/1.1\x01\r\n", control_byte},
        {"GET / HTTP/1.1\0\r\n"s, nul_byte},
        {"GET / HTTP/0.9\r\n", unsupported_version},
        {"GET / HTTP/2.0\r\n", unsupported_version},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", unsupported_version},
        {"GET / HTTP/9.9\r\n", unsupported_version},
    };
}

std::vector<BadSample> targets() {
    return {
        {target("a"), bad_target},
        {target("a/b"), bad_target},
        {target("*"), bad_target},
        {target("*/x"), bad_target},
        {request("OPTIONS *x HTTP/1.1"), bad_target},
        {target("x:80"), bad_target},
        {target("?a"), bad_target},
        {"GET  / HTTP/1.1\r\n", bad_target},
        {"GET /a b HTTP/1.1\r\n", bad_target},
        {"GET  HTTP/1.1\r\n", bad_target},
        {target("/a#b"), bad_target},
        {target("/\xc3\xa9"), bad_target},
        {target("/\xff"), bad_target},
        {target("/a\\b"), bad_target},
        {target("/%"), bad_target},
        {target("/%4"), bad_target},
        {target("/%zz"), bad_target},
        {target("/%%34%31"), bad_target},
        {target("/a%00"), bad_target},
        {target("/%u0041"), bad_target},
        {target("/\x01"), control_byte},
        {target("/\x7f"), control_byte},
        {target("/\t"), control_byte},
        {target("/\0"s), nul_byte},
        {target("ftp://x/"), bad_target},
        {target("http:/x"), bad_target},
        {target("http:///a"), bad_target},
        {target("http://"), bad_target},
        {target("://x/"), bad_target},
        {target("javascript://x/"), bad_target},
        {target("http://u@x/"), bad_target},
        {target("http://u:p@x/"), bad_target},
        {target("http://x:99999/"), bad_target},
        {target("http://x:8a/"), bad_target},
        {target("http://[::1/"), bad_target},
        {target("http://x/%"), bad_target},
        {target("http://x,y/"), bad_target},
        {target("http://x/a\\b"), bad_target},
        {target("//x/ "), bad_target},
        {request("CONNECT / HTTP/1.1"), bad_target},
        {request("CONNECT x HTTP/1.1"), bad_target},
        {request("CONNECT x: HTTP/1.1"), bad_target},
        {request("CONNECT :80 HTTP/1.1"), bad_target},
        {request("CONNECT [::1] HTTP/1.1"), bad_target},
        {request("CONNECT u@x:80 HTTP/1.1"), bad_target},
        {request("CONNECT http://x:80/ HTTP/1.1"), bad_target},
        {request("CONNECT x:80/a HTTP/1.1"), bad_target},
        {"GET /" + std::string(8192, 'a'), uri_too_long},
        {target("/" + std::string(8192, 'a')), uri_too_long},
        {"GET /" + std::string(9000, 'a') + "\r\n", uri_too_long},
    };
}

std::vector<BadSample> fields() {
    return {
        {post("A: 1\r\n folded\r\n"), obs_fold},
        {post("A: 1\r\n\tfolded\r\n"), obs_fold},
        {post(" A: 1\r\n"), obs_fold},
        {request("GET / HTTP/1.1", " Host: x\r\n"), obs_fold},
        {post("A: 1\r\n \r\n"), obs_fold},
        {post(": 1\r\n"), empty_name},
        {post(":\r\n"), empty_name},
        {post("A : 1\r\n"), space_before_colon},
        {post("A\t: 1\r\n"), space_before_colon},
        {post("Content-Length : 5\r\n"), space_before_colon},
        {post("Transfer-Encoding \t: chunked\r\n"), space_before_colon},
        {post("A\r\n"), no_colon},
        {post("A B\r\n"), no_colon},
        {post("GET / HTTP/1.1\r\n"), no_colon},
        {post("A B: 1\r\n"), bad_name},
        {post("A(B): 1\r\n"), bad_name},
        {post("A\xc3\xa9: 1\r\n"), bad_name},
        {post("\"A\": 1\r\n"), bad_name},
        {post("A@B: 1\r\n"), bad_name},
        {post("{A}: 1\r\n"), bad_name},
        {post("A/B: 1\r\n"), bad_name},
        {post("[A: 1\r\n"), bad_name},
        {post("A\x01: 1\r\n"), control_byte},
        {post("A\x7f: 1\r\n"), control_byte},
        {post("A\0: 1\r\n"s), nul_byte},
        {post("\0\r\n"s), nul_byte},
        {post("A\r: 1\r\n"), bare_cr},
        {post("\r: 1\r\n"), bare_cr},
        {post("A: \0\r\n"s), nul_byte},
        {post("A: b\0c\r\n"s), nul_byte},
        {post("A: \x01\r\n"), control_byte},
        {post("A: a\x0b\r\n"), control_byte},
        {post("A: a\x7f\r\n"), control_byte},
        {post("A: a\x1b[0m\r\n"), control_byte},
        {post("A: a\rb\r\n"), bare_cr},
        {post("A: a\r\r\n"), bare_cr},
        {post("A: 1\nB: 2\r\n"), bare_lf},
        {post("A: 1\n\r\n"), bare_lf},
        {"GET / HTTP/1.1\r\nHost: x\n\n", bare_lf},
        {"GET / HTTP/1.1\r\nHost: x\r\n\n", bare_lf},
        {"GET / HTTP/1.1\r\n\nHost: x\r\n\r\n", bare_lf},
        {request("GET / HTTP/1.1", "Host: x\r\n" + many_fields(128)), too_many_headers},
        {post("Connection: " + options(33) + "\r\n"), bad_connection},
        {post("Connection: " + options(20) + "\r\nConnection: " + options(13) + "\r\n"),
         bad_connection},
        {post("A: " + std::string(61440, 'a')), head_too_large},
        {post(many_fields(61440 / 6)), head_too_large},
        {"GET / " + std::string(70000, 'a'), bad_version},
        {"GET / HTTP/1.1\r\nA: " + std::string(62000, 'a'), head_too_large},
    };
}

std::vector<BadSample> hosts() {
    std::vector<BadSample> samples{
        {request("GET / HTTP/1.1", ""), missing_host},
        {request("GET / HTTP/1.2", ""), missing_host},
        {request("GET http://x/ HTTP/1.1", ""), missing_host},
        {request("GET / HTTP/1.1", "Hos: x\r\n"), missing_host},
        {post("Host: x\r\n"), repeated_host},
        {post("hOST: y\r\n"), repeated_host},
        {post("Host:\r\n"), repeated_host},
        {request("GET / HTTP/1.0", "Host: x\r\nHost: x\r\n"), repeated_host},
    };
    for (const char* host : {"x y",       "x,y",
                             "u@x",       "http://x",
                             "x/a",       "x?a",
                             "x#a",       "x\\y",
                             "\"x\"",     "<x>",
                             "x:80:81",   ":80",
                             "x:-1",      "x:+80",
                             "x:8x",      "x:65536",
                             "x:999999",  "[::1",
                             "::1]",      "[]",
                             "[]:80",     "[::1]x",
                             "[::1]:x",   "[:::]",
                             "[1.2.3.4]", "[fe80::1%25eth0]",
                             "a[b]",      "x|y",
                             "{x}",       "x^y",
                             "\xc3\xa9"})
        samples.push_back(
            {request("GET / HTTP/1.1", "Host: " + std::string(host) + "\r\n"), bad_host});
    samples.push_back(
        {request("GET / HTTP/1.1", "Host: " + std::string(262, 'a') + "\r\n"), bad_host});
    samples.push_back({request("GET http://x/ HTTP/1.1", "Host: u@y\r\n"), bad_host});
    return samples;
}

std::vector<BadSample> framing() {
    std::vector<BadSample> samples{
        {post("Content-Length: 5\r\nContent-Length: 6\r\n"), conflicting_content_length},
        {post("Content-Length: 5\r\nContent-Length: 5\r\n"), repeated_content_length},
        {post("Content-Length: 5\r\ncontent-length: 05\r\n"), repeated_content_length},
        {post("Content-Length: 5\r\nContent-Length: x\r\n"), bad_content_length},
        {post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
         content_length_with_transfer_encoding},
        {post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
         content_length_with_transfer_encoding},
        {post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
         content_length_with_transfer_encoding},
        {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
         bad_transfer_encoding},
        {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
         bad_transfer_encoding},
        {post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
         bad_transfer_encoding},
        {post("Transfer-Encoding: \x0b"
              "chunked\r\n"),
         control_byte},
        {post("Transfer-Encoding: chunked\x0b\r\n"), control_byte},
        {post("Transfer-Encoding: gzip, chunked\r\n"), unsupported_transfer_encoding},
        {post("Transfer-Encoding: GZIP , Chunked\r\n"), unsupported_transfer_encoding},
        {post("Transfer-Encoding: gzip\r\n"), unsupported_transfer_encoding},
        {request("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n"), transfer_encoding_in_http10},
        {request("POST / HTTP/1.0", "Transfer-Encoding: identity\r\n"),
         transfer_encoding_in_http10},
        {post("Expect: 100-Continue, x\r\n"), bad_expect},
        {post("Expect: 200-ok\r\n"), bad_expect},
        {post("Expect:\r\n"), bad_expect},
        {post("Expect: 100-continue\r\nExpect: y\r\n"), bad_expect},
    };
    for (const char* length :
         {"", "+5", "-5", "-0", "5, 5", "5,5", "5 5", "0x5", "5h", "5.0", "5e0", ",5", "five",
          "\"5\"", "99999999999999999999", "00000000000000000005", "18446744073709551616", "5;5"})
        samples.push_back(
            {post("Content-Length: " + std::string(length) + "\r\n"), bad_content_length});
    for (const char* coding : {"",
                               "xchunked",
                               "chunkedx",
                               "x chunked",
                               "chunked chunked",
                               "chunked;q=1",
                               "chunked; q=1",
                               "chunked,",
                               ",chunked",
                               " , chunked",
                               "chunked, chunked",
                               "chunked, gzip",
                               "chunked, identity",
                               "chunked, chunked, chunked",
                               "identity",
                               "\"chunked\"",
                               "'chunked'",
                               "chunked\xa0",
                               "\xff"
                               "chunked",
                               "chunk",
                               "CHUNKED;",
                               "x=chunked",
                               "cow",
                               "identity, cow"})
        samples.push_back(
            {post("Transfer-Encoding: " + std::string(coding) + "\r\n"), bad_transfer_encoding});
    return samples;
}

template <typename... Lists>
auto joined(Lists&&... lists) {
    std::vector<BadSample> all;
    (all.insert(all.end(), lists.begin(), lists.end()), ...);
    return all;
}

}  // namespace

std::span<const BadSample> bad_requests() {
    static const std::vector<BadSample> samples =
        joined(start_lines(), targets(), fields(), hosts(), framing());
    return samples;
}

}  // namespace glassgate::http
