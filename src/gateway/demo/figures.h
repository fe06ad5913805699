// Numbers as a panel writes them.
#pragma once

#include <cstdint>
#include <string>

namespace glassgate::gateway::demo {

[[nodiscard]] std::string with_thousands(uint64_t value);  // 3,847
[[nodiscard]] std::string compact(double value);           // 14.2k from 10,000 on; else 3,847
[[nodiscard]] std::string percent(double share);           // 0.083 -> 8.3%
[[nodiscard]] std::string milliseconds(double ms);         // 642ms
[[nodiscard]] std::string decimal(double value, int digits);
[[nodiscard]] std::string clock_text(double seconds);  // 01:07

}  // namespace glassgate::gateway::demo
