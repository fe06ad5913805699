// The part of head parsing that requests and responses share: lines, fields, framing.
#pragma once

#include <string_view>

#include "http/h1.h"

namespace glassgate::http {

// Where the head ends (just behind the empty line), 0 if not in `bytes` yet. A line that ends in a
// bare LF counts as a line end here, so that parsing sees and refuses it.
[[nodiscard]] std::size_t find_head_end(std::string_view bytes, std::size_t& resume) noexcept;

// What is wrong with a head whose end has not come yet, if that can be said already.
[[nodiscard]] ParseError check_prefix(std::string_view bytes) noexcept;

// One line without its CRLF; `rest` moves behind it.
[[nodiscard]] ParseError take_line(std::string_view& rest, std::string_view& line) noexcept;

// All fields up to the empty line.
[[nodiscard]] ParseError parse_fields(std::string_view rest, std::size_t header_count, HeaderList& out) noexcept;

struct Framing {
    bool has_length = false, has_transfer_encoding = false;
    bool close = false, keep_alive = false, upgrade_token = false;
    uint64_t content_length = 0;
};
// Content-Length, Transfer-Encoding and Connection, RFC 9112 §6.
[[nodiscard]] ParseError read_framing(const HeaderList& headers, Version version, Framing& out) noexcept;

}  // namespace glassgate::http
