// Scan: reads texts of a fixed form (records' ends, checkpoints) piece by piece, so that what was
// signed has exactly one spelling. Any input; after the first mismatch everything fails.
#pragma once

#include <cstdint>
#include <string_view>

#include "audit/hash.h"
#include "base/text.h"

namespace glassgate::audit {

class Scan {
public:
    explicit Scan(std::string_view text) noexcept : rest_(text) {}

    [[nodiscard]] bool good() const noexcept { return good_; }
    [[nodiscard]] bool at_end() const noexcept { return good_ && rest_.empty(); }
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

    Scan& literal(std::string_view expected) noexcept {
        if (good_ && rest_.starts_with(expected))
            rest_.remove_prefix(expected.size());
        else
            good_ = false;
        return *this;
    }
    // Decimal digits without a leading zero.
    Scan& number(uint64_t& out) noexcept {
        std::size_t digits = 0;
        while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') ++digits;
        const std::string_view text = rest_.substr(0, digits);
        const auto value = parse_u64(text);
        if (!good_ || !value || (text.size() > 1 && text.front() == '0')) {
            good_ = false;
            return *this;
        }
        out = *value;
        rest_.remove_prefix(digits);
        return *this;
    }
    // Up to the next '"', which stays.
    Scan& plain(std::string_view& out) noexcept {
        const std::size_t end = rest_.find('"');
        if (!good_ || end == std::string_view::npos) {
            good_ = false;
            return *this;
        }
        out = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return *this;
    }
    Scan& hash(Hash& out) noexcept {
        const auto parsed = good_ ? parse_hash(rest_.substr(0, kHashHexBytes)) : std::nullopt;
        if (!parsed) {
            good_ = false;
            return *this;
        }
        out = *parsed;
        rest_.remove_prefix(kHashHexBytes);
        return *this;
    }

private:
    std::string_view rest_;
    bool good_ = true;
};

}  // namespace glassgate::audit
