// GW_CHECK: an always-on check for our own bugs.
//
// Untrusted input is never checked this way: it is handled. A condition that is false here means
// this program is wrong, and going on would make its numbers lie, so the process ends.
#pragma once

namespace glassgate {

[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace glassgate

#define GW_CHECK(condition)                                            \
    do {                                                               \
        if (!(condition)) [[unlikely]]                                 \
            ::glassgate::check_failed(#condition, __FILE__, __LINE__); \
    } while (false)
