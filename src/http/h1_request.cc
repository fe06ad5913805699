#include <algorithm>

#include "base/text.h"
#include "http/chars.h"
#include "http/h1.h"
#include "http/h1_fields.h"
#include "http/target.h"

namespace glassgate::http {
namespace {

constexpr std::size_t kVersionBytes = 8;  // "HTTP/1.1"

// The method, as far as it is there. Noise is seen at its first byte.
ParseError check_start(std::string_view head) noexcept {
    std::size_t i = 0;
    while (i < head.size() && i <= kMaxMethodBytes && is(head[i], kToken)) ++i;
    if (i > kMaxMethodBytes) return ParseError::bad_method;
    if (i == head.size() || (i > 0 && head[i] == ' ')) return ParseError::none;
    if (i == 0) {
        switch (head[0]) {
            case ' ':
            case '\t':
                return ParseError::leading_whitespace;
            case '\n':
                return ParseError::bare_lf;
            case '\r':  // perhaps the first half of an empty line
                if (head.size() == 1) return ParseError::none;
                return head[1] == '\n' ? ParseError::bad_method : ParseError::bare_cr;
            default:
                break;
        }
    }
    return head[i] == '\0' ? ParseError::nul_byte : ParseError::bad_method;
}

// What stands where the version should: no more of it is looked at than a version has, so that the
// verdict does not depend on what follows.
ParseError check_version(std::string_view text, Version& out) noexcept {
    if (text == "HTTP/1.1") {
        out = Version::http11;
        return ParseError::none;
    }
    const std::string_view shown = text.substr(0, kVersionBytes + 1);
    if (const ParseError error = bad_byte(shown, ParseError::none); error != ParseError::none)
        return error;
    if (shown.find(' ') != std::string_view::npos && !shown.starts_with("HTTP/"))
        return ParseError::bad_target;
    const auto digit = [&](std::size_t i) { return shown[i] >= '0' && shown[i] <= '9'; };
    if (shown.size() != kVersionBytes || !shown.starts_with("HTTP/") || shown[6] != '.' ||
        !digit(5) || !digit(7))
        return ParseError::bad_version;
    if (shown[5] != '1') return ParseError::unsupported_version;
    out = shown[7] == '0' ? Version::http10
                          : Version::http11;  // a later minor version is a 1.1 (RFC 9110 §2.5)
    return ParseError::none;
}

// The request line while it grows: is there more of it than there may ever be?
ParseError check_length(std::string_view line, std::size_t uri_bytes) noexcept {
    if (line.size() <= uri_bytes) return ParseError::none;
    const std::size_t start = line.substr(0, kMaxMethodBytes + 1).find(' ') + 1;
    if (start == 0 || line.size() - start <= uri_bytes) return ParseError::none;
    const std::size_t length = line.substr(start, uri_bytes + 1).find(' ');
    if (length == std::string_view::npos) return ParseError::uri_too_long;
    const std::string_view rest = line.substr(start + length + 1);
    Version ignored;
    return rest.size() > kVersionBytes + 1 ? check_version(rest, ignored) : ParseError::none;
}

// A whole line without its CRLF, of which check_start and check_length think well.
ParseError parse_request_line(std::string_view line, std::size_t uri_bytes,
                              RequestFacts& out) noexcept {
    const std::size_t first = line.find(' ');
    if (first == std::string_view::npos) return ParseError::bad_method;
    out.method_text = line.substr(0, first);
    out.method = parse_method(out.method_text);
    const std::size_t second = line.find(' ', first + 1);
    out.target =
        line.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
    if (out.target.size() > uri_bytes) return ParseError::uri_too_long;
    if (second == std::string_view::npos)
        return bad_byte(line, ParseError::bad_version);  // HTTP/0.9 has none
    if (const ParseError error = check_version(line.substr(second + 1), out.version);
        error != ParseError::none)
        return error;
    return parse_target(line, out);
}

// RFC 9110 §7.8: an Upgrade may always be ignored. One to another version of HTTP or to TLS is:
// what follows it would be requests that nobody checks.
bool may_tunnel(std::string_view upgrade) noexcept {
    const bool foreign = for_each_list_element(upgrade, [](std::string_view protocol) {
        const std::string_view name = protocol.substr(0, protocol.find('/'));
        return !iequals(name, "h2c") && !iequals(name, "h2") && !iequals(name, "http") &&
               !iequals(name, "tls");
    });
    return foreign && !trim_ows(upgrade).empty();
}

ParseError read_request_fields(RequestHead& out) noexcept {
    Framing framing;
    if (const ParseError error = read_framing(out.headers, out.version, framing);
        error != ParseError::none)
        return error;
    bool has_host = false;
    bool one_upgrade = true;
    for (const HeaderField& field : out.headers) {
        switch (field.known) {
            case KnownHeader::host:
                if (has_host) return ParseError::repeated_host;
                has_host = true;
                if (!valid_authority(field.value, true)) return ParseError::bad_host;
                // RFC 9112 §3.2.2: the absolute form's authority wins over Host.
                if (!out.absolute_form && out.method != Method::connect)
                    out.authority = field.value;
                break;
            case KnownHeader::expect:
                if (!iequals(field.value, "100-continue")) return ParseError::bad_expect;
                out.expect_continue = out.version == Version::http11;
                break;
            case KnownHeader::upgrade:
                one_upgrade = out.upgrade.empty();
                out.upgrade = field.value;
                break;
            case KnownHeader::te:
                out.te_trailers |= lists_trailers(field.value);
                break;
            case KnownHeader::max_forwards:
                read_max_forwards(field.value, out);
                break;
            default:
                break;
        }
    }
    if (!has_host && out.version == Version::http11) return ParseError::missing_host;
    if (framing.has_transfer_encoding) {
        out.body = BodyKind::chunked;
    } else if (framing.has_length && framing.content_length > 0) {
        out.body = BodyKind::length;
    }
    out.content_length = framing.content_length;
    out.keep_alive =
        out.version == Version::http11 ? !framing.close : framing.keep_alive && !framing.close;
    out.has_upgrade = framing.upgrade_token && one_upgrade && out.version == Version::http11 &&
                      out.body == BodyKind::none && may_tunnel(out.upgrade);
    return ParseError::none;
}

// What `resume` holds: how far the search has come, and whether the request line has been checked.
struct Progress {
    std::size_t scanned;
    bool line_seen;
    static Progress from(std::size_t resume) noexcept { return {resume >> 1, (resume & 1) != 0}; }
    [[nodiscard]] std::size_t packed() const noexcept { return scanned << 1 | (line_seen ? 1 : 0); }
};

// Checks the request line as far as it is there; parses it when it is whole: `line_end` is then the
// position behind it, else 0.
ParseError take_request_line(std::string_view window, std::size_t scanned, const HeadLimits& limits,
                             RequestHead& out, std::size_t& line_end) noexcept {
    const std::size_t lf = window.find('\n', scanned);
    const std::string_view line = window.substr(0, lf);
    line_end = lf == std::string_view::npos ? 0 : lf + 1;
    if (const ParseError error = check_start(window); error != ParseError::none) return error;
    if (const ParseError error = check_length(line, limits.uri_bytes); error != ParseError::none)
        return error;
    if (line_end == 0) return ParseError::none;
    if (!line.ends_with('\r')) return ParseError::bare_lf;
    return parse_request_line(line.substr(0, lf - 1), limits.uri_bytes, out);
}

}  // namespace

bool lists_trailers(std::string_view te) noexcept {
    return !for_each_list_element(
        te, [](std::string_view coding) { return !iequals(coding, "trailers"); });
}

void read_max_forwards(std::string_view value, RequestFacts& out) noexcept {
    const auto hops = parse_u64(value);
    out.has_max_forwards = hops.has_value() && !out.has_max_forwards;
    if (hops) out.max_forwards = static_cast<uint32_t>(std::min<uint64_t>(*hops, UINT32_MAX));
}

ParseResult parse_request_head(std::string_view bytes, const HeadLimits& limits,
                               std::size_t& resume, RequestHead& out) noexcept {
    out.clear();
    const std::size_t skipped = bytes.starts_with("\r\n") ? 2 : 0;
    const std::string_view head = bytes.substr(skipped);
    const std::string_view window = head.substr(0, limits.head_bytes);
    Progress progress = Progress::from(resume);
    const std::size_t scanned = progress.scanned > skipped ? progress.scanned - skipped : 0;
    const auto failed = [&out](ParseError error) {
        const Method method = out.method;
        const Version version = out.version;
        out.clear();
        out.method = method;
        out.version = version;
        return ParseResult{ParseState::failed, error, 0};
    };
    const auto incomplete = [&](bool line_seen) {
        out.clear();
        resume = Progress{bytes.size(), line_seen}.packed();
        return ParseResult{};
    };
    const bool too_large = head.size() > limits.head_bytes;  // unless the end comes before
    std::size_t line_end = 0;
    if (!progress.line_seen) {
        const ParseError error = take_request_line(window, scanned, limits, out, line_end);
        if (error != ParseError::none) return failed(error);
        if (line_end == 0)
            return too_large ? failed(ParseError::head_too_large) : incomplete(false);
    }
    const HeadEnd found = find_head_end(window, std::max(scanned, line_end));
    if (found.end == 0 && found.error == ParseError::none && !too_large) return incomplete(true);
    if (line_end == 0)
        (void)take_request_line(window, 0, limits, out, line_end);  // checked before: for `out`
    if (found.error != ParseError::none) return failed(found.error);
    if (found.end == 0) return failed(ParseError::head_too_large);
    ParseError error = parse_fields(window.substr(line_end, found.end - line_end),
                                    limits.header_count, out.headers);
    if (error == ParseError::none) error = read_request_fields(out);
    if (error != ParseError::none) return failed(error);
    return {ParseState::complete, ParseError::none, found.end + skipped};
}

}  // namespace glassgate::http
