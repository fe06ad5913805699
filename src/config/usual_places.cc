#include "config/usual_places.h"

#include <cstdlib>
#include <filesystem>

#include "config/duration.h"

namespace glassgate::config {

std::vector<std::string> usual_places() {
    constexpr const char* kFolders[] = {"/usr/local/share/mulesoft/flex-gateway/conf.d",
                                        "/etc/mulesoft/flex-gateway/conf.d",
                                        "/etc/mulesoft/flex-gateway/conf.d/custom",
                                        "/etc/mulesoft/flex-gateway/conf.d/policies/definitions"};
    std::vector<std::string> out;
    std::error_code ignored;
    for (const char* const folder : kFolders)
        if (std::filesystem::is_directory(folder, ignored)) out.emplace_back(folder);
    return out;
}

uint32_t debounce_ms(uint32_t fallback) {
    const char* const text = std::getenv("FLEX_SYNC_DEBOUNCE_TIME");
    const auto ms = text != nullptr ? parse_duration_ms(text) : std::nullopt;
    return ms && *ms >= 1 && *ms <= 60'000 ? static_cast<uint32_t>(*ms) : fallback;
}

}  // namespace glassgate::config
