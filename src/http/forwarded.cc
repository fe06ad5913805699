#include "http/forwarded.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "base/text.h"

namespace glassgate::http {
namespace {

bool is_address(std::string_view text) noexcept {
    char buffer[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof buffer) return false;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    std::array<uint8_t, 16> bytes;
    return inet_pton(AF_INET, buffer, bytes.data()) == 1 ||
           inet_pton(AF_INET6, buffer, bytes.data()) == 1;
}

// The address of a hop, without port and brackets; empty when it names nobody.
std::string_view address_of(std::string_view hop) noexcept {
    std::string_view address = hop;
    if (hop.starts_with('[')) {
        const std::size_t close = hop.find(']');
        if (close == std::string_view::npos) return {};
        address = hop.substr(1, close - 1);
    } else if (const std::size_t colon = hop.find(':');
               colon != std::string_view::npos && colon == hop.rfind(':')) {
        address = hop.substr(0, colon);
    }
    return is_address(address) ? address : std::string_view{};
}

// Walks one field from the right. False: the walk is over.
bool walk(std::string_view forwarded_for, const AddressSet& trusted,
          std::string_view& client) noexcept {
    while (!forwarded_for.empty()) {
        const std::size_t comma = forwarded_for.rfind(',');
        const bool first = comma == std::string_view::npos;
        const std::string_view hop =
            trim_ows(first ? forwarded_for : forwarded_for.substr(comma + 1));
        forwarded_for = first ? std::string_view{} : forwarded_for.substr(0, comma);
        if (hop.empty()) continue;  // an empty list element says nothing (RFC 9110 §5.6.1.2)
        const std::string_view address = address_of(hop);
        if (address.empty()) return false;  // "unknown", "_hidden": nobody we could name
        client = address;
        if (!trusted.matches(address)) return false;
    }
    return true;
}

}  // namespace

std::string_view client_address(std::string_view peer, std::string_view forwarded_for,
                                const AddressSet& trusted) noexcept {
    std::string_view client = peer;
    (void)walk(forwarded_for, trusted, client);
    return client;
}

std::string_view client_address(std::string_view peer, const HeaderList& headers,
                                const AddressSet& trusted) noexcept {
    std::string_view client = peer;
    for (std::size_t i = headers.size(); i-- > 0;)
        if (headers[i].known == KnownHeader::x_forwarded_for &&
            !walk(headers[i].value, trusted, client))
            break;
    return client;
}

}  // namespace glassgate::http
