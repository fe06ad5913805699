#include "http/rewrite.h"

#include "base/text.h"
#include "http/h1.h"

namespace glassgate::http {
namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

bool edited(const std::vector<HeaderEdit>* edits, std::string_view name) {
    if (edits == nullptr) return false;
    for (const HeaderEdit& edit : *edits)
        if (iequals(edit.name, name)) return true;
    return false;
}

void append_edits(std::string& out, const std::vector<HeaderEdit>* edits) {
    if (edits == nullptr) return;
    for (const HeaderEdit& edit : *edits)
        if (!edit.remove) append_field(out, edit.name, edit.value);
}

// Fields that a Connection header may not take away: removing them would change what the message
// says about itself or who sent it.
bool connection_may_name(const HeaderField& field) {
    using enum KnownHeader;
    switch (field.known) {
        case host: case content_length: case transfer_encoding: case x_forwarded_for:
        case x_forwarded_proto: case x_forwarded_host: case x_request_id: case authorization:
        case cookie: case traceparent: case tracestate: return false;
        default: return true;
    }
}

bool named_by_connection(const HeaderList& headers, const HeaderField& field) {
    for (const HeaderField& h : headers) {
        if (h.known != KnownHeader::connection) continue;
        const bool absent = for_each_list_element(
            h.value, [&](std::string_view token) { return !iequals(token, field.name); });
        if (!absent) return connection_may_name(field);
    }
    return false;
}

bool only_simple_connection(const HeaderList& headers) {
    for (const HeaderField& h : headers)
        if (h.known == KnownHeader::connection && !iequals(h.value, "keep-alive") &&
            !iequals(h.value, "close") && !iequals(h.value, "upgrade"))
            return false;
    return true;
}

void append_framing(std::string& out, BodyKind body, uint64_t length, bool write_zero) {
    if (body == BodyKind::chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (body == BodyKind::length || write_zero) {
        out += "Content-Length: ";
        append_u64(out, length);
        out += "\r\n";
    }
}

// Whether a request field goes upstream unchanged.
bool passes_upstream(const HeaderField& field, const UpstreamRequest& r) {
    using enum KnownHeader;
    switch (field.known) {
        case host: case connection: case keep_alive: case proxy_connection: case proxy_authorization:
        case transfer_encoding: case content_length: case te: case upgrade: case via:
        case x_forwarded_for: return false;
        case forwarded: return r.keep_forwarded;
        case x_forwarded_proto: case x_forwarded_host: return r.keep_forwarded;
        case x_request_id: return r.request_id.empty();
        case traceparent: case tracestate: return r.traceparent.empty();
        case b3: case x_b3_traceid: case x_b3_spanid: case x_b3_parentspanid: case x_b3_sampled:
        case x_b3_flags: return r.b3.empty() && r.traceparent.empty();
        default: return true;
    }
}

// The values of all fields of one name as one list.
void append_joined(std::string& out, const HeaderList& headers, KnownHeader known) {
    for (const HeaderField& field : headers)
        if (field.known == known && !field.value.empty()) out.append(field.value).append(", ");
}

void append_forwarding(std::string& out, const UpstreamRequest& r) {
    const HeaderList& headers = r.head->headers;
    out += "Via: ";
    append_joined(out, headers, KnownHeader::via);
    out.append(r.head->version == Version::http10 ? "1.0 " : "1.1 ").append(r.via).append("\r\n");
    out += "X-Forwarded-For: ";
    if (r.keep_forwarded) append_joined(out, headers, KnownHeader::x_forwarded_for);
    out.append(r.forwarded_for).append("\r\n");
    if (!r.keep_forwarded || find(headers, KnownHeader::x_forwarded_proto).empty())
        append_field(out, "X-Forwarded-Proto", r.forwarded_proto);
    if (!r.forwarded_host.empty() &&
        (!r.keep_forwarded || find(headers, KnownHeader::x_forwarded_host).empty()))
        append_field(out, "X-Forwarded-Host", r.forwarded_host);
    if (!r.request_id.empty()) append_field(out, "X-Request-Id", r.request_id);
    if (!r.traceparent.empty()) append_field(out, "traceparent", r.traceparent);
    if (!r.traceparent.empty() && !r.tracestate.empty()) append_field(out, "tracestate", r.tracestate);
    if (!r.b3.empty()) append_field(out, "b3", r.b3);
}

}  // namespace

void append_upstream_head(std::string& out, const UpstreamRequest& r) {
    const RequestHead& head = *r.head;
    out.append(head.method_text).append(" ").append(r.path_prefix).append(r.path);
    if (head.has_query) out.append("?").append(head.query);
    out += " HTTP/1.1\r\n";
    if (!edited(r.edits, "host")) append_field(out, "Host", r.host);
    const bool simple = only_simple_connection(head.headers);
    for (const HeaderField& field : head.headers) {
        if (!passes_upstream(field, r) || edited(r.edits, field.name)) continue;
        if (!simple && named_by_connection(head.headers, field)) continue;
        append_field(out, field.name, field.value);
    }
    append_forwarding(out, r);
    if (head.te_trailers) out += "TE: trailers\r\nConnection: TE\r\n";
    if (r.upgrade) out.append("Upgrade: ").append(head.upgrade).append("\r\nConnection: Upgrade\r\n");
    const bool zero = r.body == BodyKind::none && find(head.headers, KnownHeader::content_length).data() != nullptr;
    append_framing(out, r.body, r.content_length, zero);
    append_edits(out, r.edits);
    out += "\r\n";
}

namespace {

bool passes_to_client(const HeaderField& field, const ClientResponse& r) {
    using enum KnownHeader;
    switch (field.known) {
        case connection: case keep_alive: case proxy_connection: case transfer_encoding: case via: return false;
        case upgrade: return r.upgrade || r.head->status == 426;
        // Without a body to frame (HEAD, 304) the length is a statement about another response.
        case content_length: return r.body == BodyKind::none && r.head->status >= 200 && r.head->status != 204;
        case x_request_id: return r.request_id.empty();
        default: return true;
    }
}

void append_connection(std::string& out, bool keep_alive, Version client) {
    if (!keep_alive)
        out += "Connection: close\r\n";
    else if (client == Version::http10)
        out += "Connection: keep-alive\r\n";
}

}  // namespace

void append_client_head(std::string& out, const ClientResponse& r) {
    const ResponseHead& head = *r.head;
    out += "HTTP/1.1 ";
    append_u64(out, head.status);
    out.append(" ").append(head.reason).append("\r\n");
    const bool simple = only_simple_connection(head.headers);
    bool dated = false;
    for (const HeaderField& field : head.headers) {
        if (!passes_to_client(field, r) || edited(r.edits, field.name)) continue;
        if (!simple && named_by_connection(head.headers, field)) continue;
        dated |= field.known == KnownHeader::date;
        append_field(out, field.name, field.value);
    }
    if (head.status >= 200) {
        if (!dated && !r.date.empty()) append_field(out, "Date", r.date);
        out += "Via: ";
        append_joined(out, head.headers, KnownHeader::via);
        out.append("1.1 ").append(r.via).append("\r\n");
        if (!r.request_id.empty()) append_field(out, "X-Request-Id", r.request_id);
        append_framing(out, r.body, r.content_length, false);
        append_connection(out, r.keep_alive, r.client_version);
        append_edits(out, r.edits);
    } else if (r.upgrade) {
        out += "Connection: Upgrade\r\n";
        if (!r.request_id.empty()) append_field(out, "X-Request-Id", r.request_id);
    }
    out += "\r\n";
}

void append_local_reply(std::string& out, const LocalReply& r) {
    std::string body;
    if (!r.message.empty() && r.status >= 200 && r.status != 204 && r.status != 304) {
        body.reserve(r.message.size() + 16);
        body += "{\"error\":\"";
        for (const char c : r.message) {
            if (c == '"' || c == '\\') body += '\\';
            body += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        }
        body += "\"}";
    }
    out += "HTTP/1.1 ";
    append_u64(out, r.status);
    out.append(" ").append(reason_phrase(r.status)).append("\r\n");
    if (!body.empty()) out += "Content-Type: application/json\r\n";
    if (!r.date.empty()) append_field(out, "Date", r.date);
    if (!r.request_id.empty()) append_field(out, "X-Request-Id", r.request_id);
    append_framing(out, BodyKind::length, body.size(), true);
    append_connection(out, r.keep_alive, r.client_version);
    append_edits(out, r.edits);
    out += "\r\n";
    if (!r.head_request) out += body;
}

}  // namespace glassgate::http
