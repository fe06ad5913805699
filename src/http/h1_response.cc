#include "base/text.h"
#include "http/chars.h"
#include "http/h1.h"
#include "http/h1_fields.h"

namespace glassgate::http {
namespace {

// HTTP-version SP status-code SP [reason-phrase]; the last space is often left out and tolerated.
ParseError parse_status_line(std::string_view line, ResponseHead& out) noexcept {
    if (line.size() < 12 || !line.starts_with("HTTP/1.") || line[8] != ' ') return ParseError::bad_status_line;
    if (line[7] < '0' || line[7] > '9') return ParseError::bad_version;
    out.version = line[7] == '0' ? Version::http10 : Version::http11;
    const auto status = parse_u64(line.substr(9, 3));
    if (!status || *status < 100 || *status > 999) return ParseError::bad_status;
    if (line.size() > 12 && line[12] != ' ') return ParseError::bad_status;
    out.status = static_cast<uint16_t>(*status);
    out.reason = line.size() > 13 ? line.substr(13) : std::string_view{};
    return all(out.reason, kValue) ? ParseError::none : ParseError::control_byte;
}

// RFC 9112 §6.3.
void decide_body(const Framing& framing, Method request_method, ResponseHead& out) noexcept {
    const bool bodiless = request_method == Method::head || out.status < 200 || out.status == 204 ||
                          out.status == 304 || (request_method == Method::connect && out.status < 300);
    out.content_length = framing.content_length;
    out.has_content_length = framing.has_length;
    if (bodiless) {
        out.body = BodyKind::none;
    } else if (framing.has_transfer_encoding) {
        out.body = BodyKind::chunked;
    } else if (framing.has_length) {
        out.body = framing.content_length == 0 ? BodyKind::none : BodyKind::length;
    } else {
        out.body = BodyKind::until_close;
    }
}

}  // namespace

ParseResult parse_response_head(std::string_view bytes, const HeadLimits& limits, Method request_method,
                                std::size_t& resume, ResponseHead& out) noexcept {
    const auto failed = [](ParseError error) { return ParseResult{ParseState::failed, error, 0}; };
    constexpr std::string_view kStart = "HTTP/1.";
    if (!bytes.starts_with(kStart.substr(0, bytes.size()))) return failed(ParseError::bad_status_line);
    const std::size_t end = find_head_end(bytes, resume);
    if (end == 0) return bytes.size() > limits.head_bytes ? failed(ParseError::head_too_large) : ParseResult{};
    if (end > limits.head_bytes) return failed(ParseError::head_too_large);
    out = {};
    std::string_view rest = bytes.substr(0, end);
    std::string_view line;
    ParseError error = take_line(rest, line);
    if (error == ParseError::none) error = parse_status_line(line, out);
    if (error == ParseError::none) error = parse_fields(rest, limits.header_count, out.headers);
    Framing framing;
    if (error == ParseError::none) error = read_framing(out.headers, out.version, framing);
    if (error != ParseError::none) return failed(error);
    decide_body(framing, request_method, out);
    out.upgrade = find(out.headers, KnownHeader::upgrade);
    out.switching = out.status == 101 && framing.upgrade_token && !out.upgrade.empty();
    if (out.status == 101 && !out.switching) return failed(ParseError::bad_upgrade);
    out.keep_alive = out.version == Version::http11 ? !framing.close : framing.keep_alive && !framing.close;
    if (out.body == BodyKind::until_close) out.keep_alive = false;
    return {ParseState::complete, ParseError::none, end};
}

}  // namespace glassgate::http
