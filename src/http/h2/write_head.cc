#include "http/h2/write_head.h"

#include <charconv>
#include <cstring>

#include "base/text.h"
#include "http/edits.h"
#include "http/h1.h"
#include "http/rewrite_rules.h"

namespace glassgate::http::h2 {
namespace {

using enum KnownHeader;

// RFC 9113 §8.2.2. Most are in the rules' sets already; these hold for whatever comes.
constexpr KnownSet kConnectionFields = set_of(connection, keep_alive, proxy_connection,
                                              transfer_encoding, upgrade, te, http2_settings);

// Values that are new with every message.
constexpr KnownSet kVolatile =
    set_of(x_request_id, traceparent, tracestate, b3, x_b3_traceid, x_b3_spanid, x_b3_parentspanid);

// `parts` joined, in memory of the list's own.
template <typename... Parts>
std::string_view join(FieldList& out, Parts... parts) {
    const std::size_t bytes = (parts.size() + ...);
    char* const begin = out.made().allocate(bytes);
    char* at = begin;
    const auto put = [&](std::string_view part) {
        if (!part.empty()) std::memcpy(at, part.data(), part.size());
        at += part.size();
    };
    (put(parts), ...);
    return {begin, bytes};
}

// Fields as a list, for the rules of rewrite_rules.h.
class ListedFields {
public:
    explicit ListedFields(FieldList& to) noexcept : to_(to) {}
    void field(std::string_view name, std::string_view value) {
        const KnownHeader known = known_header(name);
        if (contains(kConnectionFields, known)) return;
        if (contains(kVolatile, known))
            to_.add_volatile(name, value);
        else
            to_.add(name, value);
    }
    void number(std::string_view name, uint64_t value) { to_.add_number(name, value); }
    void list(std::string_view name, const HeaderList& headers, KnownHeader known,
              std::string_view first, std::string_view second) {
        std::string_view joined;
        if (known != other)
            for (const HeaderField& field : headers)
                if (field.known == known && !field.value.empty())
                    joined = join(to_, joined, field.value, std::string_view(", "));
        to_.add(name, join(to_, joined, first, second));
    }
    void kept(const HeaderField& field) {
        if (contains(kVolatile, field.known))
            to_.add_volatile(field.name, field.value);
        else
            to_.add(field.name, field.value);
    }

private:
    FieldList& to_;
};

// 1xx to 5xx: three digits.
std::string_view status_text(FieldList& out, uint16_t status) {
    char* const digits = out.made().allocate(3);
    std::to_chars(digits, digits + 3, status);
    return {digits, 3};
}

void write_length(FieldList& out, BodyKind body, uint64_t length, bool write_zero) {
    if (body == BodyKind::length || write_zero) out.add_number("content-length", length);
}

std::string_view path_of(FieldList& out, const UpstreamRequest& r) {
    const RequestHead& head = *r.head;
    const std::string_view prefix = r.path == "*" ? std::string_view{} : r.path_prefix;
    if (prefix.empty() && !head.has_query) return r.path;
    const std::string_view question = head.has_query ? "?" : "";
    return join(out, prefix, r.path, question, head.query);
}

}  // namespace

bool becomes_extended_connect(const UpstreamRequest& r) noexcept {
    return r.upgrade && iequals(r.head->upgrade, "websocket");
}

void write_upstream_head(FieldList& out, const UpstreamRequest& r, std::string_view scheme) {
    out.clear();
    const Edits edits(r.edits);
    const RequestHead& head = *r.head;
    const bool websocket = becomes_extended_connect(r);
    out.add(":method", websocket ? "CONNECT" : head.method_text);
    if (websocket) out.add(":protocol", "websocket");
    out.add(":scheme", scheme);
    out.add(":authority", host_to_send(r, edits));
    out.add(":path", path_of(out, r));
    ListedFields fields(out);
    const auto dropped_by_name = [&](std::string_view name) {
        return (!r.keep_forwarded && claims_forwarding(name)) ||
               (websocket && iequals(name, "sec-websocket-key"));
    };
    for_each_kept(head.headers, dropped_upstream(r, edits) | kConnectionFields, edits,
                  dropped_by_name, [&](const HeaderField& field) { fields.kept(field); });
    write_forwarding(fields, r, edits);
    if (head.te_trailers) out.add("te", "trailers");
    if (!websocket) {
        const bool zero = r.body == BodyKind::none && expects_length(head);
        write_length(out, r.body, zero ? 0 : r.content_length, zero);
    }
    edits.for_each_set([&](std::string_view name, std::string_view value) {
        if (!websocket || !iequals(name, "sec-websocket-key")) fields.field(name, value);
    });
}

void write_client_head(FieldList& out, const ClientResponse& r) {
    out.clear();
    const ResponseHead& head = *r.head;
    const bool accepts = head.status == 101;
    const uint16_t status = accepts ? 200 : head.status;
    const bool final = status >= 200;
    const Edits edits(r.edits);
    const Edits none(nullptr);
    out.add(":status", status_text(out, status));
    ListedFields fields(out);
    const auto dropped_by_name = [&](std::string_view name) {
        return accepts && iequals(name, "sec-websocket-accept");
    };
    for_each_kept(head.headers, dropped_downstream(r, edits) | kConnectionFields,
                  final && !accepts ? edits : none, dropped_by_name,
                  [&](const HeaderField& field) { fields.kept(field); });
    if (!final) return;
    const auto ours = [&](KnownHeader known, std::string_view name, std::string_view value) {
        if (!value.empty() && (accepts || !edits.replaces(known))) fields.field(name, value);
    };
    if (!accepts) {
        if (find(head.headers, date).data() == nullptr) ours(date, "date", r.date);
        if (!edits.replaces(via)) write_via(fields, head.headers, head.version, r.via);
    }
    ours(x_request_id, "x-request-id", r.request_id);
    if (accepts) return;
    write_length(out, r.body, r.content_length, false);
    write_edits(fields, edits);
}

void write_local_reply(FieldList& out, std::string& body, const LocalReply& r) {
    out.clear();
    const Edits edits(r.edits);
    const bool never_has_body = r.status < 200 || r.status == 204 || r.status == 304;
    const std::size_t bytes = never_has_body || r.message.empty() ? 0 : error_json_bytes(r.message);
    out.add(":status", status_text(out, r.status));
    ListedFields fields(out);
    const auto ours = [&](KnownHeader known, std::string_view name, std::string_view value) {
        if (!value.empty() && !edits.replaces(known)) fields.field(name, value);
    };
    if (bytes != 0) ours(content_type, "content-type", "application/json");
    ours(date, "date", r.date);
    ours(x_request_id, "x-request-id", r.request_id);
    write_length(out, BodyKind::none, bytes, !never_has_body);
    write_edits(fields, edits);
    if (bytes != 0 && !r.head_request) append_error_json(body, r.message);
}

void write_trailers(FieldList& out, std::string_view lines) noexcept {
    out.clear();
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(std::min(lines.size(), line.size() + 2));
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) continue;
        if (contains(kConnectionFields, known_header(line.substr(0, colon)))) continue;
        out.add(line.substr(0, colon), line.substr(colon + 1));
    }
}

}  // namespace glassgate::http::h2
