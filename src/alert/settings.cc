#include "alert/settings.h"

#include <array>

namespace glassgate::alert {

std::string_view kind_of(const Integration& integration) noexcept {
    static constexpr std::array<std::string_view, 5> kNames = {"webhook", "pagerduty", "slack",
                                                               "teams", "email"};
    return kNames[integration.target.index()];
}

}  // namespace glassgate::alert
