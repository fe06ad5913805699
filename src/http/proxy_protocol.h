// The PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy, 2020/03/05): who the client
// of a connection is, said by the proxy in front of us, and by us to the next one.
//
// Whether the sender is to be believed is the caller's to decide, before it looks: a listener
// either expects the header of everybody or of nobody.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glassgate::http {

enum class ProxyError : uint8_t {
    none,
    not_proxy,     // the bytes are no header of either version
    bad_line,      // version 1: not as it must be, or no CRLF within 107 bytes
    bad_address,   // version 1: an address or a port, or not of the family announced
    bad_version,   // version 2: another version nibble
    bad_command,   // version 2: neither LOCAL nor PROXY
    bad_family,    // version 2: a family or transport that does not exist
    bad_length,    // version 2: shorter than its addresses
    too_large,     // version 2: longer than kProxyHeaderMax
    bad_tlv,       // version 2: a value that goes beyond the header, or is not as it must be
    bad_checksum,  // version 2: the CRC32C is another
};
// A slug: "bad_checksum".
[[nodiscard]] std::string_view to_text(ProxyError error) noexcept;

constexpr std::size_t kProxyHeaderMax = 4096;

// What the sender knows of the client's TLS (§2.2.6).
struct ProxyTls {
    bool tls = false;
    bool certificate_on_connection = false;
    bool certificate_in_session = false;
    bool verified = false;  // a certificate was presented and was good
    std::string_view version, common_name, cipher, signature_algorithm, key_algorithm;
};

// Texts are views into the bytes parsed, and whatever the sender wrote.
struct ProxyHeader {
    // The connection is the sender's own (LOCAL), or of a kind that has no addresses for us
    // (UNKNOWN, UNSPEC, UNIX, datagrams): the socket's own addresses are the ones.
    bool local = true;
    sockaddr_storage source{};
    sockaddr_storage destination{};
    std::string_view alpn, authority, unique_id;
    std::optional<ProxyTls> tls;
};

struct ProxyParse {
    enum class State : uint8_t { need_more, done, failed };
    State state = State::need_more;
    std::size_t bytes = 0;  // done: what the header takes up
    ProxyError error = ProxyError::none;
};

// Reads a header from the beginning of the bytes received so far. Fails as soon as they cannot
// become one, and asks for at most kProxyHeaderMax.
[[nodiscard]] ProxyParse parse_proxy_header(std::string_view bytes, ProxyHeader& header) noexcept;

// Appends a header. Version 1 has only the addresses; local: "PROXY UNKNOWN". An IPv4 address next
// to an IPv6 one is written as an IPv6-mapped one. Empty texts are left out, too long ones as well.
void append_proxy_v1(std::string& out, const ProxyHeader& header);
void append_proxy_v2(std::string& out, const ProxyHeader& header, bool checksum = false);

}  // namespace glassgate::http
