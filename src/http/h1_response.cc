#include "base/text.h"
#include "http/chars.h"
#include "http/h1.h"
#include "http/h1_fields.h"

namespace glassgate::http {
namespace {

// HTTP-version SP status-code SP [reason-phrase]; the last space is often left out and tolerated.
ParseError parse_status_line(std::string_view line, ResponseFacts& out) noexcept {
    if (const ParseError error = bad_byte(line.substr(0, 13), ParseError::none);
        error != ParseError::none)
        return error;
    if (line.size() < 12 || line[8] != ' ') return ParseError::bad_status_line;
    if (line[7] < '0' || line[7] > '9') return ParseError::bad_version;
    out.version = line[7] == '0' ? Version::http10 : Version::http11;
    const auto status = parse_u64(line.substr(9, 3));
    if (!status || *status < 100 || *status > 599) return ParseError::bad_status;  // RFC 9110 §15
    if (line.size() > 12 && line[12] != ' ') return ParseError::bad_status;
    out.status = static_cast<uint16_t>(*status);
    out.reason = line.size() > 13 ? line.substr(13) : std::string_view{};
    return all(out.reason, kValue) ? ParseError::none
                                   : bad_byte(out.reason, ParseError::bad_status_line);
}

// RFC 9112 §6.3.
void decide_body(const Framing& framing, Method request_method, ResponseFacts& out) noexcept {
    const bool never = out.status < 200 || out.status == 204;
    const bool bodiless = never || request_method == Method::head || out.status == 304 ||
                          (request_method == Method::connect && out.status < 300);
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
    out.keep_alive =
        out.version == Version::http11 ? !framing.close : framing.keep_alive && !framing.close;
    if (out.body == BodyKind::until_close) out.keep_alive = false;
    // A 204 must not announce a body (RFC 9112 §6.1); if it does, bytes may follow that would be
    // taken for the next response.
    if (never && (framing.has_transfer_encoding || framing.content_length != 0))
        out.keep_alive = false;
}

ParseError parse_whole(std::string_view head, const HeadLimits& limits, Method request_method,
                       ResponseHead& out) noexcept {
    const std::size_t line_end = head.find("\r\n");  // the search for the end saw one
    ParseError error = parse_status_line(head.substr(0, line_end), out);
    if (error == ParseError::none)
        error = parse_fields(head.substr(line_end + 2), limits.header_count, out.headers);
    Framing framing;
    if (error == ParseError::none) error = read_framing(out.headers, out.version, framing);
    if (error != ParseError::none) return error;
    decide_body(framing, request_method, out);
    out.upgrade = find(out.headers, KnownHeader::upgrade);
    if (out.status != 101) return ParseError::none;
    out.switching = framing.upgrade_token && !out.upgrade.empty() &&
                    !framing.has_transfer_encoding && out.version == Version::http11;
    return out.switching ? ParseError::none : ParseError::bad_upgrade;
}

}  // namespace

ParseResult parse_response_head(std::string_view bytes, const HeadLimits& limits,
                                Method request_method, std::size_t& resume,
                                ResponseHead& out) noexcept {
    out.clear();
    const auto failed = [&out](ParseError error) {
        out.clear();
        return ParseResult{ParseState::failed, error, 0};
    };
    constexpr std::string_view kStart = "HTTP/1.";
    if (!bytes.starts_with(kStart.substr(0, bytes.size())))
        return failed(ParseError::bad_status_line);
    const std::string_view window = bytes.substr(0, limits.head_bytes);
    const HeadEnd found = find_head_end(window, resume);
    if (found.error != ParseError::none) return failed(found.error);
    if (found.end == 0) {
        if (bytes.size() > limits.head_bytes) return failed(ParseError::head_too_large);
        resume = bytes.size();
        return {};
    }
    const ParseError error = parse_whole(window.substr(0, found.end), limits, request_method, out);
    if (error != ParseError::none) return failed(error);
    return {ParseState::complete, ParseError::none, found.end};
}

}  // namespace glassgate::http
