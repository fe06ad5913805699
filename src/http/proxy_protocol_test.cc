#include "http/proxy_protocol.h"

#include <gtest/gtest.h>

#include "io/socket.h"

namespace glassgate::http {
namespace {

using namespace std::string_literals;
using State = ProxyParse::State;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string text(const sockaddr_storage& address) {
    char host[48];
    uint16_t port = 0;
    io::format_address(address, host, port);
    return std::string(host) + ' ' + std::to_string(port);
}

ProxyError error_of(const std::string& bytes) {
    ProxyHeader header;
    const ProxyParse r = parse_proxy_header(bytes, header);
    EXPECT_EQ(r.state == State::failed, r.error != ProxyError::none);
    EXPECT_TRUE(header.local || r.state != State::failed);
    return r.error;
}

State state_of(const std::string& bytes) {
    ProxyHeader header;
    return parse_proxy_header(bytes, header).state;
}

std::string v2(char command, char family, const std::string& rest) {
    return kSignature + command + family + static_cast<char>(rest.size() >> 8) +
           static_cast<char>(rest.size()) + rest;
}
const std::string kV4 = "\xc0\x00\x02\x07\xc0\x00\x02\x08\x12\x34\x01\xbb"s;
std::string tlv(char type, const std::string& value) {
    return type + ""s + static_cast<char>(value.size() >> 8) + static_cast<char>(value.size()) +
           value;
}

sockaddr_storage address(const std::string& host, uint16_t port) {
    sockaddr_storage out;
    EXPECT_TRUE(io::parse_address(host, port, out));
    return out;
}

TEST(ProxyProtocol, V1StatesTheClient) {
    const std::string line = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
    ProxyHeader header;
    const ProxyParse r = parse_proxy_header(line + "GET / HTTP/1.1\r\n", header);
    ASSERT_EQ(r.state, State::done);
    EXPECT_EQ(r.bytes, line.size());
    EXPECT_FALSE(header.local);
    EXPECT_EQ(text(header.source), "192.0.2.7 56324");
    EXPECT_EQ(text(header.destination), "198.51.100.1 443");
    ASSERT_EQ(parse_proxy_header("PROXY TCP6 2001:db8::7 ::1 0 65535\r\n", header).state,
              State::done);
    EXPECT_EQ(text(header.source), "2001:db8::7 0");
    EXPECT_EQ(text(header.destination), "::1 65535");
}

TEST(ProxyProtocol, V1Unknown) {
    for (const char* line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN anything at all\r\n",
                             "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"}) {
        ProxyHeader header;
        const ProxyParse r = parse_proxy_header(line, header);
        EXPECT_EQ(r.state, State::done) << line;
        EXPECT_EQ(r.bytes, std::string(line).size());
        EXPECT_TRUE(header.local);
    }
}

TEST(ProxyProtocol, V1IsExact) {
    for (const char* line :
         {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx",
          "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
          "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
          "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
          "PROXY UNKNOWNX\r\n", "PROXY \r\n", "PROXY TCP4\r\n"})
        EXPECT_EQ(error_of(line), ProxyError::bad_line) << line;
    for (const char* line :
         {"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
          "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
          "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
          "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2x\r\n",
          "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n"})
        EXPECT_EQ(error_of(line), ProxyError::bad_address) << line;
    EXPECT_EQ(error_of("PROXY UNKNOWN " + std::string(100, 'x')), ProxyError::bad_line);
    EXPECT_EQ(error_of("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), ProxyError::bad_line)
        << "the line is one byte too long";
}

TEST(ProxyProtocol, IsRefusedAtTheFirstWrongByte) {
    EXPECT_EQ(error_of("GET / HTTP/1.1\r\n"), ProxyError::not_proxy);
    EXPECT_EQ(error_of("PROXX"), ProxyError::not_proxy);
    EXPECT_EQ(error_of("\x16\x03\x01"), ProxyError::not_proxy);
    EXPECT_EQ(error_of("\r\n\r\nG"), ProxyError::not_proxy);
    EXPECT_EQ(error_of(kSignature + "\x11"), ProxyError::bad_version);
    EXPECT_EQ(error_of(kSignature + "\x22"), ProxyError::bad_command);
}

TEST(ProxyProtocol, EveryBeginningIsIncomplete) {
    const std::string whole[] = {"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
                                 "PROXY UNKNOWN\r\n",
                                 v2('\x21', '\x11', kV4 + tlv('\x02', "shop.test"))};
    for (const std::string& bytes : whole) {
        for (std::size_t n = 0; n < bytes.size(); ++n)
            EXPECT_EQ(state_of(bytes.substr(0, n)), State::need_more) << n;
        EXPECT_EQ(state_of(bytes), State::done);
    }
}

TEST(ProxyProtocol, V2StatesTheClientAndMore) {
    const std::string sub =
        tlv('\x21', "TLSv1.3") + tlv('\x22', "payments") + tlv('\x23', "TLS_AES_128_GCM_SHA256");
    const std::string bytes =
        v2('\x21', '\x11',
           kV4 + tlv('\x01', "h2") + tlv('\x02', "shop.test") + tlv('\x04', "padding") +
               tlv('\x05', "id-1") + tlv('\x20', "\x03\0\0\0\0"s + sub) + tlv('\xe0', "custom"));
    ProxyHeader header;
    const std::string stream = bytes + "rest";  // what the header's texts are views of
    const ProxyParse r = parse_proxy_header(stream, header);
    ASSERT_EQ(r.state, State::done);
    EXPECT_EQ(r.bytes, bytes.size());
    EXPECT_EQ(text(header.source), "192.0.2.7 4660");
    EXPECT_EQ(text(header.destination), "192.0.2.8 443");
    EXPECT_EQ(header.alpn, "h2");
    EXPECT_EQ(header.authority, "shop.test");
    EXPECT_EQ(header.unique_id, "id-1");
    ASSERT_TRUE(header.tls.has_value());
    EXPECT_TRUE(header.tls->tls);
    EXPECT_TRUE(header.tls->verified);
    EXPECT_EQ(header.tls->version, "TLSv1.3");
    EXPECT_EQ(header.tls->common_name, "payments");
    EXPECT_EQ(header.tls->cipher, "TLS_AES_128_GCM_SHA256");
}

TEST(ProxyProtocol, V2NoCertificateIsNotAVerifiedOne) {
    ProxyHeader header;
    ASSERT_EQ(
        parse_proxy_header(v2('\x21', '\x11', kV4 + tlv('\x20', "\x01\0\0\0\0"s)), header).state,
        State::done);
    EXPECT_FALSE(header.tls->verified);
}

TEST(ProxyProtocol, V2WithoutAddressesForUs) {
    const std::string unix_addresses(216, 'u');
    for (const std::string& bytes :
         {v2('\x20', '\0', ""), v2('\x20', '\x11', kV4), v2('\x20', '\xff', "skip this"),
          v2('\x21', '\0', "whatever"), v2('\x21', '\x10', kV4), v2('\x21', '\x01', ""),
          v2('\x21', '\x31', unix_addresses), v2('\x21', '\x32', unix_addresses),
          v2('\x21', '\x12', kV4)}) {
        ProxyHeader header;
        const ProxyParse r = parse_proxy_header(bytes + "GET", header);
        EXPECT_EQ(r.state, State::done);
        EXPECT_EQ(r.bytes, bytes.size());
        EXPECT_TRUE(header.local);
    }
}

TEST(ProxyProtocol, V2IsExact) {
    EXPECT_EQ(error_of(v2('\x21', '\x41', kV4)), ProxyError::bad_family);
    EXPECT_EQ(error_of(v2('\x21', '\x13', kV4)), ProxyError::bad_family);
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4.substr(1))), ProxyError::bad_length);
    EXPECT_EQ(error_of(v2('\x21', '\x21', kV4)), ProxyError::bad_length);
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4 + "\x01\x00"s)), ProxyError::bad_tlv);
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4 + "\x01\x00\x05h2"s)), ProxyError::bad_tlv);
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4 + tlv('\x05', std::string(129, 'i')))),
              ProxyError::bad_tlv);
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4 + tlv('\x20', "\x01\0\0\0"s))), ProxyError::bad_tlv);
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4 + tlv('\x20', "\x01\0\0\0\0\x21\0"s))),
              ProxyError::bad_tlv);
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4 + tlv('\x03', "abc"))), ProxyError::bad_tlv);
    EXPECT_EQ(error_of(kSignature + "\x21\x11\x10\x00"s), ProxyError::too_large)
        << "said by its length, before it is there";
}

