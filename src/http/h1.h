// HTTP/1.x on the wire (RFC 9112): strict parsing, so that no two parties can read one message
// differently. Whatever is not exactly a message is refused with a precise reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"

namespace glassgate::http {

struct HeadLimits {
    std::size_t head_bytes = 61440;  // start line and header section together
    std::size_t uri_bytes = 8192;
    std::size_t header_count = 128;  // at most kMaxHeaders
};

// Why a message was refused. to_text gives the sentence for log and detail field; status_of the
// answer to a client (for a request) -- 400, 414, 431, 501 or 505, 417.
enum class ParseError : uint8_t {
    none,
    // start line
    bad_method,
    bad_target,
    uri_too_long,
    bad_version,
    unsupported_version,
    bad_status_line,
    bad_status,
    // line discipline
    bare_lf,
    bare_cr,
    nul_byte,
    control_byte,
    obs_fold,
    leading_whitespace,
    // fields
    empty_name,
    bad_name,
    space_before_colon,
    no_colon,
    bad_connection,
    head_too_large,
    too_many_headers,
    // Host
    missing_host,
    repeated_host,
    bad_host,
    // framing
    bad_content_length,
    conflicting_content_length,
    repeated_content_length,
    content_length_with_transfer_encoding,
    bad_transfer_encoding,
    unsupported_transfer_encoding,
    transfer_encoding_in_http10,
    bad_expect,
    bad_upgrade,
    // chunked
    bad_chunk_size,
    chunk_size_overflow,
    bad_chunk_extension,
    bad_chunk_end,
    bad_trailer,
    trailer_too_large,
    // HTTP/2 only (RFC 9113 §8)
    unknown_pseudo_field,
    repeated_pseudo_field,
    missing_pseudo_field,
    misplaced_pseudo_field,
    upper_case_name,
    connection_field,
    bad_te,
    space_around_value,
    bad_scheme,
    conflicting_host,
    bad_protocol,
    body_longer_than_length,
    body_shorter_than_length,
    body_not_allowed,
    misplaced_header_block,
    data_before_head,
};
inline constexpr std::size_t kParseErrorCount =
    static_cast<std::size_t>(ParseError::data_before_head) + 1;
[[nodiscard]] std::string_view to_text(ParseError error) noexcept;  // "space before colon"
[[nodiscard]] uint16_t status_of(ParseError error) noexcept;

enum class ParseState : uint8_t { incomplete, complete, failed };

struct ParseResult {
    ParseState state = ParseState::incomplete;
    ParseError error = ParseError::none;
    std::size_t consumed = 0;  // bytes of the head, including the empty line; when complete
};

inline constexpr std::size_t kMaxMethodBytes = 64;
inline constexpr std::size_t kMaxConnectionOptions = 32;  // in all Connection fields of a message

// Finds and parses one head at the start of `bytes`. Call again with more bytes while incomplete;
// `resume` (start with 0; not to be interpreted) remembers how far the search for the end has come,
// so that a head that arrives byte by byte costs linear time. How the bytes were split never
// changes the verdict. Refused without waiting for the end of the head: a bad start (a TLS hello, a
// NUL), a bad request line, a bare LF, anything beyond a limit. At most one empty line (CRLF)
// before a request line is skipped (RFC 9112 §2.2) and counted in `consumed`, not in the limits.
//
// Every view in `out` points into `bytes`. While incomplete `out` is empty; when refused it holds
// no views, only the method and version, as far as the request line could be read.
[[nodiscard]] ParseResult parse_request_head(std::string_view bytes, const HeadLimits& limits,
                                             std::size_t& resume, RequestHead& out) noexcept;

// `request_method` decides whether a body follows. Interim (1xx) heads are returned like others.
// Both Content-Length and Transfer-Encoding is malformed here too: a gateway that picks one of them
// would vouch for a message that others read differently. keep_alive is false where the upstream
// announces a body that must not be there (204).
[[nodiscard]] ParseResult parse_response_head(std::string_view bytes, const HeadLimits& limits,
                                              Method request_method, std::size_t& resume,
                                              ResponseHead& out) noexcept;

// The grammar of chunk extensions (RFC 9112 §7.1.1), byte by byte, behind the first ';'.
class ChunkExtension {
public:
    void begin() noexcept { at_ = At::name_start; }
    // False: `c` may not stand here.
    [[nodiscard]] bool accept(char c) noexcept;
    // Whether the line may end here.
    [[nodiscard]] bool complete() const noexcept {
        return at_ == At::name || at_ == At::value || at_ == At::quoted_end;
    }

private:
    enum class At : uint8_t {
        name_start,
        name,
        name_end,
        value_start,
        value,
        value_end,
        quoted,
        quoted_pair,
        quoted_end
    };
    At at_ = At::name_start;
};

// Decodes a chunked body (RFC 9112 §7.1) that arrives in pieces. Extensions are checked and
// dropped; trailers are collected, checked and bounded. How the bytes were split changes nothing.
class ChunkedDecoder {
public:
    struct Step {
        ParseState state =
            ParseState::incomplete;  // complete: the last chunk and trailers are read
        ParseError error = ParseError::none;
        std::size_t consumed = 0;  // bytes of `in` used, framing included
        std::string_view data;     // a run of body bytes inside `in`; may be empty
    };
    // Uses as much of `in` as makes one run of data. Call in a loop until it consumes nothing, is
    // complete or has failed.
    [[nodiscard]] Step decode(std::string_view in) noexcept;

    // The trailer section after completion, "name: value\r\n" lines, forbidden fields (framing,
    // routing, authentication: RFC 9110 §6.5.1) left out. Empty in nearly every message.
    [[nodiscard]] const std::string& trailers() const noexcept { return trailers_; }
    void reset() noexcept;

    static constexpr std::size_t kMaxTrailerBytes = 8192;
    static constexpr std::size_t kMaxLineBytes = 256;  // a chunk-size line with its extensions

private:
    enum class At : uint8_t {
        size_start,
        size,
        before_extension,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer,
        done
    };
    At at_ = At::size_start;
    uint64_t left_ = 0;  // of the current chunk
    unsigned digits_ = 0;
    std::size_t line_bytes_ = 0;
    ChunkExtension extension_;
    std::string line_;  // the trailer line being collected
    std::string trailers_;
    std::size_t trailer_bytes_ = 0;

    [[nodiscard]] ParseError read_framing_byte(char c) noexcept;
    [[nodiscard]] ParseError read_size_byte(char c) noexcept;
    [[nodiscard]] ParseError read_trailer_byte(char c) noexcept;
};

// "1a2b\r\n" into `out` (room for 18 bytes); returns the end.
char* write_chunk_size(char* out, uint64_t size) noexcept;

// The standard phrase ("Not Found"); "Unknown" for codes without one.
[[nodiscard]] std::string_view reason_phrase(uint16_t status) noexcept;

}  // namespace glassgate::http
