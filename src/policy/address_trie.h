// A set of IPv4 and IPv6 networks that answers in as many steps as the longest prefix has bits,
// however many networks there are. Built once, then read by any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace glassgate::policy {

class AddressTrie {
public:
    // "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", or the beginning of an IPv4 address: "10.1" is
    // 10.1.0.0/16. False if it is none of these.
    [[nodiscard]] bool add(std::string_view network);

    enum class Answer : uint8_t { inside, outside, no_address };
    // An IPv4 address in IPv6's clothes (::ffff:a.b.c.d) counts as IPv4.
    [[nodiscard]] Answer find(std::string_view address) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return networks_; }

private:
    struct Node {
        std::array<uint32_t, 2> next{};  // 0: none
        bool inside = false;
    };
    void insert(const std::array<uint8_t, 16>& bytes, unsigned bits);

    std::vector<Node> nodes_{1};
    std::size_t networks_ = 0;
};

}  // namespace glassgate::policy
