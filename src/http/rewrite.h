// Heads as the gateway sends them: hop-by-hop fields removed, forwarding fields added
// (RFC 9110 §7.6, RFC 7239's de-facto predecessors). Pure functions, appending to a caller's
// string whose capacity is reused, so that nothing allocates in steady state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace glassgate::http {

// A header a policy or the gateway adds (replacing any of that name in the received head, and what
// the gateway itself would have written) or removes. Several edits of one name are all written, in
// order. Framing and connection fields cannot be edited; a name that is no token or a value with a
// control byte is never written, so no value can add a line.
struct HeaderEdit {
    std::string_view name;
    std::string_view value;  // ignored when removing
    bool remove = false;
};

struct UpstreamRequest {
    const RequestHead* head = nullptr;
    std::string_view path_prefix;      // put before the path (the upstream URL's own path)
    std::string_view path;             // replaces head->path
    std::string_view host;             // Host to send
    std::string_view via;              // pseudonym: "1.1 glassgate" is appended to Via
    std::string_view forwarded_for;    // appended to X-Forwarded-For
    std::string_view forwarded_proto;  // sets X-Forwarded-Proto unless `keep_forwarded`
    std::string_view forwarded_host;   // sets X-Forwarded-Host unless `keep_forwarded`
    bool keep_forwarded = false;       // the peer is trusted: its X-Forwarded-* are continued;
                                       // otherwise they are dropped and ours are written
    std::string_view request_id;       // sets X-Request-Id
    std::string_view traceparent;      // sets traceparent; empty: passes the client's through
    std::string_view tracestate;       // sets tracestate when traceparent is set
    std::string_view b3;               // sets b3 (single) and drops the x-b3-* family; empty: no b3
    bool upgrade = false;              // forward Upgrade and Connection: upgrade
    BodyKind body = BodyKind::none;    // framing to write: length, chunked or none
    uint64_t content_length = 0;
    const std::vector<HeaderEdit>* edits = nullptr;
};

// Appends the request head for the upstream, HTTP/1.1, ending with the empty line: exactly one
// Host, at most one of Content-Length and Transfer-Encoding, at most one Connection.
//   - Never passed on: Connection and every field it names, Keep-Alive, Proxy-Connection,
//     Proxy-Authorization, HTTP2-Settings; TE except "trailers"; Upgrade unless `upgrade`;
//     Trailer unless the body is chunked; Expect of a 1.0 client (RFC 9110 §10.1.1).
//   - A Connection header that names a field of framing, routing or identity removes nothing
//     (Host, Content-Length, X-Forwarded-*, Authorization, trace headers, ...).
//   - Unless `keep_forwarded`, nothing the client says about who it is goes on: X-Forwarded-*,
//     X-Real-IP, Forwarded.
//   - Max-Forwards of OPTIONS and TRACE is one less (RFC 9110 §7.6.2).
//   - A POST, PUT or PATCH without a body says Content-Length: 0 (RFC 9110 §8.6).
//   - OPTIONS * goes on as "*", whatever the prefix.
void append_upstream_head(std::string& out, const UpstreamRequest& request);

struct ClientResponse {
    const ResponseHead* head = nullptr;
    Version client_version = Version::http11;
    std::string_view via;
    bool keep_alive = true;          // false: Connection: close; true for 1.0: keep-alive
    BodyKind body = BodyKind::none;  // framing to write; for HEAD/304 content_length is kept as is
    uint64_t content_length = 0;
    bool upgrade = false;
    std::string_view request_id;  // X-Request-Id to the client
    std::string_view date;        // added if the upstream sent none
    const std::vector<HeaderEdit>* edits = nullptr;
};

// Appends the response head for the client, ending with the empty line. The status line carries
// the gateway's version (HTTP/1.1) and the upstream's reason phrase. For HEAD and 304 the
// upstream's Content-Length goes on: it is about the response that GET would have had. Interim
// heads (1xx) and 101 go on without edits, Via and Date.
void append_client_head(std::string& out, const ClientResponse& response);

// A whole response of the gateway's own, JSON body {"error": ...} or empty for 1xx/204/304/HEAD.
struct LocalReply {
    uint16_t status = 500;
    std::string_view message;  // body: {"error":"<message>"}; may be empty: no body
    bool keep_alive = false;
    bool head_request = false;  // Content-Length as for GET, but no body bytes
    Version client_version = Version::http11;
    std::string_view request_id;
    std::string_view date;
    const std::vector<HeaderEdit>* edits = nullptr;
};
void append_local_reply(std::string& out, const LocalReply& reply);

}  // namespace glassgate::http
