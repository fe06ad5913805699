#pragma once

#include <string_view>

namespace glassgate::gateway {

[[nodiscard]] std::string_view version() noexcept;  // "0.1.0"
[[nodiscard]] std::string_view commit() noexcept;   // twelve digits of the commit it was built from

}  // namespace glassgate::gateway
