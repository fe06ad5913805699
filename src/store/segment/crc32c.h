// CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction where there is one.
#pragma once

#include <cstdint>
#include <string_view>

namespace glassgate::store {

// Of `bytes` after what `before` is the checksum of.
[[nodiscard]] uint32_t crc32c(std::string_view bytes, uint32_t before = 0) noexcept;
[[nodiscard]] uint32_t crc32c_portable(std::string_view bytes, uint32_t before = 0) noexcept;

}  // namespace glassgate::store
