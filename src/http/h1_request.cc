#include "base/text.h"
#include "http/chars.h"
#include "http/h1.h"
#include "http/h1_fields.h"

namespace glassgate::http {
namespace {

// uri-host [":" port], RFC 9112 §3.2: no userinfo, no list, a port of digits only.
bool valid_authority(std::string_view host, bool may_be_empty) noexcept {
    if (host.empty()) return may_be_empty;
    if (!all(host, kHost) || host.size() > 255 + 6) return false;
    std::string_view port;
    if (host[0] == '[') {
        const std::size_t close = host.find(']');
        if (close == std::string_view::npos) return false;
        const std::string_view after = host.substr(close + 1);
        if (!after.empty() && after[0] != ':') return false;
        port = after.empty() ? after : after.substr(1);
        if (host.substr(1, close - 1).find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
            return false;
    } else {
        const std::size_t colon = host.find(':');
        if (colon == 0 || host.find_first_of("[]") != std::string_view::npos) return false;
        port = colon == std::string_view::npos ? std::string_view{} : host.substr(colon + 1);
    }
    if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) return false;
    return port.empty() || *parse_u64(port) <= 65535;
}

bool has_encoded_nul(std::string_view path) noexcept { return path.find("%00") != std::string_view::npos; }

ParseError parse_target(RequestHead& out) noexcept {
    std::string_view target = out.target;
    if (target.empty() || !all(target, kTarget) || has_encoded_nul(target)) return ParseError::bad_target;
    if (out.method == Method::connect) {
        out.authority = target;
        out.path = "/";
        return valid_authority(target, false) && target.rfind(':') != std::string_view::npos
                   ? ParseError::none : ParseError::bad_target;
    }
    if (target == "*") {
        out.path = target;
        return out.method == Method::options ? ParseError::none : ParseError::bad_target;
    }
    if (target[0] != '/') {
        const std::size_t scheme = target.find("://");
        if (scheme == std::string_view::npos) return ParseError::bad_target;
        const std::string_view name = target.substr(0, scheme);
        if (!iequals(name, "http") && !iequals(name, "https")) return ParseError::bad_target;
        out.absolute_form = true;
        target.remove_prefix(scheme + 3);
        const std::size_t end = target.find_first_of("/?");
        out.authority = target.substr(0, end);
        if (!valid_authority(out.authority, false)) return ParseError::bad_target;
        target = end == std::string_view::npos ? std::string_view{} : target.substr(end);
    }
    const std::size_t question = target.find('?');
    out.path = target.substr(0, question);
    if (out.path.empty()) out.path = "/";
    out.has_query = question != std::string_view::npos;
    if (out.has_query) out.query = target.substr(question + 1);
    return ParseError::none;
}

ParseError parse_version(std::string_view text, Version& out) noexcept {
    if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.' || text[5] < '0' ||
        text[5] > '9' || text[7] < '0' || text[7] > '9')
        return ParseError::bad_version;
    if (text[5] != '1') return ParseError::unsupported_version;
    out = text[7] == '0' ? Version::http10 : Version::http11;
    return ParseError::none;
}

ParseError parse_request_line(std::string_view line, const HeadLimits& limits, RequestHead& out) noexcept {
    const std::size_t first = line.find(' ');
    if (first == std::string_view::npos || first == 0) return ParseError::bad_method;
    const std::size_t last = line.rfind(' ');
    out.method_text = line.substr(0, first);
    if (!all(out.method_text, kToken)) return ParseError::bad_method;
    out.method = parse_method(out.method_text);
    if (last == first) return ParseError::bad_version;  // HTTP/0.9 has none
    out.target = line.substr(first + 1, last - first - 1);
    if (out.target.size() > limits.uri_bytes) return ParseError::uri_too_long;
    if (const ParseError error = parse_version(line.substr(last + 1), out.version); error != ParseError::none)
        return error;
    return parse_target(out);
}

ParseError read_request_fields(RequestHead& out) noexcept {
    Framing framing;
    if (const ParseError error = read_framing(out.headers, out.version, framing); error != ParseError::none)
        return error;
    bool has_host = false;
    for (const HeaderField& field : out.headers) {
        switch (field.known) {
            case KnownHeader::host:
                if (has_host) return ParseError::repeated_host;
                has_host = true;
                if (!valid_authority(field.value, true)) return ParseError::bad_host;
                // RFC 9112 §3.2.2: the absolute form's authority wins over Host.
                if (!out.absolute_form && out.method != Method::connect) out.authority = field.value;
                break;
            case KnownHeader::expect:
                if (!iequals(field.value, "100-continue")) return ParseError::bad_expect;
                out.expect_continue = out.version == Version::http11;
                break;
            case KnownHeader::upgrade: out.upgrade = field.value; break;
            case KnownHeader::te: out.te_trailers |= iequals(field.value, "trailers"); break;
            default: break;
        }
    }
    if (!has_host && out.version == Version::http11) return ParseError::missing_host;
    if (framing.has_transfer_encoding) {
        out.body = BodyKind::chunked;
    } else if (framing.has_length && framing.content_length > 0) {
        out.body = BodyKind::length;
    }
    out.content_length = framing.content_length;
    out.keep_alive = out.version == Version::http11 ? !framing.close : framing.keep_alive && !framing.close;
    out.has_upgrade = framing.upgrade_token && !out.upgrade.empty() && out.version == Version::http11;
    return ParseError::none;
}

}  // namespace

ParseResult parse_request_head(std::string_view bytes, const HeadLimits& limits, std::size_t& resume,
                               RequestHead& out) noexcept {
    const std::size_t skipped = bytes.starts_with("\r\n") ? 2 : 0;
    const std::string_view head = bytes.substr(skipped);
    const auto failed = [](ParseError error) { return ParseResult{ParseState::failed, error, 0}; };
    std::size_t inner = resume > skipped ? resume - skipped : 0;
    if (inner == 0) {
        if (const ParseError error = check_prefix(head); error != ParseError::none) return failed(error);
    }
    const std::size_t end = find_head_end(head, inner);
    resume = inner + skipped;
    if (end == 0) {
        const std::size_t line_end = head.find('\n');
        if (line_end == std::string_view::npos && head.size() > limits.uri_bytes + 32)
            return failed(ParseError::uri_too_long);
        if (line_end != std::string_view::npos && (line_end == 0 || head[line_end - 1] != '\r'))
            return failed(ParseError::bare_lf);
        if (head.size() > limits.head_bytes) return failed(ParseError::head_too_large);
        return {};
    }
    out = {};
    std::string_view rest = head.substr(0, end);
    std::string_view line;
    ParseError error = take_line(rest, line);
    if (error == ParseError::none && line.find('\0') != std::string_view::npos) error = ParseError::nul_byte;
    if (error == ParseError::none) error = parse_request_line(line, limits, out);
    if (error == ParseError::none && end > limits.head_bytes) error = ParseError::head_too_large;
    if (error == ParseError::none) error = parse_fields(rest, limits.header_count, out.headers);
    if (error == ParseError::none) error = read_request_fields(out);
    if (error != ParseError::none) return failed(error);
    return {ParseState::complete, ParseError::none, end + skipped};
}

}  // namespace glassgate::http
