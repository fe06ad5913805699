#include "http/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"

namespace glassgate::http {
namespace {

using State = ProxyParse::State;

constexpr std::string_view kV1 = "PROXY ";
constexpr std::string_view kV2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kV1LineMax = 107;
constexpr std::size_t kV2HeadBytes = 16;

enum Tlv : uint8_t {
    kAlpn = 0x01,
    kAuthority = 0x02,
    kCrc32c = 0x03,
    kUniqueId = 0x05,
    kTls = 0x20,
    kTlsVersion = 0x21,
    kTlsCommonName = 0x22,
    kTlsCipher = 0x23,
    kTlsSignature = 0x24,
    kTlsKey = 0x25,
};

ProxyParse failed(ProxyError error) noexcept { return {State::failed, 0, error}; }

// The bytes received are the beginning of `what`, or begin with it.
bool may_be(std::string_view bytes, std::string_view what) noexcept {
    const std::size_t n = std::min(bytes.size(), what.size());
    return bytes.substr(0, n) == what.substr(0, n);
}

uint8_t byte_at(std::string_view bytes, std::size_t at) noexcept {
    return static_cast<uint8_t>(bytes[at]);
}
uint16_t u16_at(std::string_view bytes, std::size_t at) noexcept {
    return static_cast<uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

constexpr std::array<uint32_t, 256> kCrcTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        table[i] = crc;
    }
    return table;
}();

uint32_t crc_add(uint32_t crc, std::string_view bytes) noexcept {
    for (const char c : bytes) crc = kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 255] ^ crc >> 8;
    return crc;
}

// CRC32C of the bytes with the four at `at` taken for zero (§2.2.3).
uint32_t checksum_of(std::string_view bytes, std::size_t at) noexcept {
    uint32_t crc = crc_add(~0u, bytes.substr(0, at));
    crc = crc_add(crc, std::string_view("\0\0\0\0", 4));
    return ~crc_add(crc, bytes.substr(at + 4));
}

bool read_address(std::string_view text, std::string_view port, bool v6,
                  sockaddr_storage& out) noexcept {
    char buffer[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof buffer) return false;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    const auto number = parse_u64(port);
    if (!number || *number > 65535 || (port.size() > 1 && port.front() == '0')) return false;
    out = {};
    if (v6) {
        auto& address = reinterpret_cast<sockaddr_in6&>(out);
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(static_cast<uint16_t>(*number));
        return inet_pton(AF_INET6, buffer, &address.sin6_addr) == 1;
    }
    auto& address = reinterpret_cast<sockaddr_in&>(out);
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(*number));
    return inet_pton(AF_INET, buffer, &address.sin_addr) == 1;
}

// `line` is what stands between "PROXY " and CRLF.
ProxyError read_line(std::string_view line, ProxyHeader& header) noexcept {
    if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return ProxyError::none;
    std::array<std::string_view, 5> words;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto space = line.find(' ');
        words[i] = line.substr(0, space);
        const bool last = i + 1 == words.size();
        if (words[i].empty() || (space == std::string_view::npos) != last)
            return ProxyError::bad_line;
        if (!last) line.remove_prefix(space + 1);
    }
    const bool v6 = words[0] == "TCP6";
    if (!v6 && words[0] != "TCP4") return ProxyError::bad_line;
    if (!read_address(words[1], words[3], v6, header.source) ||
        !read_address(words[2], words[4], v6, header.destination))
        return ProxyError::bad_address;
    header.local = false;
    return ProxyError::none;
}

ProxyParse parse_v1(std::string_view bytes, ProxyHeader& header) noexcept {
    const std::string_view line = bytes.substr(0, kV1LineMax);
    const auto end = line.find_first_of("\r\n");
    if (end == std::string_view::npos)
        return line.size() < kV1LineMax ? ProxyParse{} : failed(ProxyError::bad_line);
    if (line[end] == '\r' && end + 1 == line.size() && line.size() < kV1LineMax) return {};
    if (line[end] != '\r' || end + 1 == line.size() || line[end + 1] != '\n')
        return failed(ProxyError::bad_line);
    const ProxyError error = read_line(line.substr(kV1.size(), end - kV1.size()), header);
    if (error != ProxyError::none) return failed(error);
    return {State::done, end + 2, ProxyError::none};
}

struct TlvReader {
    std::string_view rest;
    uint8_t type = 0;
    std::string_view value{};
    bool broken = false;

    bool next() noexcept {
        if (rest.empty()) return false;
        broken = rest.size() < 3 || rest.size() - 3 < u16_at(rest, 1);
        if (broken) return false;
        type = byte_at(rest, 0);
        value = rest.substr(3, u16_at(rest, 1));
        rest.remove_prefix(3 + value.size());
        return true;
    }
};