TEST(ProxyProtocol, V2ChecksumIsChecked) {
    ProxyHeader sent;
    sent.local = false;
    sent.source = address("192.0.2.7", 1);
    sent.destination = address("192.0.2.8", 2);
    sent.authority = "shop.test";
    std::string bytes;
    append_proxy_v2(bytes, sent, true);
    EXPECT_EQ(error_of(bytes), ProxyError::none);
    const std::size_t type_of_checksum = bytes.size() - 7;  // another one makes it no checksum
    for (std::size_t i = 16; i < bytes.size(); ++i) {
        if (i == type_of_checksum) continue;
        std::string altered = bytes;
        altered[i] = static_cast<char>(altered[i] ^ 1);
        EXPECT_NE(error_of(altered), ProxyError::none) << i;
    }
    // By another implementation, one whose CRC32C of "123456789" is e3069283.
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4 + "\x03\0\x04"s + "\xcb\x56\x3e\xdb")),
              ProxyError::none);
    EXPECT_EQ(error_of(v2('\x21', '\x11', kV4 + "\x03\0\x04\0\0\0\0"s)), ProxyError::bad_checksum);
}

TEST(ProxyProtocol, WritesWhatItReads) {
    ProxyHeader sent;
    sent.local = false;
    sent.source = address("2001:db8::7", 56324);
    sent.destination = address("2001:db8::1", 443);
    sent.alpn = "http/1.1";
    sent.authority = "shop.test";
    sent.unique_id = "0123";
    sent.tls = ProxyTls{true, true, true, true, "TLSv1.2", "cn", "c", "RSA-SHA256", "RSA2048"};
    for (const bool checksum : {false, true}) {
        std::string bytes;
        append_proxy_v2(bytes, sent, checksum);
        ProxyHeader got;
        ASSERT_EQ(parse_proxy_header(bytes, got).state, State::done);
        EXPECT_EQ(text(got.source), "2001:db8::7 56324");
        EXPECT_EQ(text(got.destination), "2001:db8::1 443");
        EXPECT_EQ(got.alpn, sent.alpn);
        EXPECT_EQ(got.authority, sent.authority);
        EXPECT_EQ(got.unique_id, sent.unique_id);
        EXPECT_EQ(got.tls->key_algorithm, "RSA2048");
        EXPECT_EQ(got.tls->signature_algorithm, "RSA-SHA256");
        EXPECT_TRUE(got.tls->verified && got.tls->certificate_in_session);
    }
    std::string line;
    append_proxy_v1(line, sent);
    EXPECT_EQ(line, "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n");
    sent.source = address("192.0.2.7", 1);
    line.clear();
    append_proxy_v1(line, sent);
    EXPECT_EQ(line, "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 443\r\n");
    sent.destination = address("192.0.2.8", 2);
    line.clear();
    append_proxy_v1(line, sent);
    EXPECT_EQ(line, "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n");
    line.clear();
    append_proxy_v1(line, {});
    append_proxy_v2(line, {});
    EXPECT_EQ(line, "PROXY UNKNOWN\r\n" + kSignature + "\x20\0\0\0"s);
}

}  // namespace
}  // namespace glassgate::http
