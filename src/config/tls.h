// tls sections -> TLS contexts. Files are read here: a certificate that cannot be used refuses the
// whole configuration, and the running plan stays.
#pragma once

#include "config/draft.h"

namespace glassgate::config {

// A listener's `tls`. `at`: where its absence would be told.
void read_server_tls(const Node& node, Draft& draft, proxy::ListenerPlan& listener);

// An upstream's `tls`; null: none written, the defaults of an https URL.
void read_client_tls(const Node* node, const Position& at, Draft& draft,
                     proxy::UpstreamPlan& upstream);

}  // namespace glassgate::config
