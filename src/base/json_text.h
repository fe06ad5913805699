// JSON strings and numbers (RFC 8259) as the log lines hold them. Appends only; allocates nothing
// but what `out` needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace glassgate {

// With its quotes. Control characters, '"' and '\' are escaped; every ill-formed part of what is
// not UTF-8 is U+FFFD, so that the line is JSON whatever the client sent.
void append_json_string(std::string& out, std::string_view text);

// The same without quotes.
void append_json_escaped(std::string& out, std::string_view text);

// Nanoseconds as milliseconds with three decimals, rounded: 4.213.
void append_ms(std::string& out, uint64_t ns);

}  // namespace glassgate
