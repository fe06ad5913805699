// The policies tls and tls-outbound: the tls section of a listener or an upstream.
#pragma once

#include "config/flex/binding.h"

namespace glassgate::config::flex {

[[nodiscard]] Node listener_tls(const Binding& binding, const Documents& documents,
                                Diagnostics& diagnostics);

// What an upstream needs to know besides: which HTTP its ALPN names.
struct OutboundTls {
    Node tls;
    std::string protocol;  // as an upstream's protocol; empty: not said
};
[[nodiscard]] OutboundTls upstream_tls(const Binding& binding, const Documents& documents,
                                       Diagnostics& diagnostics);

}  // namespace glassgate::config::flex
