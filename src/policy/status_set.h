// A set of HTTP statuses as settings write it: 503, "500-599", [429, "502-504"].
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

namespace glassgate::policy {

class StatusSet {
public:
    static constexpr uint16_t kFirst = 100, kLast = 599;

    // "503" or "502-504". False, and nothing added, on anything else.
    bool add(std::string_view text) noexcept;
    void add(uint16_t first, uint16_t last) noexcept {
        for (unsigned status = first; status <= last; ++status) set_.set(status - kFirst);
    }
    [[nodiscard]] bool contains(uint16_t status) const noexcept {
        return status >= kFirst && status <= kLast && set_.test(status - kFirst);
    }

private:
    std::bitset<kLast - kFirst + 1> set_;
};

}  // namespace glassgate::policy
