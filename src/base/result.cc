#include "base/result.h"

#include <cstring>

namespace glassgate {

std::unexpected<Error> failure_errno(std::string what, int error_number) {
    char buffer[128];
    const char* text = strerror_r(error_number, buffer, sizeof buffer);
    what += ": ";
    what += text;
    return failure(std::move(what));
}

}  // namespace glassgate
