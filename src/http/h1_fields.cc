#include "http/h1_fields.h"

#include "base/text.h"
#include "http/chars.h"
#include "http/scan.h"

namespace glassgate::http {

HeadEnd find_head_end(std::string_view bytes, std::size_t scanned) noexcept {
    HeadEnd found;
    for_each_lf(bytes, scanned, [&](std::size_t lf) {
        if (lf == 0 || bytes[lf - 1] != '\r') {
            found.error = ParseError::bare_lf;
            return false;
        }
        if (lf >= 3 && bytes[lf - 2] == '\n') {
            found.end = lf + 1;
            return false;
        }
        return true;
    });
    return found;
}

ParseError bad_byte(std::string_view text, ParseError otherwise) noexcept {
    for (const char c : text) {
        if (c == '\0') return ParseError::nul_byte;
        if (c == '\r') return ParseError::bare_cr;
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return ParseError::control_byte;
    }
    return otherwise;
}

namespace {

// A line whose name is not followed by a colon. `length`: of the part that could be a name.
ParseError bad_name_error(std::string_view line, std::size_t length) noexcept {
    if (length == 0 && (line[0] == ' ' || line[0] == '\t')) return ParseError::obs_fold;
    if (length == 0 && line[0] == ':') return ParseError::empty_name;
    const std::size_t colon = line.find(':', length);
    const std::string_view name = line.substr(0, colon);
    if (colon != std::string_view::npos && trim_ows(name.substr(length)).empty())
        return ParseError::space_before_colon;
    return bad_byte(name,
                    colon == std::string_view::npos ? ParseError::no_colon : ParseError::bad_name);
}

// Reads one field line at `at`, which moves behind its CRLF. Bytes up to `end` end with CRLF.
ParseError parse_field(const char*& at, const char* end, HeaderField& field) noexcept {
    const char* const start = at;
    const char* c = at;
    while (is(*c, kToken)) ++c;  // CR is none
    const auto length = static_cast<std::size_t>(c - start);
    if (*c != ':' || length == 0) {
        const std::string_view rest(start, static_cast<std::size_t>(end - start));
        return bad_name_error(rest.substr(0, rest.find("\r\n")), length);
    }
    field.name = {start, length};
    ++c;
    while (*c == ' ' || *c == '\t') ++c;
    const char* const value = c;
    c = skip_value(c, end);
    if (c[0] != '\r' || c[1] != '\n') return bad_byte({c, 1}, ParseError::control_byte);
    at = c + 2;
    while (c != value && (c[-1] == ' ' || c[-1] == '\t')) --c;
    field.value = {value, static_cast<std::size_t>(c - value)};
    field.known = known_header(field.name);
    return ParseError::none;
}

ParseError read_transfer_encoding(std::string_view value, Version version, bool repeated) noexcept {
    if (version == Version::http10) return ParseError::transfer_encoding_in_http10;
    if (repeated) return ParseError::bad_transfer_encoding;
    if (iequals(value, "chunked")) return ParseError::none;
    // Known codings before a final chunked are legal, but nothing we could pass on safely.
    const std::size_t comma = value.rfind(',');
    if (comma != std::string_view::npos && iequals(trim_ows(value.substr(comma + 1)), "chunked")) {
        const bool listed_once = for_each_list_element(
            value.substr(0, comma),
            [](std::string_view coding) { return !iequals(coding, "chunked"); });
        const bool named = !trim_ows(value.substr(0, comma)).empty();
        return listed_once && named ? ParseError::unsupported_transfer_encoding
                                    : ParseError::bad_transfer_encoding;
    }
    for (const std::string_view coding : {"gzip", "deflate", "compress", "x-gzip", "x-compress"})
        if (iequals(value, coding)) return ParseError::unsupported_transfer_encoding;
    return ParseError::bad_transfer_encoding;
}

}  // namespace

ParseError read_content_length(std::string_view value, Framing& out) noexcept {
    const auto length = value.size() <= 19 ? parse_u64(value) : std::nullopt;
    if (!length) return ParseError::bad_content_length;
    if (out.has_length)
        return *length == out.content_length ? ParseError::repeated_content_length
                                             : ParseError::conflicting_content_length;
    out.has_length = true;
    out.content_length = *length;
    return ParseError::none;
}

ParseError parse_fields(std::string_view rest, std::size_t header_count, HeaderList& out) noexcept {
    out.clear();
    const char* at = rest.data();
    const char* const end = at + rest.size();
    while (at[0] != '\r') {
        if (out.size() >= header_count) return ParseError::too_many_headers;
        HeaderField field;
        if (const ParseError error = parse_field(at, end, field); error != ParseError::none)
            return error;
        if (!out.push_back(field)) return ParseError::too_many_headers;
    }
    return at[1] == '\n' ? ParseError::none : ParseError::bare_cr;
}

ParseError read_framing(const HeaderList& headers, Version version, Framing& out) noexcept {
    std::size_t options = 0;
    for (const HeaderField& field : headers) {
        ParseError error = ParseError::none;
        switch (field.known) {
            case KnownHeader::content_length:
                error = read_content_length(field.value, out);
                break;
            case KnownHeader::transfer_encoding:
                error = read_transfer_encoding(field.value, version, out.has_transfer_encoding);
                out.has_transfer_encoding = true;
                break;
            case KnownHeader::connection: {
                const bool few = for_each_list_element(field.value, [&](std::string_view option) {
                    out.close |= iequals(option, "close");
                    out.keep_alive |= iequals(option, "keep-alive");
                    out.upgrade_token |= iequals(option, "upgrade");
                    return ++options <= kMaxConnectionOptions;
                });
                if (!few) error = ParseError::bad_connection;
                break;
            }
            default:
                break;
        }
        if (error != ParseError::none) return error;
    }
    if (out.has_length && out.has_transfer_encoding)
        return ParseError::content_length_with_transfer_encoding;
    return ParseError::none;
}

}  // namespace glassgate::http
