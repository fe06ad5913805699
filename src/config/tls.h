// tls sections -> TLS contexts. Files are read here: a certificate that cannot be used refuses the
// whole configuration, and the running plan stays.
#pragma once

#include "config/draft.h"

namespace glassgate::config {

// A listener's `tls`. True: it asks clients for certificates.
bool read_server_tls(const Node& node, Draft& draft, proxy::ListenerPlan& listener);

// An upstream's `tls`; null: none written, the defaults of an https URL at `at`. The protocol is
// known already.
void read_client_tls(const Node* node, const Position& at, Draft& draft,
                     proxy::UpstreamPlan& upstream);

// Whom a route lets in, by the client's certificate.
void read_client_certificates(const Node& node, Draft& draft, proxy::RoutePlan& route);

// For Configuration::certificates.
void note_expiry(const io::tls::CertificateFacts& facts, const std::string& listener,
                 const std::string& upstream, Draft& draft);

}  // namespace glassgate::config
