// A fingerprint of content, to see whether it changed and to name a version in events and logs.
// Not cryptographic: nobody gains by a collision in a file they may write anyway.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace glassgate::config {

class Digest {
public:
    // Adds one part; parts do not run together ("ab","c" differs from "a","bc").
    void add(std::string_view part) noexcept;
    [[nodiscard]] std::string hex() const;  // 32 digits
    bool operator==(const Digest&) const = default;

private:
    uint64_t a_ = 0xcbf29ce484222325u, b_ = 0x9ae16a3b2f90404fu;
};

}  // namespace glassgate::config
