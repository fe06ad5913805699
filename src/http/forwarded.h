// Who the client is when a proxy we trust speaks for it.
#pragma once

#include <string_view>

#include "base/address_set.h"
#include "http/message.h"

namespace glassgate::http {

// The rightmost address of X-Forwarded-For that is not itself trusted; the leftmost when all are;
// `peer` when there is none. Everything left of what we return was written by a stranger. A hop may
// carry a port ("192.0.2.1:4711", "[2001:db8::1]:80", RFC 7239 §6); the result has none.
[[nodiscard]] std::string_view client_address(std::string_view peer, std::string_view forwarded_for,
                                              const AddressSet& trusted) noexcept;

// The same over all X-Forwarded-For fields, which are one list in order (RFC 9110 §5.3): a proxy
// may have added its hop as a field of its own, and what stands before it is the client's claim.
[[nodiscard]] std::string_view client_address(std::string_view peer, const HeaderList& headers,
                                              const AddressSet& trusted) noexcept;

}  // namespace glassgate::http
