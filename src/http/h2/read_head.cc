#include "http/h2/read_head.h"

#include <algorithm>

#include "base/text.h"
#include "http/chars.h"
#include "http/h1_fields.h"
#include "http/scan.h"
#include "http/target.h"

namespace glassgate::http::h2 {
namespace {

using enum ParseError;

// RFC 9113 §8.2.1, but names as strict as in HTTP/1.1.
ParseError check_name(std::string_view name) noexcept {
    if (name.empty()) return empty_name;
    for (const char c : name) {
        if (c >= 'A' && c <= 'Z') return upper_case_name;
        if (!is(c, kToken)) return bad_byte(name, bad_name);
    }
    return none;
}

ParseError check_value(std::string_view value) noexcept {
    const char* const end = value.data() + value.size();
    const char* const bad = skip_value(value.data(), end);
    if (bad != end) return bad_byte({bad, 1}, control_byte);
    if (value.empty()) return none;
    const auto space = [](char c) { return c == ' ' || c == '\t'; };
    return space(value.front()) || space(value.back()) ? space_around_value : none;
}

// RFC 9113 §8.2.2.
ParseError check_connection_field(KnownHeader known, std::string_view value) noexcept {
    switch (known) {
        case KnownHeader::connection:
        case KnownHeader::keep_alive:
        case KnownHeader::proxy_connection:
        case KnownHeader::transfer_encoding:
        case KnownHeader::upgrade:
            return connection_field;
        case KnownHeader::te:
            return iequals(value, "trailers") ? none : bad_te;
        default:
            return none;
    }
}

ParseError check_field(const FieldBlock& block, const FieldBlock::Field& field) noexcept {
    ParseError error = check_name(block.name(field));
    if (error == none) error = check_value(block.value(field));
    return error != none ? error : check_connection_field(field.known, block.value(field));
}

// Where a piece of text lies: views would not survive that the text grows.
struct Span {
    uint32_t at = 0, bytes = 0;
    bool present = false;
    [[nodiscard]] std::string_view in(const std::string& text) const noexcept {
        return present ? std::string_view(text).substr(at, bytes) : std::string_view{};
    }
};
Span value_span(const FieldBlock::Field& f) noexcept {
    return {f.at + f.name_bytes, f.value_bytes, true};
}

struct Pseudo {
    Span method, scheme, authority, path, protocol;

