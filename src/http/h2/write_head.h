// Heads as the gateway sends them over HTTP/2: by the rules of rewrite.h, in the form of RFC 9113
// §8. Connection-specific fields never go on, whatever a head or an edit says.
#pragma once

#include <string>
#include <string_view>

#include "http/h2/field_list.h"
#include "http/rewrite.h"

namespace glassgate::http::h2 {

// Fills `out` with the request for the upstream. `scheme` is that of the connection to it.
//   - Host becomes :authority, there is no Host field.
//   - r.upgrade with a WebSocket becomes an extended CONNECT (RFC 8441 §5), without
//     Sec-WebSocket-Key; any other Upgrade is not sent on.
//   - A body of unknown length (chunked) has no Content-Length; it ends with END_STREAM.
//   - TE goes on as "trailers" only.
void write_upstream_head(FieldList& out, const UpstreamRequest& r, std::string_view scheme);

// Whether write_upstream_head makes an extended CONNECT of it.
[[nodiscard]] bool becomes_extended_connect(const UpstreamRequest& r) noexcept;

// Fills `out` with the response for the client: interim heads too. A 101 that accepts an extended
// CONNECT becomes a 200, without Sec-WebSocket-Accept. The reason phrase is dropped.
void write_client_head(FieldList& out, const ClientResponse& r);

// A response of the gateway's own. `body` is what follows: empty for HEAD, 1xx, 204, 304 or without
// a message; it is appended to.
void write_local_reply(FieldList& out, std::string& body, const LocalReply& r);

// The trailer section as ChunkedDecoder::trailers() and read_trailers have it.
void write_trailers(FieldList& out, std::string_view lines) noexcept;

}  // namespace glassgate::http::h2
