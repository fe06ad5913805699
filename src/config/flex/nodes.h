// Making documents: what a Flex document says is written down as the native one would say it, every
// value at the place where it stands, and compiled by the same steps.
#pragma once

#include <string>
#include <string_view>

#include "base/document.h"

namespace glassgate::config::flex {

[[nodiscard]] Node scalar_at(std::string text, const Position& at);
[[nodiscard]] Node number_at(uint64_t number, const Position& at);
[[nodiscard]] Node map_at(const Position& at);
[[nodiscard]] Node list_at(const Position& at);
// Adds an entry, its key at the place of the value.
void put(Node& map, std::string_view key, Node value);

}  // namespace glassgate::config::flex
