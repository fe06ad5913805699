// What of TLS outlives a reload, kept for the process and not owned: it is there as long as a plan,
// the running one or one being made, holds it. Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "io/tls/client_context.h"
#include "io/tls/ticket_keys.h"

namespace glassgate::config {

// Keys for the session tickets of a listener. As long as gateway, listener and rotation are the
// same, so are the keys: clients resume across a reload.
[[nodiscard]] std::shared_ptr<io::tls::TicketKeys> shared_ticket_keys(
    const std::string& gateway, const std::string& listener, std::chrono::seconds rotation);

// `fresh`, or the one in use that was made from the same settings and files: sessions with
// upstreams are resumed across a reload.
[[nodiscard]] std::shared_ptr<const io::tls::ClientContext> shared_client_context(
    std::shared_ptr<const io::tls::ClientContext> fresh, const std::string& fingerprint);

}  // namespace glassgate::config