bool read_tls(std::string_view value, ProxyTls& tls) noexcept {
    if (value.size() < 5) return false;
    const uint8_t client = byte_at(value, 0);
    tls.tls = client & 1;
    tls.certificate_on_connection = client & 2;
    tls.certificate_in_session = client & 4;
    const bool presented = tls.certificate_on_connection || tls.certificate_in_session;
    tls.verified = presented && value.substr(1, 4) == std::string_view("\0\0\0\0", 4);
    TlvReader sub{value.substr(5)};
    while (sub.next()) {
        if (sub.type == kTlsVersion) tls.version = sub.value;
        if (sub.type == kTlsCommonName) tls.common_name = sub.value;
        if (sub.type == kTlsCipher) tls.cipher = sub.value;
        if (sub.type == kTlsSignature) tls.signature_algorithm = sub.value;
        if (sub.type == kTlsKey) tls.key_algorithm = sub.value;
    }
    return !sub.broken;
}

// `whole` is the header, `begin` where its values do.
ProxyError read_tlvs(std::string_view whole, std::size_t begin, ProxyHeader& header) noexcept {
    TlvReader reader{whole.substr(begin)};
    while (reader.next()) {
        const std::string_view value = reader.value;
        if (reader.type == kAlpn) header.alpn = value;
        if (reader.type == kAuthority) header.authority = value;
        if (reader.type == kUniqueId) {
            if (value.size() > 128) return ProxyError::bad_tlv;
            header.unique_id = value;
        }
        if (reader.type == kTls && !read_tls(value, header.tls.emplace()))
            return ProxyError::bad_tlv;
        if (reader.type == kCrc32c) {
            if (value.size() != 4) return ProxyError::bad_tlv;
            const uint32_t said = static_cast<uint32_t>(u16_at(value, 0)) << 16 | u16_at(value, 2);
            if (said != checksum_of(whole, static_cast<std::size_t>(value.data() - whole.data())))
                return ProxyError::bad_checksum;
        }
    }
    return reader.broken ? ProxyError::bad_tlv : ProxyError::none;
}

// How long the addresses of a family are.
std::size_t addresses_bytes(unsigned family) noexcept {
    constexpr std::size_t kBytes[] = {0, 12, 36, 216};
    return kBytes[family];
}

void read_v4(std::string_view bytes, std::size_t at, std::size_t port, sockaddr_storage& out) {
    auto& address = reinterpret_cast<sockaddr_in&>(out);
    address.sin_family = AF_INET;
    std::memcpy(&address.sin_addr, bytes.data() + at, 4);
    address.sin_port = htons(u16_at(bytes, port));
}

void read_v6(std::string_view bytes, std::size_t at, std::size_t port, sockaddr_storage& out) {
    auto& address = reinterpret_cast<sockaddr_in6&>(out);
    address.sin6_family = AF_INET6;
    std::memcpy(&address.sin6_addr, bytes.data() + at, 16);
    address.sin6_port = htons(u16_at(bytes, port));
}

void read_addresses(std::string_view bytes, unsigned family, ProxyHeader& header) noexcept {
    if (family == 1) {
        read_v4(bytes, 0, 8, header.source);
        read_v4(bytes, 4, 10, header.destination);
    } else {
        read_v6(bytes, 0, 32, header.source);
        read_v6(bytes, 16, 34, header.destination);
    }
}

ProxyParse parse_v2(std::string_view bytes, ProxyHeader& header) noexcept {
    if (bytes.size() > 12 && byte_at(bytes, 12) >> 4 != 2) return failed(ProxyError::bad_version);
    if (bytes.size() > 12 && (byte_at(bytes, 12) & 15) > 1) return failed(ProxyError::bad_command);
    if (bytes.size() < kV2HeadBytes) return {};
    const bool local = (byte_at(bytes, 12) & 15) == 0;
    const unsigned family = byte_at(bytes, 13) >> 4, transport = byte_at(bytes, 13) & 15;
    const std::size_t size = kV2HeadBytes + u16_at(bytes, 14);
    if (size > kProxyHeaderMax) return failed(ProxyError::too_large);
    // The family of a LOCAL connection says nothing (§2.2).
    if (!local && (family > 3 || transport > 2)) return failed(ProxyError::bad_family);
    const bool unspecified = local || family == 0 || transport == 0;
    if (!unspecified && size < kV2HeadBytes + addresses_bytes(family))
        return failed(ProxyError::bad_length);
    if (bytes.size() < size) return {};
    if (unspecified) return {State::done, size, ProxyError::none};
    const std::string_view whole = bytes.substr(0, size);
    const std::size_t tlvs = kV2HeadBytes + addresses_bytes(family);
    const ProxyError error = read_tlvs(whole, tlvs, header);
    if (error != ProxyError::none) return failed(error);
    if (family != 3 && transport == 1) {
        read_addresses(whole.substr(kV2HeadBytes), family, header);
        header.local = false;
    }
    return {State::done, size, ProxyError::none};
}

void append_u16(std::string& out, std::size_t value) {
    out += static_cast<char>(value >> 8 & 255);
    out += static_cast<char>(value & 255);
}

void append_tlv(std::string& out, uint8_t type, std::string_view value, std::size_t max = 512) {
    if (value.empty() || value.size() > max) return;
    out += static_cast<char>(type);
    append_u16(out, value.size());
    out += value;
}

