// The part of head parsing that requests and responses share: lines, fields, framing.
#pragma once

#include <string_view>

#include "http/h1.h"

namespace glassgate::http {

struct HeadEnd {
    std::size_t end = 0;                  // just behind the empty line; 0: not in the bytes yet
    ParseError error = ParseError::none;  // bare_lf: a line before that end has no CR
};
// Looks for the empty line that ends a head; no LF stands before `scanned`, or it was seen to be
// good by an earlier call.
[[nodiscard]] HeadEnd find_head_end(std::string_view bytes, std::size_t scanned) noexcept;

// What is wrong with a text in which some byte is not allowed: the worst byte decides; `otherwise`
// when none of them is a control byte.
[[nodiscard]] ParseError bad_byte(std::string_view text, ParseError otherwise) noexcept;

// All fields up to the empty line. `rest` ends with it, as find_head_end found it.
[[nodiscard]] ParseError parse_fields(std::string_view rest, std::size_t header_count,
                                      HeaderList& out) noexcept;

struct Framing {
    bool has_length = false, has_transfer_encoding = false;
    bool close = false, keep_alive = false, upgrade_token = false;
    uint64_t content_length = 0;
};
// Content-Length, Transfer-Encoding and Connection, RFC 9112 §6.
[[nodiscard]] ParseError read_framing(const HeaderList& headers, Version version,
                                      Framing& out) noexcept;

// One Content-Length field; a second one is an error, whatever it says.
[[nodiscard]] ParseError read_content_length(std::string_view value, Framing& out) noexcept;
// Whether a TE field lists "trailers".
[[nodiscard]] bool lists_trailers(std::string_view te) noexcept;
void read_max_forwards(std::string_view value, RequestFacts& out) noexcept;

// Whether a trailer section may have this field (RFC 9110 §6.5.1).
[[nodiscard]] bool may_be_trailer(std::string_view name) noexcept;

}  // namespace glassgate::http
