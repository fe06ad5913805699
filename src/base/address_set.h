// A set of IPv4 and IPv6 networks in CIDR notation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace glassgate {

class AddressSet {
public:
    // "10.0.0.0/8", "192.0.2.1", "2001:db8::/32". False if it is not one.
    [[nodiscard]] bool add(std::string_view cidr);
    [[nodiscard]] bool matches(std::string_view address) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return networks_.empty(); }

private:
    struct Network {
        std::array<uint8_t, 16> prefix;  // IPv4 as ::ffff:a.b.c.d
        unsigned bits;
    };
    std::vector<Network> networks_;
};

}  // namespace glassgate
