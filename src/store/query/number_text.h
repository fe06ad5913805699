// Numbers as Go's strconv writes and reads them: what Prometheus' texts and JSON are made of.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glassgate::store::query {

// Shortest digits that read back the same, never an exponent (FormatFloat 'f', -1); NaN, +Inf,
// -Inf.
void append_fixed(std::string& out, double value);

// As append_fixed, but with an exponent below 1e-6 and from 1e21 on: the HTTP API's sample values.
void append_api_value(std::string& out, double value);

// %v: an exponent below 1e-4 and when there are more than six digits before the point.
[[nodiscard]] std::string general_text(double value);

// %f: six digits after the point.
[[nodiscard]] std::string six_digits(double value);

// The whole text as ParseFloat reads it: decimal, 0x with p, inf, nan; nothing when it is something
// else or too large.
[[nodiscard]] std::optional<double> parse_float(std::string_view text);

// A number literal: an integer as ParseInt reads it (0x, 0o, 0b and a leading 0 for octal), else
// parse_float.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

}  // namespace glassgate::store::query
