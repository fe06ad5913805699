// Reading what callers say about themselves: query parameters, Basic credentials. Pure functions;
// decoded text is kept in the request's arena.
#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"

namespace glassgate::policy {

// Undoes application/x-www-form-urlencoded ('+' and %XX). Nothing if a '%' is not followed by two
// hexadecimal digits. Text without either character is returned as it is.
[[nodiscard]] std::optional<std::string_view> decode_form(std::string_view text, Arena& arena);

// The first parameter of that (decoded) name, still encoded. data() is null when there is none.
[[nodiscard]] std::string_view find_parameter(std::string_view query,
                                              std::string_view name) noexcept;

// The user of Basic credentials (RFC 7617): what stands before the first ':'. The password is kept
// nowhere. `authorization` is the field's value, "Basic ...".
struct BasicUser {
    bool present = false;    // the scheme is Basic
    bool malformed = false;  // but what follows is not base64 of "user:password"
    std::string_view user;
};
[[nodiscard]] BasicUser basic_user(std::string_view authorization, Arena& arena);

// User and password of Basic credentials. The user has no ':', the password may.
struct BasicCredentials {
    bool present = false;    // the scheme is Basic
    bool malformed = false;  // but what follows is not base64 of "user:password"
    std::string_view user, password;
};
[[nodiscard]] BasicCredentials basic_credentials(std::string_view authorization, Arena& arena);

// Valid UTF-8 without control characters (C0, DEL, C1).
[[nodiscard]] bool is_clean_text(std::string_view text) noexcept;

}  // namespace glassgate::policy
