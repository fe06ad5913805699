#include "http/h1_fields.h"

#include <cstring>

#include "base/text.h"
#include "http/chars.h"

namespace glassgate::http {

std::size_t find_head_end(std::string_view bytes, std::size_t& resume) noexcept {
    std::size_t at = resume;
    while (true) {
        const void* found = at < bytes.size() ? std::memchr(bytes.data() + at, '\n', bytes.size() - at) : nullptr;
        if (found == nullptr) {
            resume = bytes.size();
            return 0;
        }
        const auto lf = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
        if (lf + 1 >= bytes.size() || (bytes[lf + 1] == '\r' && lf + 2 >= bytes.size())) {
            resume = lf;  // what follows decides
            return 0;
        }
        if (bytes[lf + 1] == '\n') return lf + 2;
        if (bytes[lf + 1] == '\r' && bytes[lf + 2] == '\n') return lf + 3;
        at = lf + 1;
    }
}

ParseError check_prefix(std::string_view bytes) noexcept {
    if (bytes.empty()) return ParseError::none;
    if (bytes[0] == ' ' || bytes[0] == '\t') return ParseError::leading_whitespace;
    // A method is short and made of token characters: a TLS hello or noise is seen at once.
    const std::size_t space = bytes.find(' ');
    const std::string_view method = bytes.substr(0, space);
    if (!all(method, kToken) && method.find_first_of("\r\n") == std::string_view::npos)
        return method.find('\0') != std::string_view::npos ? ParseError::nul_byte : ParseError::bad_method;
    if (space == std::string_view::npos && method.size() > 64) return ParseError::bad_method;
    return ParseError::none;
}

ParseError take_line(std::string_view& rest, std::string_view& line) noexcept {
    const std::size_t lf = rest.find('\n');
    if (lf == std::string_view::npos) return ParseError::bare_cr;
    if (lf == 0 || rest[lf - 1] != '\r') return ParseError::bare_lf;
    line = rest.substr(0, lf - 1);
    rest.remove_prefix(lf + 1);
    return ParseError::none;
}

namespace {

ParseError bad_byte(std::string_view text) noexcept {
    for (const char c : text) {
        if (c == '\0') return ParseError::nul_byte;
        if (c == '\r') return ParseError::bare_cr;
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return ParseError::control_byte;
    }
    return ParseError::bad_value;
}

ParseError parse_field(std::string_view line, HeaderField& field) noexcept {
    std::size_t colon = 0;
    while (colon < line.size() && is(line[colon], kToken)) ++colon;
    if (colon == line.size()) return ParseError::no_colon;
    if (line[colon] != ':') {
        if (line[colon] == ' ' || line[colon] == '\t')
            return colon == 0 ? ParseError::obs_fold : ParseError::space_before_colon;
        const ParseError byte = bad_byte(line.substr(colon, 1));
        return byte == ParseError::bad_value ? ParseError::bad_name : byte;
    }
    if (colon == 0) return ParseError::empty_name;
    field.name = line.substr(0, colon);
    field.value = trim_ows(line.substr(colon + 1));
    if (!all(field.value, kValue)) return bad_byte(field.value);
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
        const bool listed_twice = !for_each_list_element(
            value.substr(0, comma), [](std::string_view coding) { return !iequals(coding, "chunked"); });
        return listed_twice ? ParseError::bad_transfer_encoding : ParseError::unsupported_transfer_encoding;
    }
    for (const std::string_view coding : {"gzip", "deflate", "compress", "x-gzip", "x-compress"})
        if (iequals(value, coding)) return ParseError::unsupported_transfer_encoding;
    return ParseError::bad_transfer_encoding;
}

}  // namespace

ParseError parse_fields(std::string_view rest, std::size_t header_count, HeaderList& out) noexcept {
    out.clear();
    while (true) {
        std::string_view line;
        if (const ParseError error = take_line(rest, line); error != ParseError::none) return error;
        if (line.empty()) return ParseError::none;
        if (line[0] == ' ' || line[0] == '\t') return ParseError::obs_fold;
        HeaderField field;
        if (const ParseError error = parse_field(line, field); error != ParseError::none) return error;
        if (out.size() >= header_count || !out.push_back(field)) return ParseError::too_many_headers;
    }
}

ParseError read_framing(const HeaderList& headers, Version version, Framing& out) noexcept {
    for (const HeaderField& field : headers) {
        switch (field.known) {
            case KnownHeader::content_length: {
                if (out.has_length) {
                    const auto second = parse_u64(field.value);
                    return second && *second == out.content_length ? ParseError::repeated_content_length
                                                                   : ParseError::conflicting_content_length;
                }
                const auto length = field.value.size() <= 19 ? parse_u64(field.value) : std::nullopt;
                if (!length) return ParseError::bad_content_length;
                out.has_length = true;
                out.content_length = *length;
                break;
            }
            case KnownHeader::transfer_encoding: {
                const ParseError error = read_transfer_encoding(field.value, version, out.has_transfer_encoding);
                if (error != ParseError::none) return error;
                out.has_transfer_encoding = true;
                break;
            }
            case KnownHeader::connection:
                (void)for_each_list_element(field.value, [&](std::string_view token) {
                    out.close |= iequals(token, "close");
                    out.keep_alive |= iequals(token, "keep-alive");
                    out.upgrade_token |= iequals(token, "upgrade");
                    return true;
                });
                break;
            default: break;
        }
    }
    if (out.has_length && out.has_transfer_encoding) return ParseError::content_length_with_transfer_encoding;
    return ParseError::none;
}

}  // namespace glassgate::http