    ParseError set(std::string_view name, Span value) noexcept {
        Span* const place = name == ":method"      ? &method
                            : name == ":scheme"    ? &scheme
                            : name == ":authority" ? &authority
                            : name == ":path"      ? &path
                            : name == ":protocol"  ? &protocol
                                                   : nullptr;
        if (place == nullptr) return unknown_pseudo_field;
        if (place->present) return repeated_pseudo_field;
        *place = value;
        return none;
    }
};

// What a request's block says, before views are made.
struct Request {
    Pseudo pseudo;
    Span host;
    Span cookie;  // joined, when there are several
    std::size_t cookies = 0;
    Framing framing;
};

ParseError note_field(const FieldBlock& block, const FieldBlock::Field& field,
                      Request& request) noexcept {
    const std::string_view value = block.value(field);
    switch (field.known) {
        case KnownHeader::host:
            if (request.host.present) return repeated_host;
            request.host = value_span(field);
            return valid_authority(value, false) ? none : bad_host;
        case KnownHeader::content_length:
            return read_content_length(value, request.framing);
        case KnownHeader::expect:
            return iequals(value, "100-continue") ? none : bad_expect;
        case KnownHeader::cookie:
            ++request.cookies;
            return none;
        default:
            return none;
    }
}

ParseError collect(const FieldBlock& block, Request& request) noexcept {
    bool fields_began = false;
    for (const FieldBlock::Field& field : block.fields()) {
        ParseError error;
        if (field.pseudo) {
            if (fields_began) return misplaced_pseudo_field;
            error = request.pseudo.set(block.name(field), value_span(field));
        } else {
            fields_began = true;
            error = check_field(block, field);
            if (error == none) error = note_field(block, field, request);
        }
        if (error != none) return error;
    }
    return none;
}

// RFC 9113 §8.3.1 and §8.5, RFC 8441 §4: which pseudo-header fields there are.
ParseError check_presence(const Pseudo& p, const std::string& text,
                          bool extended_connect) noexcept {
    if (!p.method.present) return missing_pseudo_field;
    const bool connect = p.method.in(text) == "CONNECT";
    if (p.protocol.present) {
        if (!extended_connect) return unknown_pseudo_field;
        if (!connect) return misplaced_pseudo_field;
    }
    if (connect && !p.protocol.present) {
        if (p.scheme.present || p.path.present) return misplaced_pseudo_field;
        return p.authority.present ? none : missing_pseudo_field;
    }
    if (!p.scheme.present || !p.path.present) return missing_pseudo_field;
    if (p.protocol.present && !p.authority.present) return missing_pseudo_field;
    return none;
}

ParseError check_method(std::string_view method) noexcept {
    return !method.empty() && method.size() <= kMaxMethodBytes && all(method, kToken)
               ? none
               : bad_byte(method.substr(0, kMaxMethodBytes), bad_method);
}

ParseError check_pseudo(const Request& request, const std::string& text) noexcept {
    const Pseudo& p = request.pseudo;
    if (p.scheme.present) {
        const std::string_view scheme = p.scheme.in(text);
        if (!iequals(scheme, "http") && !iequals(scheme, "https")) return bad_scheme;
    }
    if (p.authority.present && !valid_authority(p.authority.in(text), false)) return bad_host;
    if (!p.authority.present && !request.host.present) return missing_host;
    if (p.authority.present && request.host.present &&
        !iequals(p.authority.in(text), request.host.in(text)))
        return conflicting_host;
    if (p.protocol.present && !iequals(p.protocol.in(text), "websocket")) return bad_protocol;
    return none;
}

// The crumbs as one field (RFC 9113 §8.2.3), at the end of the text.
void join_cookies(FieldBlock& block, Request& request) {
    if (request.cookies < 2) return;
    std::string& text = block.text();
    std::size_t bytes = 0;
    for (const FieldBlock::Field& field : block.fields())
        if (field.known == KnownHeader::cookie) bytes += field.value_bytes + 2;
    text.reserve(text.size() + bytes);  // what is appended lies in the text itself
    const std::size_t at = text.size();
    for (const FieldBlock::Field& field : block.fields()) {
        if (field.known != KnownHeader::cookie) continue;
        if (text.size() != at) text.append("; ");
        text.append(block.value(field));
    }
    request.cookie = {static_cast<uint32_t>(at), static_cast<uint32_t>(text.size() - at), true};
}

// A CONNECT's request line has its authority; its path is the "/" behind it (see parse_target).
Span connect_line(FieldBlock& block, const Span& authority) {
    std::string& text = block.text();
    text.reserve(text.size() + authority.bytes + 1);
    const Span line{static_cast<uint32_t>(text.size()), authority.bytes + 1, true};
    text.append(authority.in(text)).push_back('/');
    return line;
}

ParseError fill_target(const Request& request, const Span& line, const Limits& limits,
                       const std::string& text, RequestHead& out) noexcept {
    out.method_text = request.pseudo.method.in(text);
    out.method = parse_method(out.method_text);
    if (line.present) {
        const std::string_view whole = line.in(text);
        out.target = whole.substr(0, whole.size() - 1);
        return parse_target(whole, out);
    }
    out.target = request.pseudo.path.in(text);
    if (out.target.size() > limits.head.uri_bytes) return uri_too_long;
    if (request.pseudo.protocol.present) {  // as the GET it stands for
        out.method_text = "GET";
        out.method = Method::get;
        out.extended_connect = true;
        out.has_upgrade = true;
        out.upgrade = "websocket";
    }
    // Only the origin form, and * for OPTIONS: an absolute form would name a second authority.
    if (!out.target.starts_with('/') && out.target != "*") return bad_target;
    if (const ParseError error = parse_target(out.target, out); error != none) return error;
    out.authority =
        (request.pseudo.authority.present ? request.pseudo.authority : request.host).in(text);
    return none;
}

ParseError fill_fields(const FieldBlock& block, const Request& request, const std::string& text,
                       RequestHead& out) noexcept {
    const auto push = [&](std::string_view name, std::string_view value, KnownHeader known) {
        return out.headers.push_back({name, value, known});
    };
    if (!request.host.present && !push("host", out.authority, KnownHeader::host))
        return too_many_headers;
    bool cookie_written = false;
    for (const FieldBlock::Field& field : block.fields()) {
        if (field.pseudo) continue;
        const std::string_view name = std::string_view(text).substr(field.at, field.name_bytes);
        std::string_view value =
            std::string_view(text).substr(field.at + field.name_bytes, field.value_bytes);
        if (field.known == KnownHeader::cookie && request.cookie.present) {
            if (cookie_written) continue;
            cookie_written = true;
            value = request.cookie.in(text);
        }
        if (field.known == KnownHeader::expect) out.expect_continue = true;
        if (field.known == KnownHeader::te) out.te_trailers = lists_trailers(value);
        if (field.known == KnownHeader::max_forwards) read_max_forwards(value, out);
        if (!push(name, value, field.known)) return too_many_headers;
    }
    return none;
}

ParseError decide_request_body(const Framing& framing, bool end_stream, RequestHead& out) noexcept {
    const bool tunnel = out.method == Method::connect || out.extended_connect;
    if (end_stream && framing.content_length > 0) return body_shorter_than_length;
    if (tunnel && framing.has_length) return bad_content_length;
    out.content_length = framing.content_length;
    if (end_stream || tunnel || (framing.has_length && framing.content_length == 0))
        out.body = BodyKind::none;
    else
        out.body = framing.has_length ? BodyKind::length : BodyKind::chunked;
    return none;
}

ParseError read_whole_request(FieldBlock& block, bool end_stream, const Limits& limits,
                              RequestHead& out, std::string& text) {
    Request request;
    ParseError error = collect(block, request);
    if (error == none)
        error = check_presence(request.pseudo, block.text(), limits.extended_connect);
    if (error == none) error = check_method(request.pseudo.method.in(block.text()));
    if (error == none) error = check_pseudo(request, block.text());
    if (request.pseudo.method.present)
        out.method = parse_method(request.pseudo.method.in(block.text()));
    if (error != none) return error;
    join_cookies(block, request);
    Span line;
    if (out.method == Method::connect && !request.pseudo.protocol.present)
        line = connect_line(block, request.pseudo.authority);
    block.take_text(text);
    error = fill_target(request, line, limits, text, out);
    if (error == none) error = fill_fields(block, request, text, out);
    if (error == none) error = decide_request_body(request.framing, end_stream, out);
    return error;
}

// RFC 9112 §6.3 with END_STREAM in place of the connection's end.
void decide_response_body(const Framing& framing, bool end_stream, Method request_method,
                          ResponseHead& out) noexcept {
    const bool connected =
        request_method == Method::connect && out.status >= 200 && out.status < 300;
    const bool bodiless = out.status < 200 || out.status == 204 || out.status == 304 ||
                          request_method == Method::head || connected;
    out.content_length = framing.content_length;
    out.has_content_length = framing.has_length;
    if (bodiless || end_stream || (framing.has_length && framing.content_length == 0))
        out.body = BodyKind::none;
    else
        out.body = framing.has_length ? BodyKind::length : BodyKind::chunked;
}

ParseError read_whole_response(FieldBlock& block, bool end_stream, Method request_method,
                               ResponseHead& out, std::string& text) {
    Framing framing;
    bool fields_began = false;
    bool has_status = false;
    for (const FieldBlock::Field& field : block.fields()) {
        if (field.pseudo) {
            if (fields_began) return misplaced_pseudo_field;
            if (block.name(field) != ":status") return unknown_pseudo_field;
            if (has_status) return repeated_pseudo_field;
            has_status = true;
            continue;
        }
        fields_began = true;
        ParseError error = check_field(block, field);
        if (error == none && field.known == KnownHeader::content_length)
            error = read_content_length(block.value(field), framing);
        if (error != none) return error;
    }
    if (!has_status) return missing_pseudo_field;
    const unsigned status = block.status();
    // 101 has no place in HTTP/2 (RFC 9113 §8.6).
    if (status < 100 || status > 599 || status == 101) return bad_status;
    if (status < 200 && end_stream) return misplaced_header_block;
    out.status = static_cast<uint16_t>(status);
    out.reason = reason_phrase(out.status);
    decide_response_body(framing, end_stream, request_method, out);
    if (end_stream && framing.content_length > 0 && request_method != Method::head &&
        out.status != 304)
        return body_shorter_than_length;
    block.take_text(text);
    for (const FieldBlock::Field& field : block.fields()) {
        if (field.pseudo) continue;
        const std::string_view whole(text);
        if (!out.headers.push_back({whole.substr(field.at, field.name_bytes),
                                    whole.substr(field.at + field.name_bytes, field.value_bytes),
                                    field.known}))
            return too_many_headers;
    }
    return none;
}

}  // namespace

ParseError read_request(FieldBlock& block, bool end_stream, const Limits& limits, RequestHead& out,
                        std::string& text) {
    out.clear();
    out.version = Version::http2;
    ParseError error = read_whole_request(block, end_stream, limits, out, text);
    // What was not kept is worse than what was wrong with the rest.
    if (block.error() != none) error = block.error();
    if (error == none) return none;
    const Method method = out.method;
    out.clear();
    out.method = method;
    out.version = Version::http2;
    return error;
}

ParseError read_response(FieldBlock& block, bool end_stream, Method request_method,
                         ResponseHead& out, std::string& text) {
    out.clear();
    out.version = Version::http2;
    const ParseError error =
        block.error() != none ? block.error()
                              : read_whole_response(block, end_stream, request_method, out, text);
    if (error != none) {
        out.clear();
        out.version = Version::http2;
    }
    return error;
}

ParseError read_trailers(const FieldBlock& block, std::string& lines) {
    if (block.error() != none) return trailer_too_large;
    const std::size_t before = lines.size();
    for (const FieldBlock::Field& field : block.fields()) {
        if (field.pseudo) return misplaced_pseudo_field;
        const std::string_view name = block.name(field);
        // What frames a message is malformed here, what merely has no place is left out.
        if (const ParseError error = check_field(block, field); error != none) return error;
        if (!may_be_trailer(name)) continue;
        lines.append(name).append(": ").append(block.value(field)).append("\r\n");
        if (lines.size() - before > ChunkedDecoder::kMaxTrailerBytes) return trailer_too_large;
    }
    return none;
}

bool announced_length(const FieldBlock& block, uint64_t& length) noexcept {
    Framing framing;
    for (const FieldBlock::Field& field : block.fields()) {
        if (field.known != KnownHeader::content_length) continue;
        if (read_content_length(block.value(field), framing) != none) return false;
    }
    length = framing.content_length;
    return framing.has_length;
}

}  // namespace glassgate::http::h2
