// Session tickets of a server's context, sealed with TicketKeys.
#pragma once

#include "io/tls/openssl.h"
#include "io/tls/ticket_keys.h"

namespace glassgate::io::tls {

// Resumption by ticket only, in TLS 1.2 and 1.3, without any state here. null: none at all.
// `keys` must outlive the context and its connections. A ticket of a client whose certificate has
// expired since is not taken: the handshake is a full one, and refuses it.
void use_tickets(SSL_CTX* context, TicketKeys* keys) noexcept;

}  // namespace glassgate::io::tls
