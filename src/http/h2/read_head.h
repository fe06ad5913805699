// From a header block to the head that HTTP/1.1 would have had, checked by RFC 9113 §8 and RFC 9110
// so strictly that whoever gets it in either version reads the same message.
#pragma once

#include <string>

#include "http/h2/field_block.h"
#include "http/message.h"

namespace glassgate::http::h2 {

// `out` is then what parse_request_head gives, with these differences:
//   - version is http2, field names are in lower case, keep_alive is true;
//   - target is :path; `host` is in the list even if only :authority came; Cookie is one field;
//   - body is none when the head ends the stream or announces no bytes, length with a
//     Content-Length, otherwise chunked: of unknown length;
//   - an extended CONNECT (RFC 8441) has the form of the GET with Upgrade that it stands for, and
//     extended_connect is set. Only "websocket" is known.
// All views in `out` point into `text`, which takes over the block's own, or into static text. When
// it is refused `out` holds only method and version, as far as they are known.
[[nodiscard]] ParseError read_request(FieldBlock& block, bool end_stream, const Limits& limits,
                                      RequestHead& out, std::string& text);

// As parse_response_head. The status of an extended CONNECT that was accepted is the 2xx that came.
// `request_method` as it was sent: CONNECT for an extended CONNECT.
[[nodiscard]] ParseError read_response(FieldBlock& block, bool end_stream, Method request_method,
                                       ResponseHead& out, std::string& text);

// Appends the section as ChunkedDecoder::trailers() has it: "name: value\r\n" lines, without the
// fields that may not be there.
[[nodiscard]] ParseError read_trailers(const FieldBlock& block, std::string& lines);

// Content-Length of the block; nothing when there is none, or it is no number.
[[nodiscard]] bool announced_length(const FieldBlock& block, uint64_t& length) noexcept;

}  // namespace glassgate::http::h2
