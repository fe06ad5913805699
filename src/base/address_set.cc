#include "base/address_set.h"

#include <arpa/inet.h>

#include <cstring>

#include "base/text.h"

namespace glassgate {
namespace {

// Bits of the address's own family; 0: not an address.
unsigned read_address(std::string_view text, std::array<uint8_t, 16>& out) noexcept {
    char buffer[64];
    if (text.size() >= sizeof buffer) return 0;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    if (inet_pton(AF_INET, buffer, out.data() + 12) == 1) {
        std::memset(out.data(), 0, 10);
        out[10] = out[11] = 0xff;
        return 32;
    }
    return inet_pton(AF_INET6, buffer, out.data()) == 1 ? 128 : 0;
}

}  // namespace

bool AddressSet::add(std::string_view cidr) {
    const std::size_t slash = cidr.find('/');
    Network network;
    const unsigned width = read_address(cidr.substr(0, slash), network.prefix);
    if (width == 0) return false;
    unsigned bits = width;
    if (slash != std::string_view::npos) {
        const auto given = parse_u64(cidr.substr(slash + 1));
        if (!given || *given > width) return false;
        bits = static_cast<unsigned>(*given);
    }
    network.bits = bits + (128 - width);
    networks_.push_back(network);
    return true;
}

bool AddressSet::matches(std::string_view address) const noexcept {
    std::array<uint8_t, 16> bytes;
    if (networks_.empty() || read_address(address, bytes) == 0) return false;
    for (const Network& n : networks_) {
        const unsigned whole = n.bits / 8;
        if (std::memcmp(bytes.data(), n.prefix.data(), whole) != 0) continue;
        const unsigned rest = n.bits % 8;
        if (rest == 0 || (bytes[whole] ^ n.prefix[whole]) >> (8 - rest) == 0) return true;
    }
    return false;
}

}  // namespace glassgate