void append_tls(std::string& out, const ProxyTls& tls) {
    std::string value;
    value += static_cast<char>((tls.tls ? 1 : 0) | (tls.certificate_on_connection ? 2 : 0) |
                               (tls.certificate_in_session ? 4 : 0));
    value.append(3, '\0');
    value += tls.verified ? '\0' : '\1';
    append_tlv(value, kTlsVersion, tls.version);
    append_tlv(value, kTlsCommonName, tls.common_name);
    append_tlv(value, kTlsCipher, tls.cipher);
    append_tlv(value, kTlsSignature, tls.signature_algorithm);
    append_tlv(value, kTlsKey, tls.key_algorithm);
    append_tlv(out, kTls, value, 2600);
}

// An address as both need it to be: IPv4 as ::ffff:a.b.c.d when the other is IPv6.
sockaddr_in6 mapped(const sockaddr_storage& address) noexcept {
    if (address.ss_family == AF_INET6) return reinterpret_cast<const sockaddr_in6&>(address);
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = v4.sin_port;
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
    std::memcpy(&v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
    return v6;
}

struct Family {
    bool known = false, v4 = false;
};
Family family_of(const ProxyHeader& header) noexcept {
    const auto is = [](const sockaddr_storage& address, int family) {
        return address.ss_family == family;
    };
    const bool known = !header.local &&
                       (is(header.source, AF_INET) || is(header.source, AF_INET6)) &&
                       (is(header.destination, AF_INET) || is(header.destination, AF_INET6));
    return {known, known && is(header.source, AF_INET) && is(header.destination, AF_INET)};
}

void append_text(std::string& out, int family, const void* address) {
    char text[INET6_ADDRSTRLEN];
    out += ' ';
    out += inet_ntop(family, address, text, sizeof text);
}

void append_bytes(std::string& out, const void* bytes, std::size_t size) {
    out.append(static_cast<const char*>(bytes), size);
}

}  // namespace

std::string_view to_text(ProxyError error) noexcept {
    constexpr std::string_view kNames[] = {
        "none",       "not_proxy",  "bad_line",  "bad_address", "bad_version", "bad_command",
        "bad_family", "bad_length", "too_large", "bad_tlv",     "bad_checksum"};
    return kNames[static_cast<std::size_t>(error)];
}

ProxyParse parse_proxy_header(std::string_view bytes, ProxyHeader& header) noexcept {
    header = {};
    if (may_be(bytes, kV2))
        return bytes.size() < kV2.size() ? ProxyParse{} : parse_v2(bytes, header);
    if (may_be(bytes, kV1))
        return bytes.size() < kV1.size() ? ProxyParse{} : parse_v1(bytes, header);
    return failed(ProxyError::not_proxy);
}

void append_proxy_v1(std::string& out, const ProxyHeader& header) {
    const Family family = family_of(header);
    if (!family.known) {
        out += "PROXY UNKNOWN\r\n";
        return;
    }
    const sockaddr_in6 source = mapped(header.source), destination = mapped(header.destination);
    out += family.v4 ? "PROXY TCP4" : "PROXY TCP6";
    for (const sockaddr_in6* address : {&source, &destination})
        append_text(out, family.v4 ? AF_INET : AF_INET6,
                    &address->sin6_addr.s6_addr[family.v4 ? 12 : 0]);
    for (const sockaddr_in6* address : {&source, &destination}) {
        out += ' ';
        append_u64(out, ntohs(address->sin6_port));
    }
    out += "\r\n";
}

void append_proxy_v2(std::string& out, const ProxyHeader& header, bool checksum) {
    const Family family = family_of(header);
    const std::size_t begin = out.size();
    out += kV2;
    out += family.known ? '\x21' : '\x20';
    out += !family.known ? '\0' : (family.v4 ? '\x11' : '\x21');
    append_u16(out, 0);
    if (family.known) {
        const sockaddr_in6 source = mapped(header.source), destination = mapped(header.destination);
        const std::size_t skip = family.v4 ? 12 : 0;
        for (const sockaddr_in6* address : {&source, &destination})
            append_bytes(out, &address->sin6_addr.s6_addr[skip], 16 - skip);
        for (const sockaddr_in6* address : {&source, &destination})
            append_bytes(out, &address->sin6_port, 2);
        append_tlv(out, kAlpn, header.alpn);
        append_tlv(out, kAuthority, header.authority);
        append_tlv(out, kUniqueId, header.unique_id, 128);
        if (header.tls) append_tls(out, *header.tls);
        if (checksum) append_tlv(out, kCrc32c, std::string_view("\0\0\0\0", 4));
    }
    const std::size_t size = out.size() - begin - kV2HeadBytes;
    out[begin + 14] = static_cast<char>(size >> 8);
    out[begin + 15] = static_cast<char>(size & 255);
    if (!checksum || !family.known) return;
    const std::size_t at = out.size() - begin - 4;
    const uint32_t crc = checksum_of(std::string_view(out).substr(begin), at);
    for (std::size_t i = 0; i < 4; ++i)
        out[begin + at + i] = static_cast<char>(crc >> (24 - 8 * i) & 255);
}

}  // namespace glassgate::http
