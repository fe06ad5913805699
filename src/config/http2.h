// http2 sections -> http::h2::Limits.
#pragma once

#include "config/draft.h"

namespace glassgate::config {

// A listener's, whose limits and timeouts are known already: they hold for streams, too.
void read_http2(const Node* node, Draft& draft, proxy::ListenerPlan& listener);
// An upstream's.
void read_http2(const Node* node, Draft& draft, proxy::UpstreamPlan& upstream);

// Equal in everything an upstream's http2 section sets.
[[nodiscard]] bool same_http2(const proxy::UpstreamPlan& a, const proxy::UpstreamPlan& b) noexcept;

}  // namespace glassgate::config
