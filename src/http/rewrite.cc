#include "http/rewrite.h"

#include "base/text.h"
#include "http/chars.h"
#include "http/edits.h"
#include "http/h1.h"
#include "http/head_writer.h"
#include "http/rewrite_rules.h"
#include "http/target.h"

namespace glassgate::http {
namespace {

using enum KnownHeader;

// The gateway's own lines without their variable parts: status or version, Via, framing,
// Connection.
constexpr std::size_t kFixedBytes = 512;

constexpr KnownSet kB3Family =
    set_of(b3, x_b3_traceid, x_b3_spanid, x_b3_parentspanid, x_b3_sampled, x_b3_flags);

std::size_t bytes_of(const HeaderList& headers) {
    std::size_t bytes = 0;
    for (const HeaderField& field : headers) bytes += field.name.size() + field.value.size() + 4;
    return bytes;
}

void write_framing(HeadWriter& to, BodyKind body, uint64_t length, bool write_zero) {
    if (body == BodyKind::chunked)
        to.put("Transfer-Encoding: chunked\r\n");
    else if (body == BodyKind::length || write_zero)
        to.put("Content-Length: ").number(length).put("\r\n");
}

// Fields as text lines, for the rules of rewrite_rules.h.
class TextFields {
public:
    explicit TextFields(HeadWriter& to) noexcept : to_(to) {}
    void field(std::string_view name, std::string_view value) { to_.field(name, value); }
    void number(std::string_view name, uint64_t value) {
        to_.put(name).put(": ").number(value).put("\r\n");
    }
    void list(std::string_view name, const HeaderList& headers, KnownHeader known,
              std::string_view first, std::string_view second) {
        to_.put(name).put(": ");
        if (known != other)
            for (const HeaderField& field : headers)
                if (field.known == known && !field.value.empty()) to_.put(field.value).put(", ");
        to_.put(first).put(second).put("\r\n");
    }

private:
    HeadWriter& to_;
};

template <typename AlsoDropped>
void copy_fields(HeadWriter& to, const HeaderList& headers, KnownSet dropped, const Edits& edits,
                 AlsoDropped&& also_dropped) {
    FieldCopier copier(to);
    for_each_kept(headers, dropped, edits, also_dropped,
                  [&](const HeaderField& field) { copier.copy(field); });
}

}  // namespace

bool limits_hops(const RequestHead& head) noexcept {
    return head.has_max_forwards &&
           (head.method == Method::options || head.method == Method::trace);
}

KnownSet dropped_upstream(const UpstreamRequest& r, const Edits& edits) noexcept {
    KnownSet dropped =
        edits.known() | set_of(host, connection, keep_alive, proxy_connection, proxy_authorization,
                               transfer_encoding, content_length, te, upgrade, http2_settings, via,
                               x_forwarded_for);
    if (!r.keep_forwarded)
        dropped |= set_of(forwarded, x_forwarded_proto, x_forwarded_host, x_real_ip);
    if (!r.request_id.empty()) dropped |= set_of(x_request_id);
    if (!r.traceparent.empty()) dropped |= set_of(traceparent, tracestate);
    if (!r.traceparent.empty() || !r.b3.empty()) dropped |= kB3Family;
    if (r.body != BodyKind::chunked) dropped |= set_of(trailer);
    if (r.head->version == Version::http10) dropped |= set_of(expect);
    if (limits_hops(*r.head)) dropped |= set_of(max_forwards);
    return dropped;
}

bool claims_forwarding(std::string_view name) noexcept {
    constexpr std::string_view kPrefix = "x-forwarded-";
    return name.size() > kPrefix.size() && to_lower(name[0]) == 'x' &&
           iequals(name.substr(0, kPrefix.size()), kPrefix);
}

std::string_view via_version(Version version) noexcept {
    switch (version) {
        case Version::http10:
            return "1.0 ";
        case Version::http2:
            return "2.0 ";
        case Version::http11:
            break;
    }
    return "1.1 ";
}

bool expects_length(const RequestHead& head) noexcept {
    return head.method == Method::post || head.method == Method::put ||
           head.method == Method::patch || find(head.headers, content_length).data() != nullptr;
}

std::string_view host_to_send(const UpstreamRequest& r, const Edits& edits) noexcept {
    const std::string_view edited = edits.last_value(host);
    return !edited.empty() && valid_authority(edited, false) ? edited : r.host;
}

namespace {

void write_connection_upstream(HeadWriter& to, const UpstreamRequest& r) {
    const bool te_trailers = r.head->te_trailers;
    if (te_trailers) to.put("TE: trailers\r\n");
    if (r.upgrade) to.field("Upgrade", r.head->upgrade);
    if (te_trailers && r.upgrade)
        to.put("Connection: TE, Upgrade\r\n");
    else if (te_trailers)
        to.put("Connection: TE\r\n");
    else if (r.upgrade)
        to.put("Connection: Upgrade\r\n");
}

void write_upstream(HeadWriter& to, const UpstreamRequest& r, const Edits& edits) {
    const RequestHead& head = *r.head;
    to.put(head.method_text).put(" ");
    if (r.path != "*") to.put(r.path_prefix);
    to.put(r.path);
    if (head.has_query) to.put("?").put(head.query);
    to.put(" HTTP/1.1\r\n");
    to.field("Host", host_to_send(r, edits));
    copy_fields(to, head.headers, dropped_upstream(r, edits), edits, [&](std::string_view name) {
        return !r.keep_forwarded && claims_forwarding(name);
    });
    TextFields fields(to);
    write_forwarding(fields, r, edits);
    write_connection_upstream(to, r);
    const bool zero = r.body == BodyKind::none && expects_length(head);
    write_framing(to, r.body, zero ? 0 : r.content_length, zero);
    write_edits(fields, edits);
    to.put("\r\n");
}

}  // namespace

void append_upstream_head(std::string& out, const UpstreamRequest& r) {
    const Edits edits(r.edits);
    const RequestHead& head = *r.head;
    const std::size_t bound =
        kFixedBytes + bytes_of(head.headers) + edits.bytes() + head.method_text.size() +
        r.path_prefix.size() + r.path.size() + head.query.size() + r.host.size() + r.via.size() +
        r.forwarded_for.size() + r.forwarded_proto.size() + r.forwarded_host.size() +
        r.request_id.size() + r.traceparent.size() + r.tracestate.size() + r.b3.size();
    append_bounded(out, bound, [&](HeadWriter& to) { write_upstream(to, r, edits); });
}

KnownSet dropped_downstream(const ClientResponse& r, const Edits& edits) noexcept {
    const uint16_t status = r.head->status;
    KnownSet dropped = set_of(connection, keep_alive, proxy_connection, transfer_encoding, via);
    if (status >= 200) dropped |= edits.known();
    if (!r.upgrade && status != 426) dropped |= set_of(upgrade);
    // Without a body to frame (HEAD, 304) the length is a statement about another response.
    if (r.body != BodyKind::none || status < 200 || status == 204)
        dropped |= set_of(content_length);
    if (r.body != BodyKind::chunked) dropped |= set_of(trailer);
    if (!r.request_id.empty()) dropped |= set_of(x_request_id);
    return dropped;
}

namespace {

void write_connection_downstream(HeadWriter& to, bool keep_alive, Version client,
                                 bool offers_upgrade) {
    if (!keep_alive)
        to.put(offers_upgrade ? "Connection: close, Upgrade\r\n" : "Connection: close\r\n");
    else if (client == Version::http10)
        to.put("Connection: keep-alive\r\n");
    else if (offers_upgrade)
        to.put("Connection: Upgrade\r\n");
}

void write_status(HeadWriter& to, uint16_t status, std::string_view reason) {
    to.put("HTTP/1.1 ").number(status).put(" ").put(reason).put("\r\n");
}

void write_downstream(HeadWriter& to, const ClientResponse& r, const Edits& edits) {
    const ResponseHead& head = *r.head;
    const bool final = head.status >= 200;
    const Edits none(nullptr);
    TextFields fields(to);
    write_status(to, head.status, head.reason);
    copy_fields(to, head.headers, dropped_downstream(r, edits), final ? edits : none,
                [](std::string_view) { return false; });
    const auto ours = [&](KnownHeader known, std::string_view name, std::string_view value) {
        if (!value.empty() && !(final && edits.replaces(known))) to.field(name, value);
    };
    if (final) {
        if (find(head.headers, date).data() == nullptr) ours(date, "Date", r.date);
        if (!edits.replaces(via)) write_via(fields, head.headers, head.version, r.via);
        ours(x_request_id, "X-Request-Id", r.request_id);
        write_framing(to, r.body, r.content_length, false);
        const bool offers_upgrade =
            head.status == 426 && find(head.headers, upgrade).data() != nullptr;
        write_connection_downstream(to, r.keep_alive, r.client_version, offers_upgrade);
        write_edits(fields, edits);
    } else if (r.upgrade) {
        to.put("Connection: Upgrade\r\n");
        ours(x_request_id, "X-Request-Id", r.request_id);
    }
    to.put("\r\n");
}

}  // namespace

void append_client_head(std::string& out, const ClientResponse& r) {
    const Edits edits(r.edits);
    const std::size_t bound = kFixedBytes + bytes_of(r.head->headers) + edits.bytes() +
                              r.head->reason.size() + r.via.size() + r.date.size() +
                              r.request_id.size();
    append_bounded(out, bound, [&](HeadWriter& to) { write_downstream(to, r, edits); });
}

namespace {

constexpr std::string_view kJsonBegin = "{\"error\":\"";
constexpr std::string_view kJsonEnd = "\"}";

bool needs_backslash(char c) { return c == '"' || c == '\\'; }

}  // namespace

std::size_t error_json_bytes(std::string_view message) noexcept {
    std::size_t bytes = kJsonBegin.size() + message.size() + kJsonEnd.size();
    for (const char c : message) bytes += needs_backslash(c) ? 1 : 0;
    return bytes;
}

namespace {

void write_json(HeadWriter& to, std::string_view message) {
    to.put(kJsonBegin);
    for (const char& c : message) {
        if (needs_backslash(c)) to.put("\\");
        to.put(static_cast<unsigned char>(c) < 0x20 ? " " : std::string_view(&c, 1));
    }
    to.put(kJsonEnd);
}

}  // namespace

void append_error_json(std::string& out, std::string_view message) {
    append_bounded(out, error_json_bytes(message),
                   [&](HeadWriter& to) { write_json(to, message); });
}

void append_local_reply(std::string& out, const LocalReply& r) {
    const Edits edits(r.edits);
    const bool never_has_body = r.status < 200 || r.status == 204 || r.status == 304;
    const std::size_t body = never_has_body || r.message.empty() ? 0 : error_json_bytes(r.message);
    const std::size_t bound =
        kFixedBytes + edits.bytes() + r.date.size() + r.request_id.size() + body;
    append_bounded(out, bound, [&](HeadWriter& to) {
        write_status(to, r.status, reason_phrase(r.status));
        const auto ours = [&](KnownHeader known, std::string_view name, std::string_view value) {
            if (!value.empty() && !edits.replaces(known)) to.field(name, value);
        };
        if (body != 0) ours(content_type, "Content-Type", "application/json");
        ours(date, "Date", r.date);
        ours(x_request_id, "X-Request-Id", r.request_id);
        write_framing(to, BodyKind::none, body, !never_has_body);
        write_connection_downstream(to, r.keep_alive, r.client_version, false);
        TextFields fields(to);
        write_edits(fields, edits);
        to.put("\r\n");
        if (body != 0 && !r.head_request) write_json(to, r.message);
    });
}

}  // namespace glassgate::http
