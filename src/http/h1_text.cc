#include <array>
#include <charconv>

#include "http/h1.h"

namespace glassgate::http {
namespace {

struct Row {
    ParseError error;
    std::string_view text;
    uint16_t status;
};
using enum ParseError;
constexpr Row kRows[] = {
    {none, "", 200},
    {bad_method, "bad method", 400},
    {bad_target, "bad request target", 400},
    {uri_too_long, "request target too long", 414},
    {bad_version, "bad HTTP version", 400},
    {unsupported_version, "unsupported HTTP version", 505},
    {bad_status_line, "bad status line", 502},
    {bad_status, "bad status code", 502},
    {bare_lf, "line ends in a bare LF", 400},
    {bare_cr, "CR without LF", 400},
    {nul_byte, "NUL byte", 400},
    {control_byte, "control byte", 400},
    {obs_fold, "folded field line", 400},
    {leading_whitespace, "white space before the request line", 400},
    {empty_name, "empty field name", 400},
    {bad_name, "bad byte in field name", 400},
    {space_before_colon, "space before colon", 400},
    {no_colon, "field line without colon", 400},
    {bad_connection, "too many options in Connection", 400},
    {head_too_large, "header section too large", 431},
    {too_many_headers, "too many header fields", 431},
    {missing_host, "Host is missing", 400},
    {repeated_host, "Host is repeated", 400},
    {bad_host, "bad Host", 400},
    {bad_content_length, "bad Content-Length", 400},
    {conflicting_content_length, "conflicting Content-Length", 400},
    {repeated_content_length, "repeated Content-Length", 400},
    {content_length_with_transfer_encoding, "Content-Length with Transfer-Encoding", 400},
    {bad_transfer_encoding, "bad Transfer-Encoding", 400},
    {unsupported_transfer_encoding, "unsupported Transfer-Encoding", 501},
    {transfer_encoding_in_http10, "Transfer-Encoding in HTTP/1.0", 400},
    {bad_expect, "unknown expectation", 417},
    {bad_upgrade, "bad Upgrade", 400},
    {bad_chunk_size, "bad chunk size", 400},
    {chunk_size_overflow, "chunk size too large", 400},
    {bad_chunk_extension, "bad chunk extension", 400},
    {bad_chunk_end, "chunk does not end in CRLF", 400},
    {bad_trailer, "bad trailer field", 400},
    {trailer_too_large, "trailer section too large", 431},
    {unknown_pseudo_field, "unknown pseudo-header field", 400},
    {repeated_pseudo_field, "repeated pseudo-header field", 400},
    {missing_pseudo_field, "pseudo-header field is missing", 400},
    {misplaced_pseudo_field, "pseudo-header field out of place", 400},
    {upper_case_name, "upper case in field name", 400},
    {connection_field, "connection-specific field", 400},
    {bad_te, "TE other than trailers", 400},
    {space_around_value, "white space around field value", 400},
    {bad_scheme, "bad :scheme", 400},
    {conflicting_host, ":authority and Host differ", 400},
    {bad_protocol, "unsupported :protocol", 501},
    {body_longer_than_length, "body longer than Content-Length", 400},
    {body_shorter_than_length, "body shorter than Content-Length", 400},
    {body_not_allowed, "body where none may be", 400},
    {misplaced_header_block, "header block out of place", 400},
    {data_before_head, "DATA before the head", 400},
};
constexpr bool in_order() {
    for (std::size_t i = 0; i < std::size(kRows); ++i)
        if (static_cast<std::size_t>(kRows[i].error) != i) return false;
    return std::size(kRows) == kParseErrorCount;
}
static_assert(in_order());

}  // namespace

std::string_view to_text(ParseError error) noexcept {
    return kRows[static_cast<std::size_t>(error)].text;
}
uint16_t status_of(ParseError error) noexcept {
    return kRows[static_cast<std::size_t>(error)].status;
}

char* write_chunk_size(char* out, uint64_t size) noexcept {
    char* end = std::to_chars(out, out + 16, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return end;
}

std::string_view reason_phrase(uint16_t status) noexcept {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 102:
            return "Processing";
        case 103:
            return "Early Hints";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 203:
            return "Non-Authoritative Information";
        case 204:
            return "No Content";
        case 205:
            return "Reset Content";
        case 206:
            return "Partial Content";
        case 207:
            return "Multi-Status";
        case 208:
            return "Already Reported";
        case 226:
            return "IM Used";
        case 300:
            return "Multiple Choices";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 305:
            return "Use Proxy";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 407:
            return "Proxy Authentication Required";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 422:
            return "Unprocessable Content";
        case 423:
            return "Locked";
        case 424:
            return "Failed Dependency";
        case 425:
            return "Too Early";
        case 426:
            return "Upgrade Required";
        case 428:
            return "Precondition Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 451:
            return "Unavailable For Legal Reasons";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 506:
            return "Variant Also Negotiates";
        case 507:
            return "Insufficient Storage";
        case 508:
            return "Loop Detected";
        case 511:
            return "Network Authentication Required";
        default:
            return "Unknown";
    }
}

}  // namespace glassgate::http
