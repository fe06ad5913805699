// Numbers and label values as the text formats write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace glassgate::telemetry {

// Shortest text that reads back as the same double; whole numbers without point or exponent up to
// 2^53; NaN, +Inf, -Inf.
void append_number(std::string& out, double value);
void append_number(std::string& out, int64_t value);

// As append_number, but always recognisable as a float: 500.0. OpenMetrics' canonical `le`.
void append_canonical_edge(std::string& out, double edge);

// A label value between its quotes: backslash, quote and newline escaped. What is not UTF-8, and
// NUL, becomes U+FFFD: one such byte would make Prometheus refuse the whole scrape.
void append_label_value(std::string& out, std::string_view value);

// HELP text: backslash and newline escaped, in OpenMetrics quotes too.
void append_help(std::string& out, std::string_view help, bool escape_quotes);

// A value as label value in protobuf: nothing escaped, but UTF-8 mended.
void append_utf8(std::string& out, std::string_view value);
[[nodiscard]] bool is_clean_label(std::string_view value) noexcept;  // UTF-8 without NUL

}  // namespace glassgate::telemetry
