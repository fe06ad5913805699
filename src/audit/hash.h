// SHA-256 (FIPS 180-4) and its text forms. Thread-safe; no allocation after a thread's first use.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glassgate::audit {

using Hash = std::array<uint8_t, 32>;

inline constexpr std::size_t kHashHexBytes = 64;

[[nodiscard]] inline std::string_view bytes_of(const Hash& hash) noexcept {
    return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

// SHA-256 of the concatenation.
[[nodiscard]] Hash sha256(std::string_view a) noexcept;
[[nodiscard]] Hash sha256(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] Hash sha256(std::string_view a, std::string_view b, std::string_view c) noexcept;

// For what comes in pieces.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void add(std::string_view piece) noexcept;
    [[nodiscard]] Hash finish() noexcept;  // and begins anew

private:
    void* context_;
};

void append_hex(std::string& out, const Hash& hash);
[[nodiscard]] std::string hex(const Hash& hash);
// Exactly 64 lower-case digits: one hash has one text, so that no line has two forms.
[[nodiscard]] std::optional<Hash> parse_hash(std::string_view text) noexcept;

}  // namespace glassgate::audit
