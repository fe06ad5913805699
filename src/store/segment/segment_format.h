// The fixed parts of a segment file.
#pragma once

#include <cstddef>
#include <string_view>

namespace glassgate::store {

using namespace std::string_view_literals;

inline constexpr std::string_view kSegmentMagic = "GGSEGM\0\1"sv;  // the last byte is the version
inline constexpr std::string_view kSegmentEnd = "GGSEGEND"sv;
inline constexpr std::size_t kSegmentHeadBytes = 48;
inline constexpr std::size_t kSegmentFootBytes = 48;
inline constexpr std::size_t kWriteBytes = 256u << 10;  // to the file at once

}  // namespace glassgate::store
