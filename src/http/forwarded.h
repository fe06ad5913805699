// Who the client is when a proxy we trust speaks for it.
#pragma once

#include <string_view>

#include "base/address_set.h"

namespace glassgate::http {

// The rightmost address of X-Forwarded-For that is not itself trusted; the leftmost when all are;
// `peer` when there is none. Everything left of what we return was written by a stranger.
[[nodiscard]] std::string_view client_address(std::string_view peer, std::string_view forwarded_for,
                                              const AddressSet& trusted) noexcept;

}  // namespace glassgate::http
