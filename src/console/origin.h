// What a browser must not be tricked into: pages of other sites that read or act through somebody
// who can reach the console. Pure.
#pragma once

#include <string_view>

#include "config/console_settings.h"

namespace glassgate::console {

// Whether a request for this Host may be answered without credentials: an address, localhost or a
// name from the settings. Any other name may be a stranger's that he has made to point here (DNS
// rebinding).
[[nodiscard]] bool is_own_host(std::string_view authority,
                               const config::ConsoleSettings& settings) noexcept;

// Whether a request that changes something comes from a page of another origin. Neither header:
// not a browser.
[[nodiscard]] bool is_cross_site(std::string_view origin, std::string_view fetch_site,
                                 std::string_view authority) noexcept;

}  // namespace glassgate::console
