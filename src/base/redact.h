// Redaction: what must not leave the process in a log line, a span or anything else that is made of
// a record. On by default; no projection writes text of a client that has not been through here.
//
// Pure functions. Each appends a redacted copy of `text` to `out`; all are usable as the `Redact`
// of span.h. What is taken out is replaced by "***" (card numbers by '*' but for their last four
// digits, see card_numbers.h).
#pragma once

#include <string>
#include <string_view>

namespace glassgate {

inline constexpr std::string_view kRedacted = "***";

// Free text: card numbers, JSON Web Tokens (eyJ...), what follows "Bearer ".
void redact_text(std::string_view text, std::string& out);

// A query without '?': every value. Names stay; what has no '=' is treated as free text.
void redact_query_values(std::string_view query, std::string& out);

// A query, or any text with name=value pairs in it (a Referer, a Forwarded): the values of names
// that say they are secret (is_secret_name); the rest as free text.
void redact_secret_values(std::string_view text, std::string& out);

// password, token, secret, api_key, access_token, code, sig, signature, client_secret and the like,
// in any case and with '-', '_', '.' or nothing between the words; percent-encoded or not.
[[nodiscard]] bool is_secret_name(std::string_view name) noexcept;

// Headers whose value is a credential as a whole: Authorization, Cookie, x-api-key, ... A name
// that is_secret_name says of, too. `name` in any case.
[[nodiscard]] bool is_secret_header(std::string_view name) noexcept;

// `text` itself when redact_text would change nothing, else a redacted copy in `scratch`.
[[nodiscard]] std::string_view redacted(std::string_view text, std::string& scratch);

}  // namespace glassgate
