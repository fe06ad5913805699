// Where Flex Gateway keeps its configuration, for whoever names no other place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace glassgate::config {

// Those of its folders that exist, in the order they are read.
[[nodiscard]] std::vector<std::string> usual_places();

// How long changes of files are collected before they are read: the variable
// FLEX_SYNC_DEBOUNCE_TIME, or `fallback` where that is not set or no duration.
[[nodiscard]] uint32_t debounce_ms(uint32_t fallback);

}  // namespace glassgate::config
