// application/x-www-form-urlencoded, as Go's url.ParseQuery reads it, so that what Prometheus'
// clients send means the same here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "console/request.h"

namespace glassgate::console {

// Percent-decoded; with `plus_is_space` as in queries. Nothing: a broken escape.
[[nodiscard]] std::optional<std::string> decode_percent(std::string_view text, bool plus_is_space);

// Adds every pair of "a=1&b=2". Pairs with a broken escape or a semicolon are left out; `problem`
// gets the first in words, unless it has one.
void read_form(std::string_view text, Parameters& into, std::string& problem);

}  // namespace glassgate::console
