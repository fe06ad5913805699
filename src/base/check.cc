#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace glassgate {

void check_failed(const char* expression, const char* file, int line) noexcept {
    std::fprintf(stderr, "glassgate: BUG: %s is false (%s:%d)\n", expression, file, line);
    std::abort();
}

}  // namespace glassgate
