// Which of a listener's certificates a client means by its server name (RFC 6066 §3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace glassgate::io::tls {

class ServerNames {
public:
    // "shop.example" or "*.shop.example", letter case aside. False: the name is another's already,
    // who keeps it.
    bool add(std::string_view name, uint32_t certificate);
    // The exact name, else the wildcard one label up. Does not allocate.
    [[nodiscard]] std::optional<uint32_t> find(std::string_view name) const noexcept;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    using Table = std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>>;
    Table exact_;
    Table wildcards_;  // ".shop.example"
};

// A name as `add` takes it.
[[nodiscard]] bool is_server_name(std::string_view name) noexcept;

}  // namespace glassgate::io::tls
