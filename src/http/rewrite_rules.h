// Which fields go on and which the gateway adds, for every version of HTTP: rewrite.cc writes them
// as HTTP/1.1 text, h2/write_head.cc as a field list.
//
// `To` is where fields are written:
//   to.field(name, value)
//   to.number(name, value)
//   to.list(name, headers, known, first, second)  all values of `known`, then first and second,
//                                                 joined; `known` may be `other`: no values
#pragma once

#include <string>
#include <string_view>

#include "http/edits.h"
#include "http/message.h"
#include "http/rewrite.h"

namespace glassgate::http {

// What an upstream is not sent as it came, whatever HTTP version it speaks.
[[nodiscard]] KnownSet dropped_upstream(const UpstreamRequest& r, const Edits& edits) noexcept;
[[nodiscard]] KnownSet dropped_downstream(const ClientResponse& r, const Edits& edits) noexcept;

// X-Forwarded-*: only a trusted peer may say such things.
[[nodiscard]] bool claims_forwarding(std::string_view name) noexcept;
// RFC 9110 §7.6.2.
[[nodiscard]] bool limits_hops(const RequestHead& head) noexcept;
// Whether a request without a body says Content-Length: 0 (RFC 9110 §8.6).
[[nodiscard]] bool expects_length(const RequestHead& head) noexcept;
// The received protocol as Via has it: "1.1 ".
[[nodiscard]] std::string_view via_version(Version version) noexcept;
[[nodiscard]] std::string_view host_to_send(const UpstreamRequest& r, const Edits& edits) noexcept;

// {"error":"<message>"}
[[nodiscard]] std::size_t error_json_bytes(std::string_view message) noexcept;
void append_error_json(std::string& out, std::string_view message);

// use(field) for the fields that go on as they are: not in `dropped`, not edited, not named by
// Connection.
template <typename AlsoDropped, typename Use>
void for_each_kept(const HeaderList& headers, KnownSet dropped, const Edits& edits,
                   AlsoDropped&& also_dropped, Use&& use) {
    const HopFields hop(headers);
    for (const HeaderField& field : headers) {
        if (field.known != KnownHeader::other ? contains(dropped, field.known)
                                              : also_dropped(field.name) || edits.replaces(field))
            continue;
        if (!hop.empty() && hop.names(field.name)) continue;
        use(field);
    }
}

template <typename To>
void write_via(To& to, const HeaderList& headers, Version version, std::string_view pseudonym) {
    to.list("Via", headers, KnownHeader::via, via_version(version), pseudonym);
}

template <typename To>
void write_edits(To& to, const Edits& edits) {
    edits.for_each_set(
        [&](std::string_view name, std::string_view value) { to.field(name, value); });
}

template <typename To>
void write_forwarding(To& to, const UpstreamRequest& r, const Edits& edits) {
    using enum KnownHeader;
    const HeaderList& headers = r.head->headers;
    const auto ours = [&](KnownHeader known, std::string_view name, std::string_view value) {
        if (!value.empty() && !edits.replaces(known)) to.field(name, value);
    };
    const auto continued = [&](KnownHeader known) {
        return r.keep_forwarded && !find(headers, known).empty();
    };
    if (!edits.replaces(via)) write_via(to, headers, r.head->version, r.via);
    if (!edits.replaces(x_forwarded_for))
        to.list("X-Forwarded-For", headers, r.keep_forwarded ? x_forwarded_for : other,
                r.forwarded_for, {});
    if (!continued(x_forwarded_proto))
        ours(x_forwarded_proto, "X-Forwarded-Proto", r.forwarded_proto);
    if (!continued(x_forwarded_host)) ours(x_forwarded_host, "X-Forwarded-Host", r.forwarded_host);
    ours(x_request_id, "X-Request-Id", r.request_id);
    ours(traceparent, "traceparent", r.traceparent);
    if (!r.traceparent.empty()) ours(tracestate, "tracestate", r.tracestate);
    ours(b3, "b3", r.b3);
    if (limits_hops(*r.head) && !edits.replaces(max_forwards))
        to.number("Max-Forwards", r.head->max_forwards - (r.head->max_forwards > 0 ? 1 : 0));
}

}  // namespace glassgate::http
