#include "base/method.h"

namespace glassgate {
namespace {
constexpr std::string_view kNames[kMethodCount] = {"GET",   "HEAD",    "POST",    "PUT",   "DELETE",
                                                   "PATCH", "OPTIONS", "CONNECT", "TRACE", "OTHER"};
}

std::string_view to_text(Method method) noexcept { return kNames[static_cast<unsigned>(method)]; }

Method parse_method(std::string_view text) noexcept {
    for (std::size_t i = 0; i + 1 < kMethodCount; ++i)
        if (kNames[i] == text) return static_cast<Method>(i);
    return Method::other;
}

}  // namespace glassgate
