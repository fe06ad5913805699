// The request methods the gateway knows by name (RFC 9110 §9, RFC 5789). Everything else is one
// label value, OTHER, so that a client cannot make up series.
#pragma once

#include <cstdint>
#include <string_view>

namespace glassgate {

enum class Method : uint8_t {
    get,
    head,
    post,
    put,
    delete_,
    patch,
    options,
    connect,
    trace,
    other
};
inline constexpr std::size_t kMethodCount = 10;

// "GET", ..., "OTHER": the metric label.
[[nodiscard]] std::string_view to_text(Method method) noexcept;

// Methods are case-sensitive (RFC 9110 §9.1): "get" is OTHER.
[[nodiscard]] Method parse_method(std::string_view text) noexcept;

// RFC 9110 §9.2.2: may be repeated without harm.
[[nodiscard]] constexpr bool is_idempotent(Method m) noexcept {
    return m == Method::get || m == Method::head || m == Method::put || m == Method::delete_ ||
           m == Method::options || m == Method::trace;
}

// A set of methods, one bit each.
using MethodSet = uint16_t;
[[nodiscard]] constexpr MethodSet method_bit(Method m) noexcept {
    return static_cast<MethodSet>(1u << static_cast<unsigned>(m));
}
inline constexpr MethodSet kAllMethods = (1u << kMethodCount) - 1;

}  // namespace glassgate
