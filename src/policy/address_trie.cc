#include "policy/address_trie.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "base/text.h"

namespace glassgate::policy {
namespace {

using Bytes = std::array<uint8_t, 16>;
constexpr unsigned kMappedBits = 96;  // of ::ffff:0:0/96

struct Address {
    Bytes bytes;
    bool v4 = false;
};

std::optional<Address> parse(std::string_view text) noexcept {
    char copy[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = 0;
    Address address{};
    if (inet_pton(AF_INET6, copy, address.bytes.data()) == 1) return address;
    address.bytes[10] = address.bytes[11] = 0xff;
    address.v4 = true;
    if (inet_pton(AF_INET, copy, address.bytes.data() + 12) == 1) return address;
    return std::nullopt;
}

// "10.1", "10.1." and "10.1.*" -> "10.1.0.0/16".
std::optional<std::string> completed(std::string_view text) {
    while (text.ends_with(".*")) text.remove_suffix(2);
    if (text.ends_with('.')) text.remove_suffix(1);
    const auto dots = static_cast<unsigned>(std::count(text.begin(), text.end(), '.'));
    if (text.empty() || dots > 2 || text.find_first_not_of("0123456789.") != text.npos)
        return std::nullopt;
    std::string whole(text);
    for (unsigned i = dots; i < 3; ++i) whole += ".0";
    return whole + "/" + std::to_string((dots + 1) * 8);
}

unsigned bit_of(const Bytes& bytes, unsigned i) noexcept { return bytes[i / 8] >> (7 - i % 8) & 1; }

}  // namespace

bool AddressTrie::add(std::string_view network) {
    const std::size_t slash = network.find('/');
    const auto address = parse(network.substr(0, slash));
    if (!address) {
        const auto whole = slash == network.npos ? completed(network) : std::nullopt;
        return whole && add(*whole);
    }
    unsigned bits = 128;
    if (slash != network.npos) {
        const auto length = parse_u64(network.substr(slash + 1));
        if (!length || *length > (address->v4 ? 32 : 128)) return false;
        bits = static_cast<unsigned>(*length) + (address->v4 ? kMappedBits : 0);
    }
    insert(address->bytes, bits);
    ++networks_;
    return true;
}

void AddressTrie::insert(const Bytes& bytes, unsigned bits) {
    uint32_t at = 0;
    for (unsigned i = 0; i < bits && !nodes_[at].inside; ++i) {
        const unsigned side = bit_of(bytes, i);
        if (nodes_[at].next[side] == 0) {
            nodes_[at].next[side] = static_cast<uint32_t>(nodes_.size());
            nodes_.emplace_back();
        }
        at = nodes_[at].next[side];
    }
    nodes_[at].inside = true;
}

AddressTrie::Answer AddressTrie::find(std::string_view text) const noexcept {
    const auto address = parse(text);
    if (!address) return Answer::no_address;
    uint32_t at = 0;
    for (unsigned i = 0; i < 128; ++i) {
        if (nodes_[at].inside) return Answer::inside;
        at = nodes_[at].next[bit_of(address->bytes, i)];
        if (at == 0) return Answer::outside;
    }
    return nodes_[at].inside ? Answer::inside : Answer::outside;
}

}  // namespace glassgate::policy
