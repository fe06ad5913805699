#include "gateway/version.h"

namespace glassgate::gateway {

std::string_view version() noexcept { return GLASSGATE_VERSION; }
std::string_view commit() noexcept { return GLASSGATE_COMMIT; }

}  // namespace glassgate::gateway
